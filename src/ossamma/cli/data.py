"""`ossamma data`: fetch, build, describe and audit training data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ossamma.cli import data_audit, data_build, data_prepare, data_review, data_suspects
from ossamma.cli.options import DataFolder, Json, Mirror, Offline

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ossamma.cli.data_progress import BuildBar
    from ossamma.data.catalog import DatasetCard
    from ossamma.data.fetch import FetchReport

app = typer.Typer(
    help="Fetch, build, describe and audit training data.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)
app.command(name="build", epilog=data_build.BUILD_EXAMPLES)(data_build.build)
app.command(name="card", epilog=data_build.CARD_EXAMPLES)(data_build.card)
app.command(name="audit", epilog=data_audit.EXAMPLES)(data_audit.audit)
app.command(name="prepare", epilog=data_prepare.EXAMPLES)(data_prepare.prepare)
app.command(name="suspects", epilog=data_suspects.EXAMPLES)(data_suspects.suspects)
app.command(name="review", epilog=data_review.EXAMPLES)(data_review.review)

LIST_EXAMPLES = """
[bold]Examples[/bold]

ossamma data list

ossamma data list --json | jq '.[] | select(.redistributable == "yes") | .name'
"""


@app.command(name="list", epilog=LIST_EXAMPLES)
def list_cards(
    data: DataFolder = Path("data"), mirror: Mirror = None, as_json: Json = False
) -> None:
    """List the catalogued data sets, their licences and whether they are at hand."""
    import json

    from rich.table import Table

    from ossamma.cli.terminal import Output
    from ossamma.data.catalog import load_catalog
    from ossamma.data.locations import locate

    roots = [data, *([mirror] if mirror else [])]
    rows = []
    for card in load_catalog().values():
        place = locate(card, roots)
        at_hand = len(place.found) + len(place.packed)
        rows.append(
            {
                "name": card.name,
                "kind": card.kind.value,
                "title": card.title,
                "licence": card.licence,
                "redistributable": card.redistributable.value,
                "format": card.format,
                "files_at_hand": at_hand,
                "files_missing": len(place.missing),
            }
        )
    if as_json:
        typer.echo(json.dumps(rows))
        return
    table = Table("name", "kind", "may be passed on", "at hand", "title")
    for row in rows:
        state = "yes" if row["files_at_hand"] else "no"
        state = "partly" if row["files_at_hand"] and row["files_missing"] else state
        cells = (row["name"], row["kind"], row["redistributable"], state, row["title"])
        table.add_row(*map(str, cells))
    Output().print(table)


FETCH_EXAMPLES = """
[bold]Examples[/bold]

ossamma data fetch wnut17 btc

ossamma data fetch --profile rag9 --mirror /mnt/corpora --offline

ossamma data fetch ontonotes5 --from ~/conll-formatted-ontonotes-5.0
"""


@app.command(epilog=FETCH_EXAMPLES)
def fetch(  # noqa: PLR0913  a verb's options are its arguments
    names: Annotated[list[str] | None, typer.Argument(metavar="NAME", help="Data sets.")] = None,
    profile: Annotated[
        str | None,
        typer.Option("--profile", metavar="P", help="All data sets of the profile's build."),
    ] = None,
    data: DataFolder = Path("data"),
    mirror: Mirror = None,
    source: Annotated[
        Path | None,
        typer.Option("--from", metavar="DIR", help="Folder with the files of one data set."),
    ] = None,
    offline: Offline = False,
    as_json: Json = False,
) -> None:
    """Put data sets into a folder, each file whole and checked against its SHA-256."""
    import json

    from ossamma.cli.data_progress import BuildBar, downloader
    from ossamma.data.fetch import fetch as fetch_card

    if (not names) == (profile is None):
        raise typer.BadParameter("give the names of data sets, or --profile P")
    if source is not None and len(names or []) != 1:
        raise typer.BadParameter("--from is about one data set; name it")
    with BuildBar() as bar, downloader(offline=offline) as client:
        reports, failures = _fetch_all(
            list(names or []) or _cards_of(profile or ""),
            lambda card: fetch_card(
                card, data, client=client, mirror=mirror, source=source, progress=bar
            ),
            bar,
        )
    if as_json:
        content = [_fetched(report) for report in reports]
        typer.echo(json.dumps({"fetched": content, "failed": failures}))
    else:
        for report in reports:
            typer.echo(f"{report.name}: {len(report.files)} files in {report.folder}")
            for lost in report.missing:
                typer.echo(f"  missing {lost.path}: {lost.reason}")
        for failure in failures:
            typer.echo(f"{failure['name']}: not fetched: {failure['reason']}", err=True)
    if failures:
        raise typer.Exit(1)


def _cards_of(profile: str) -> list[str]:
    """Names of the data sets that a profile's build takes."""
    from ossamma.data.policy import Grade, load_policy

    policy = load_policy(profile)
    taken = [each.card for each in policy.sources if each.grade is not Grade.REJECTED]
    return [*taken, *policy.knowledge]


def _fetch_all(
    names: Sequence[str], fetch_card: Callable[[DatasetCard], FetchReport], bar: BuildBar
) -> tuple[list[FetchReport], list[dict[str, str]]]:
    """Fetch each data set; of several, one that cannot be had does not stop the others."""
    from ossamma.data.catalog import load_card
    from ossamma.schema.errors import DataError

    reports, failures = [], []
    for number, name in enumerate(names):
        card = load_card(name)
        bar.step(card.name, number, len(names))
        try:
            reports.append(fetch_card(card))
        except DataError as error:
            if len(names) == 1:
                raise
            failures.append({"name": card.name, "reason": str(error)})
    return reports, failures


def _fetched(report: FetchReport) -> dict[str, object]:
    return {
        "name": report.name,
        "folder": str(report.folder),
        "files": [
            {"path": f.path, "sha256": f.sha256, "bytes": f.num_bytes, "from": f.origin.value}
            for f in report.files
        ],
        "missing": [{"path": f.path, "reason": f.reason} for f in report.missing],
    }
