"""`ossamma tokenizer`: train the piece tokenizer on texts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ossamma.cli.options import Json

EXAMPLES = """
[bold]Examples[/bold]

ossamma tokenizer train --text news.jsonl --text papers.txt --out tokenizer --vocab-size 16000
"""
app = typer.Typer(help="The piece tokenizer.", no_args_is_help=True, rich_markup_mode="rich")


@app.callback()
def root() -> None:
    """The piece tokenizer: byte-level BPE, for which no character is unknown."""


@app.command(epilog=EXAMPLES)
def train(
    text: Annotated[
        list[Path],
        typer.Option(
            "--text",
            metavar="FILE",
            help="JSON lines, or text with a blank line between documents; may be repeated.",
        ),
    ],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Gets tokenizer.json.")],
    vocab_size: Annotated[
        int, typer.Option("--vocab-size", help="Number of pieces, the 256 bytes included.")
    ] = 32_000,
    min_frequency: Annotated[
        int, typer.Option("--min-frequency", help="A pair is merged if it occurs so often.")
    ] = 2,
    as_json: Json = False,
) -> None:
    """Train a tokenizer. It depends on the texts and the options alone."""
    import json

    from ossamma.pipeline.pretrain_run import build_tokenizer
    from ossamma.schema.errors import DataError
    from ossamma.tokenization.tokenizer import TOKENIZER_FILE, TokenizerSettings

    if (out / TOKENIZER_FILE).exists():
        raise DataError(f"{out / TOKENIZER_FILE} exists; choose another folder")
    settings = TokenizerSettings(vocab_size=vocab_size, min_frequency=min_frequency)
    tokenizer = build_tokenizer(text, settings, out)
    if as_json:
        typer.echo(json.dumps({"path": str(out / TOKENIZER_FILE), "pieces": tokenizer.vocab_size}))
    else:
        typer.echo(f"{out / TOKENIZER_FILE}: {tokenizer.vocab_size:,} pieces")
