"""`ossamma data build` and `card`: a documented training set, and its card."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from ossamma.cli.options import DataFolder, Json, Mirror, Offline


class OutputFormat(StrEnum):
    """Formats of a built set beside JSON lines; the names of `pipeline.forge`."""

    CONLL = "conll"
    PARQUET = "parquet"
    SPACY = "spacy"


_SPLITS = ("train", "dev", "test")
_OWN = ("own/", "own_text/")
"""How the names of the user's own files begin in a card."""

BUILD_EXAMPLES = """
[bold]Examples[/bold]

ossamma data build --profile rag9 --out built/rag9

ossamma data build --profile ner11 --out built/ner11 --format spacy --offline

ossamma data build --profile rag9 --out built/mine --own letters.jsonl --own reports.txt:conll

ossamma data build --profile ner11 --out built/mine --own marked/ --own-text reports/

ossamma data build --profile rag9 --out built/full --ontonotes ~/conll-formatted-ontonotes-5.0
"""


def build(  # noqa: PLR0913  a verb's options are its arguments
    profile: Annotated[str, typer.Option("--profile", metavar="P", help="Profile name or folder.")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder of the built set.")],
    data: DataFolder = Path("data"),
    mirror: Mirror = None,
    policy: Annotated[
        Path | None,
        typer.Option("--policy", metavar="FILE", help="Build policy in place of the profile's."),
    ] = None,
    own: Annotated[
        list[str] | None,
        typer.Option(
            "--own",
            metavar="PATH[:FORMAT]",
            help="Your files in the profile's types, marked by hand, so gold: labelled data, "
            "documents (PDF, DOCX, HTML, Markdown, EPUB, text) with <TYPE>..</TYPE> or "
            "[[TYPE:..]] in them, or a folder of these.",
        ),
    ] = None,
    own_annotates: Annotated[
        str,
        typer.Option(
            "--own-annotates",
            metavar="TYPES",
            help="Types of which you marked every mention: all, none, A,B,.., or those that each "
            "document has marks of (used).",
        ),
    ] = "used",
    own_text: Annotated[
        list[Path] | None,
        typer.Option(
            "--own-text",
            metavar="PATH",
            help="Your documents without marks, or a folder of these, for the profile's lexicons "
            "and patterns to mark; ordinary grade.",
        ),
    ] = None,
    ontonotes: Annotated[
        Path | None,
        typer.Option(
            "--ontonotes",
            metavar="DIR",
            help="Your licensed copy of OntoNotes 5, merged; it may not be passed on.",
        ),
    ] = None,
    formats: Annotated[
        list[OutputFormat] | None,
        typer.Option("--format", help="Write this beside JSON lines, too."),
    ] = None,
    any_licence: Annotated[
        bool,
        typer.Option(
            "--any-licence",
            help="Take data sets that may not be passed on, too: for measurements only.",
        ),
    ] = False,
    remove_work: Annotated[
        bool, typer.Option("--remove-work", help="Delete DIR/work in the end.")
    ] = False,
    offline: Offline = False,
    as_json: Json = False,
) -> None:
    """Build a leak-free, weighted, documented training set from a profile's policy.

    Fetches what is missing. Repeated after an interruption it continues. DIR gets train.jsonl,
    dev.jsonl, test.jsonl, dropped.jsonl, repairs.jsonl and the data card (json, md, html).
    """
    import json

    from ossamma.cli.data_progress import BuildBar, downloader
    from ossamma.data.card import CARD_NAME
    from ossamma.data.own_files import OwnRequest, parse_own
    from ossamma.pipeline.forge import ForgeRequest, check_folder, forge

    check_folder(out, (f"{CARD_NAME}.json", "work"))
    request = ForgeRequest(
        profile=profile,
        out=out,
        data=data,
        mirror=mirror,
        policy=policy,
        own=OwnRequest(
            labelled=tuple(parse_own(each) for each in own or ()),
            text=tuple(own_text or ()),
            annotates=own_annotates,
        ),
        ontonotes=ontonotes,
        any_licence=any_licence,
        formats=tuple(each.value for each in formats or ()),
        remove_work=remove_work,
    )
    with BuildBar() as bar, downloader(offline=offline) as client:
        content = forge(request, bar, client)
    if as_json:
        typer.echo(json.dumps(content))
        return
    _show_built(content, out)


def _show_built(content: dict[str, Any], out: Path) -> None:
    from rich.table import Table

    from ossamma.cli.terminal import Output

    table = Table("split", "documents", "entities")
    for split, documents in content["assembly"]["written"].items():
        entities = sum(
            sum(part["entities"].values())
            for part in content["statistics"]
            if part["split"] == split
        )
        table.add_row(split, f"{documents:,}", f"{entities:,}")
    output = Output()
    output.print(table)
    duplicates = sum(content["assembly"]["duplicates"].values())
    typer.echo(
        f"{len(content['sources'])} sources, {len(content['rejected'])} not taken, "
        f"{duplicates:,} duplicates dropped, no leaks"
    )
    for split in _SPLITS:
        if not content["assembly"]["written"].get(split):
            typer.echo(
                f"warning: {split} is empty: no source has documents for it; name more sources "
                "or larger ones",
                err=True,
            )
    for each in content["rejected"]:
        if each["name"].startswith(_OWN):
            typer.echo(f"not taken: {each['name']}: {each['reason']}", err=True)
    typer.echo(f"data card: {out / 'card.html'}")


CARD_EXAMPLES = """
[bold]Examples[/bold]

ossamma data card built/rag9

ossamma data card built/rag9 --as html > card.html
"""


class CardForm(StrEnum):
    """Forms of a data card."""

    MARKDOWN = "md"
    HTML = "html"
    JSON = "json"


def card(
    built: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of a built set.")],
    form: Annotated[CardForm, typer.Option("--as", help="Form of the card.")] = CardForm.MARKDOWN,
) -> None:
    """Print the data card of a built set."""
    import json

    from ossamma.data.card import read_card, render_card

    content = read_card(built)
    if form is CardForm.JSON:
        typer.echo(json.dumps(content))
    else:
        typer.echo(render_card(content, form.value), nl=False)
