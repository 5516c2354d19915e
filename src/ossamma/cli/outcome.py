"""The outcome of a training run, for people or as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from ossamma.pipeline.train_run import TrainOutcome


def show_outcome(outcome: TrainOutcome, *, as_json: bool) -> None:
    """Print where the bundle lies and how good it is."""
    import json
    from dataclasses import asdict

    from ossamma.cli.terminal import Output
    from ossamma.evaluation.table import scores_table

    result = outcome.result
    if as_json:
        content = {
            "bundle": str(outcome.bundle),
            "dev": outcome.dev.to_json(),
            "test": outcome.test.to_json() if outcome.test else None,
            "training": asdict(result),
        }
        typer.echo(json.dumps(content))
        return
    console = Output()
    reason = "no further gain on dev" if result.stopped_early else "all epochs done"
    console.print(
        f"best epoch {result.best_epoch:g} of {result.epochs:g} ({reason}), {result.seconds:.0f} s"
    )
    for name, scores in (("dev", outcome.dev), ("test", outcome.test)):
        if scores is not None:
            console.print(f"[bold]{name}[/bold]", scores_table(scores))
    console.print(f"bundle: {outcome.bundle}", markup=False, highlight=False, soft_wrap=True)
