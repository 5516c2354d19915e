"""`ossamma demo`: the whole way once, on a corpus that comes with the package."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

EXAMPLES = """
[bold]Examples[/bold]

ossamma demo

ossamma demo --out /tmp/demo --text "Marie Curie visited Oslo in May 1931."
"""
SENTENCE = "Ada Lovelace joined Acme Ltd in 1842 and sold her microscope to the University of Oslo."


def demo(
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where the run goes.")] = Path(
        "runs/demo"
    ),
    text: Annotated[
        str, typer.Option("--text", help="The sentence whose entities are shown.")
    ] = SENTENCE,
    seed: Annotated[int, typer.Option("--seed", help="Decides corpus and weights.")] = 1,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an earlier run in DIR.")
    ] = False,
) -> None:
    """Train a small model on an embedded corpus, evaluate it, save it, and use it.

    Takes about three minutes on two CPU cores and needs no network and no data.
    """
    import shlex

    from rich.console import Console

    from ossamma.cli.logs import quieten
    from ossamma.cli.outcome import show_outcome
    from ossamma.cli.rendering import render
    from ossamma.cli.terminal import Output
    from ossamma.pipeline.demo import run_demo

    quieten()
    console = Console(stderr=True)
    outcome = run_demo(out, seed=seed, overwrite=overwrite, console=console)
    show_outcome(outcome, as_json=False)
    entities = outcome.recogniser.recognise([text])[0]
    shown = Output()
    shown.print(render(text, entities), soft_wrap=True)
    command = f"ossamma extract --bundle {shlex.quote(str(out))}"
    shown.print(f"next: echo '...' | {command}", markup=False, highlight=False, soft_wrap=True)
