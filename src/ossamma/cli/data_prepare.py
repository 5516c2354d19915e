"""`ossamma data prepare`: the texts of a plan to clean files for pre-training."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ossamma.cli.options import DataFolder, Json, Mirror, Offline

EXAMPLES = """
[bold]Examples[/bold]

ossamma data prepare --plan texts.yaml --out texts

ossamma data prepare --plan texts.yaml --protect built/rag9/dev.jsonl \\
--protect built/rag9/test.jsonl --out texts

ossamma pretrain --text texts --out runs/encoder
"""


def prepare(  # noqa: PLR0913  a verb's options are its arguments
    plan: Annotated[
        Path, typer.Option("--plan", metavar="FILE", help="Which texts, in YAML.", dir_okay=False)
    ],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder of the texts.")],
    protect: Annotated[
        list[Path] | None,
        typer.Option(
            "--protect",
            metavar="FILE",
            help="Labelled set whose documents and sentences must not be trained on: what the "
            "model will be scored by. May be repeated.",
        ),
    ] = None,
    data: DataFolder = Path("data"),
    mirror: Mirror = None,
    offline: Offline = False,
    workers: Annotated[int, typer.Option("--workers", min=1, help="Texts read at once.")] = 1,
    as_json: Json = False,
) -> None:
    """Fetch, clean and de-duplicate texts for pre-training, and say what was left out and why.

    Repeated after an interruption it continues. DIR gets a file for each source, the mixture, and
    a card (json, md); `ossamma pretrain --text DIR` takes it.
    """
    import json

    from ossamma.cli.data_progress import BuildBar, downloader
    from ossamma.data.pretraining.text_plan import load_text_plan
    from ossamma.pipeline.text_corpora import TextRequest, prepare_texts

    request = TextRequest(
        plan=load_text_plan(plan),
        out=out,
        data=data,
        mirror=mirror,
        protected=tuple(protect or ()),
        workers=workers,
    )
    with BuildBar() as bar, downloader(offline=offline) as client:
        card = prepare_texts(request, bar.step, bar, client).card
    if as_json:
        typer.echo(json.dumps(card))
        return
    _show(card, out)


def _show(card: dict[str, Any], out: Path) -> None:
    from rich.table import Table

    from ossamma.cli.terminal import Output

    table = Table("source", "licence", "documents", "characters", "duplicates left out")
    for source in card["sources"]:
        kept = source["kept"]["train"]
        table.add_row(
            source["name"],
            source["licence"],
            f"{kept.get('documents', 0):,}",
            f"{kept.get('characters', 0):,}",
            f"{sum(source['duplicates'].values()):,}",
        )
    Output().print(table)
    typer.echo(f"card: {out / 'card.md'}")
