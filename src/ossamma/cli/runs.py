"""`ossamma runs`: the experiment book: list, show and compare run folders."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ossamma.cli.options import Json, LabelMap
from ossamma.pipeline.run_states import RunKind, RunStatus, SortKey

app = typer.Typer(
    help="The experiment book: list, show and compare runs.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)

LIST_EXAMPLES = """
[bold]Examples[/bold]

ossamma runs list

ossamma runs list runs searches --sort dev --status finished

ossamma runs list --kind training --profile rag9 --sort test

ossamma runs list searches/wnut17 --json
"""
SHOW_EXAMPLES = """
[bold]Examples[/bold]

ossamma runs show runs/a

ossamma runs show runs/a --json
"""
COMPARE_EXAMPLES = """
[bold]Examples[/bold]

ossamma runs compare runs/a runs/b

ossamma runs compare runs/a runs/b --gold test.conll
"""


@app.command(name="list", epilog=LIST_EXAMPLES)
def list_runs(  # noqa: PLR0913  a verb's options are its arguments
    folders: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[FOLDER]...", help="Where to look; `runs` if none is given."),
    ] = None,
    sort: Annotated[
        SortKey, typer.Option("--sort", help="Words ascend; figures and times descend.")
    ] = SortKey.NAME,
    reverse: Annotated[bool, typer.Option("--reverse", help="Sort the other way round.")] = False,
    kind: Annotated[
        list[RunKind] | None, typer.Option("--kind", help="Only these; may be repeated.")
    ] = None,
    status: Annotated[
        list[RunStatus] | None,
        typer.Option("--status", help="Only these; may be repeated. left: its process is gone."),
    ] = None,
    profile: Annotated[
        list[str] | None,
        typer.Option("--profile", metavar="P", help="Only these; may be repeated."),
    ] = None,
    as_json: Json = False,
) -> None:
    """List the runs in and below folders: training, pre-training, trials, ablations.

    Damaged runs, and run.json files of other programs, are listed as such.
    """
    import json

    from ossamma.cli.run_tables import show_list
    from ossamma.pipeline.run_book import find_runs, select_runs, sort_runs

    chosen = folders or [Path("runs")]
    selected = select_runs(
        find_runs(chosen), kinds=kind or (), statuses=status or (), profiles=profile or ()
    )
    entries = sort_runs(selected, sort, reverse=reverse)
    if as_json:
        typer.echo(json.dumps([entry.to_json() for entry in entries]))
    else:
        show_list(entries, chosen)


@app.command(name="show", epilog=SHOW_EXAMPLES)
def show(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.")],
    as_json: Json = False,
) -> None:
    """Show a run: its recipe, data, scores, curves, versions and machine."""
    import json

    from ossamma.cli.run_tables import show_run
    from ossamma.pipeline.run_book import entry_of
    from ossamma.pipeline.run_content import require_run

    content = require_run(run)
    if as_json:
        facts = {
            "entry": entry_of(content).to_json(),
            "record": content.record,
            "metrics": content.metrics,
            "log": content.log,
        }
        typer.echo(json.dumps(facts))
    else:
        show_run(content)


@app.command(name="compare", epilog=COMPARE_EXAMPLES)
def compare(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN RUN...", help="Run folders.")],
    gold: Annotated[
        list[Path] | None,
        typer.Option(
            "--gold",
            metavar="FILE",
            help="Labelled documents that all bundles are run on, instead of the answers that the "
            "runs have kept; may be repeated.",
        ),
    ] = None,
    profile: Annotated[
        str | None,
        typer.Option("--profile", metavar="P", help="Profile that the gold labels are mapped to."),
    ] = None,
    label_map: LabelMap = None,
    as_json: Json = False,
) -> None:
    """Show what differs between runs, and their scores against the first one's.

    Runs that were tested on the same file have kept their answers: their difference is tested by
    paired resampling of documents. With --gold the bundles answer on other documents.
    """
    import json

    from ossamma.cli.run_comparison import show_comparison, show_notes, show_significance
    from ossamma.pipeline.run_compare import compare_runs
    from ossamma.pipeline.run_significance import PairedResult, compare_answers
    from ossamma.schema.errors import OssammaError

    comparison = compare_runs(runs)
    notes = list(comparison.notes)
    paired: list[PairedResult] = []
    if gold:
        from ossamma.cli.logs import quieten
        from ossamma.pipeline.judgement import GoldRequest
        from ossamma.pipeline.run_judgement import compare_on_gold

        quieten()
        request = GoldRequest(files=tuple(gold), profile=profile, table=label_map)
        paired = compare_on_gold(runs, request)
    else:
        try:
            paired = compare_answers(runs)
        except OssammaError as error:  # the comparison stands without it
            notes.append(f"no test of significance: {error}; name documents with --gold FILE")
    if as_json:
        significance = [each.to_json() for each in paired]
        content = {**comparison.to_json(), "significance": significance, "notes": notes}
        typer.echo(json.dumps(content))
        return
    show_comparison(comparison)
    show_significance(paired)
    show_notes(notes)
