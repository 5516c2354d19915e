"""`ossamma profile`: where the time of a bundle goes, by stage and by length of the text."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ossamma.cli.options import Json

EXAMPLES = """
[bold]Examples[/bold]

ossamma profile runs/a

ossamma profile runs/a --lengths 32,128,512 --batch 32 --out profiles/a

ossamma profile runs/a --text test.conll --device cuda --json
"""


def profile(  # noqa: PLR0913  a verb's options are its arguments
    bundle: Annotated[
        Path,
        typer.Argument(metavar="BUNDLE", help="A bundle, or the folder of a finished run."),
    ],
    lengths: Annotated[
        str, typer.Option("--lengths", metavar="N,N,...", help="Lengths of the texts, in pieces.")
    ] = "32,64,128,256,512,1024,2048",
    batch: Annotated[
        int, typer.Option("--batch", min=1, help="Texts in a call, for throughput.")
    ] = 16,
    runs: Annotated[
        int, typer.Option("--runs", min=1, help="Timed calls of one text; a quarter of batches.")
    ] = 20,
    text: Annotated[
        Path | None,
        typer.Option(
            "--text",
            metavar="FILE",
            help="CoNLL or JSONL whose words are read; else the demonstration corpus.",
        ),
    ] = None,
    device: Annotated[
        str, typer.Option("--device", metavar="D", help="Where it runs: cpu, cuda, cuda:1 ...")
    ] = "cpu",
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Write profile.html and profile.json."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Time a bundle on this machine: latency, throughput, memory, and the part of every stage.

    Nothing of the model is changed. Figures are of this machine as it is: leave it alone meanwhile.
    """
    import json

    from ossamma.cli.logs import quieten
    from ossamma.cli.profile_tables import show_profile
    from ossamma.pipeline.profile_page import write_profile
    from ossamma.pipeline.profiling import ProfileRequest, profile_bundle

    quieten()
    request = ProfileRequest(
        bundle=bundle,
        lengths=_numbers(lengths),
        batch=batch,
        runs=runs,
        text=text,
        device=device,
    )
    content = profile_bundle(
        request, on_length=lambda length: typer.echo(f"timing {length} pieces", err=True)
    )
    if out is not None:
        write_profile(content, out)
    if as_json:
        typer.echo(json.dumps(content))
    else:
        show_profile(content)


def _numbers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise typer.BadParameter(
            f"expected whole numbers with commas between them, got {text!r}",
            param_hint="--lengths",
        ) from None
