"""`ossamma runs`: the experiment book: list, show and compare run folders."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ossamma.cli.options import Json, LabelMap
from ossamma.pipeline.run_states import RunStatus, SortKey

app = typer.Typer(
    help="The experiment book: list, show and compare runs.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)

LIST_EXAMPLES = """
[bold]Examples[/bold]

ossamma runs list

ossamma runs list runs searches --sort dev --status finished

ossamma runs list searches/wnut17 --json
"""
SHOW_EXAMPLES = """
[bold]Examples[/bold]

ossamma runs show runs/a
"""
COMPARE_EXAMPLES = """
[bold]Examples[/bold]

ossamma runs compare runs/a runs/b

ossamma runs compare runs/a runs/b --gold test.conll
"""


@app.command(name="list", epilog=LIST_EXAMPLES)
def list_runs(
    folders: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[FOLDER]...", help="Where to look; `runs` if none is given."),
    ] = None,
    sort: Annotated[
        SortKey, typer.Option("--sort", help="Words ascend; figures and times descend.")
    ] = SortKey.NAME,
    reverse: Annotated[bool, typer.Option("--reverse", help="Sort the other way round.")] = False,
    status: Annotated[
        list[RunStatus] | None,
        typer.Option("--status", help="Only these; may be repeated. left: its process is gone."),
    ] = None,
    as_json: Json = False,
) -> None:
    """List the runs in and below folders: training, pre-training, demonstrations, trials.

    Damaged runs, and run.json files of other programs, are listed as such.
    """
    import json

    from ossamma.cli.run_tables import show_list
    from ossamma.pipeline.run_book import find_runs, sort_runs

    chosen = folders or [Path("runs")]
    entries = sort_runs(find_runs(chosen), sort, reverse=reverse)
    if status:
        entries = [entry for entry in entries if entry.status in status]
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
            help="Labelled documents that all runs are judged on, with the significance of the "
            "differences; may be repeated.",
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

    With --gold every run answers on these documents, with its bundle or its predictions.jsonl, and
    the difference is tested by paired resampling of documents.
    """
    import json

    from ossamma.cli.run_tables import show_comparison, show_significance
    from ossamma.pipeline.run_compare import compare_runs

    comparison = compare_runs(runs)
    paired = []
    if gold:
        from ossamma.cli.logs import quieten
        from ossamma.pipeline.judgement import GoldRequest
        from ossamma.pipeline.run_significance import compare_on_gold

        quieten()
        request = GoldRequest(files=tuple(gold), profile=profile, table=label_map)
        paired = compare_on_gold(runs, request)
    if as_json:
        significance = [each.to_json() for each in paired] if gold else None
        typer.echo(json.dumps({**comparison.to_json(), "significance": significance}))
        return
    show_comparison(comparison)
    if paired:
        show_significance(paired)
