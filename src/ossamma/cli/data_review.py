"""`ossamma data review`: a person looks at some suspects, and all of them are estimated."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ossamma.cli.options import Json

EXAMPLES = """
[bold]Examples[/bold]

ossamma data review suspects/test --sample 100

ossamma data review suspects/test
"""


def review(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="What `ossamma data suspects` wrote.")
    ],
    sample: Annotated[
        int, typer.Option("--sample", metavar="N", min=5, help="Suspects that are drawn.")
    ] = 100,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the drawing.")] = 0,
    as_json: Json = False,
) -> None:
    """Estimate how many suspects are the annotation's errors, by verdicts on a random sample.

    First it writes DIR/review.csv. Fill in its last column with annotation (the mark is wrong, the
    suggestion right), both (both are wrong) or model (the mark is right), and call it again.
    """
    import json

    from ossamma.cli.terminal import Output
    from ossamma.pipeline.suspect_review import ESTIMATE_FILE, ReviewRequest
    from ossamma.pipeline.suspect_review import review as carry_out

    outcome = carry_out(ReviewRequest(folder=folder, sample=sample, seed=seed))
    estimate = outcome.estimate
    if as_json:
        typer.echo(json.dumps(estimate and estimate.to_json()))
        return
    if estimate is None:
        says = [
            f"{outcome.path}: {outcome.lines} suspects are waiting for verdicts in the last column "
            "(annotation, both or model); then give the same command again",
        ]
    else:
        fault, right = estimate.at_fault, estimate.right
        sure = f"{100 * estimate.level:g} %"
        says = [
            f"of {estimate.suspects:,} suspects {estimate.reviewed:,} have a verdict",
            f"the annotation is wrong at about {fault.expected:,.0f} of all "
            f"[{fault.interval.low:,.0f}, {fault.interval.high:,.0f}] ({sure})",
            f"and the suggestion right at about {right.expected:,.0f} "
            f"[{right.interval.low:,.0f}, {right.interval.high:,.0f}]",
            f"{folder / ESTIMATE_FILE}",
        ]
    console = Output()
    for line in says:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
