"""The `ossamma` command: gathers the verbs.

Exit codes: 0 done; 1 a check was not passed; 2 the input, options or files are at fault (the
message says how); 3 no check failed, but one could not be made; 130 interrupted; 141 the reader of
the output went away.
"""

from __future__ import annotations

import io
import sys
from typing import Annotated

import typer

from ossamma.cli import (
    ablate,
    alerts,
    calibrate,
    data,
    demo,
    evaluate,
    export,
    extract,
    gate,
    graph,
    graph_sample,
    info,
    ingest,
    pretrain,
    profile,
    push,
    run,
    runs,
    serve,
    spacy,
    stream,
    tokenizer,
    train,
    tune,
)
from ossamma.cli.errors import Verbs

app = typer.Typer(
    name="ossamma",
    cls=Verbs,
    help="Named entity recognition: train, evaluate, and use models that verify themselves.",
    no_args_is_help=True,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
app.command(name="demo", epilog=demo.EXAMPLES)(demo.demo)
app.command(name="train", epilog=train.EXAMPLES)(train.train)
app.add_typer(tokenizer.app, name="tokenizer")
app.command(name="pretrain", epilog=pretrain.EXAMPLES)(pretrain.pretrain)
app.command(name="evaluate", epilog=evaluate.EXAMPLES)(evaluate.evaluate)
app.command(name="calibrate", epilog=calibrate.EXAMPLES)(calibrate.calibrate)
app.command(name="gate", epilog=gate.EXAMPLES)(gate.gate)
app.command(name="tune", epilog=tune.EXAMPLES)(tune.tune)
app.command(name="ablate", epilog=ablate.EXAMPLES)(ablate.ablate)
app.command(name="run", epilog=run.EXAMPLES)(run.run)
app.add_typer(runs.app, name="runs")
app.command(name="profile", epilog=profile.EXAMPLES)(profile.profile)
app.command(name="export", epilog=export.EXAMPLES)(export.export)
app.command(name="push", epilog=push.EXAMPLES)(push.push)
app.command(name="extract", epilog=extract.EXAMPLES)(extract.extract)
app.command(name="serve", epilog=serve.EXAMPLES)(serve.serve)
app.add_typer(alerts.app, name="alerts")
app.add_typer(data.app, name="data")
app.add_typer(spacy.app, name="spacy")
app.command(name="ingest", epilog=ingest.EXAMPLES)(ingest.ingest)
app.command(name="stream", epilog=stream.EXAMPLES)(stream.stream)
graph.app.command(name="sample", epilog=graph_sample.SAMPLE_EXAMPLES)(graph_sample.sample)
graph.app.command(name="precision", epilog=graph_sample.PRECISION_EXAMPLES)(graph_sample.precision)
app.add_typer(graph.app, name="graph")
app.command(name="info", epilog=info.EXAMPLES)(info.info)


def _show_version(wanted: bool) -> None:
    if wanted:
        from ossamma.export.manifest import own_version

        typer.echo(f"ossamma {own_version()}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """Named entity recognition: train, evaluate, and use models that verify themselves."""
    del version


def main() -> None:
    """Run the command line."""
    for output in (sys.stdout, sys.stderr):
        # A pipe or terminal that is not UTF-8 gets escapes for what it cannot show, never a crash.
        if isinstance(output, io.TextIOWrapper):
            output.reconfigure(errors="backslashreplace")
    app()


if __name__ == "__main__":
    main()
