"""`ossamma pretrain`: unlabelled text to an encoder that `ossamma train --init` starts from."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ossamma.cli.options import Json, Log, Preset, RecipeFile

if TYPE_CHECKING:
    from ossamma.pipeline.pretrain_run import TextFile

EXAMPLES = """
[bold]Examples[/bold]

ossamma pretrain --text news.jsonl --text papers.txt:0.5 --preset mini --out runs/encoder \\
--set pretraining.max_seconds=3600

ossamma pretrain --text news.jsonl --text papers.txt:0.5 --preset mini --out runs/encoder \\
--set pretraining.max_seconds=3600 --resume

torchrun --nproc-per-node 2 -m ossamma.cli.app pretrain --text news.jsonl --out runs/encoder

ossamma train --init runs/encoder --profile rag9 --train t.jsonl --dev d.jsonl --out runs/tagger
"""


def pretrain(  # noqa: PLR0913  a verb's options are its arguments
    text: Annotated[
        list[str],
        typer.Option(
            "--text",
            metavar="PATH[:WEIGHT]",
            help="JSON lines, text with a blank line between documents, or a folder made by "
            "`ossamma data prepare`; WEIGHT is how often a pass goes over it. May be repeated.",
        ),
    ],
    out: Annotated[Path, typer.Option("--out", metavar="RUN", help="New run folder.")],
    tokenizer: Annotated[
        Path | None,
        typer.Option("--tokenizer", metavar="DIR", help="A tokenizer; else one is trained."),
    ] = None,
    preset: Preset = None,
    recipe: RecipeFile = None,
    assignments: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="A.B=C", help="One setting, such as pretraining.max_steps=1000."
        ),
    ] = None,
    row_pieces: Annotated[
        int, typer.Option("--row-pieces", min=64, help="Longest stretch of text, in pieces.")
    ] = 256,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue an interrupted run in RUN.")
    ] = False,
    log: Log = None,
    as_json: Json = False,
) -> None:
    """Pre-train an encoder by masked diffusion and write it to RUN/encoder.

    A hundredth of every text is held out; the figures on it are a bound on its perplexity and the
    share of pieces named rightly where 15 % are masked.
    """
    import json

    from rich.console import Console

    from ossamma.cli.logs import quieten
    from ossamma.cli.trackers import tracker_names
    from ossamma.pipeline.pretrain_run import PretrainRequest, facts, pretrain_encoder
    from ossamma.pipeline.recipe import build_pretrain_recipe

    quieten()
    request = PretrainRequest(
        texts=tuple(file for each in text for file in _text_files(each)),
        out=out,
        recipe=build_pretrain_recipe(preset=preset, file=recipe, assignments=assignments or ()),
        tokenizer=tokenizer,
        row_pieces=row_pieces,
        resume=resume,
        trackers=tracker_names(log),
    )
    outcome = pretrain_encoder(request, Console(stderr=True))
    if not outcome.is_main:
        return
    content = facts(outcome)
    if as_json:
        typer.echo(json.dumps(content))
        return
    typer.echo(
        f"{content['steps']:,} steps, {content['seconds']:.0f} s; held out: perplexity at most "
        f"{content['perplexity']:.2f}, accuracy {content['accuracy']:.4f}\n"
        f"encoder: {content['encoder']}"
    )


def _text_files(text: str) -> list[TextFile]:
    """Read FILE or FILE:WEIGHT; a folder of prepared texts gives its files and their weights."""
    from ossamma.pipeline.pretrain_run import TextFile
    from ossamma.pipeline.text_corpora import read_mixture

    path, weight = Path(text), 1.0
    name, colon, number = text.rpartition(":")
    if colon and not path.exists():
        with suppress(ValueError):
            path, weight = Path(name), float(number)
    if not path.is_dir():
        return [TextFile(path, weight)]
    return [TextFile(file, weight * own) for file, own in read_mixture(path).items()]
