"""`ossamma evaluate`: strict entity scores of a bundle, or of a file of predictions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ossamma.cli.options import FileFormat, Format, Json, LabelMap

EXAMPLES = """
[bold]Examples[/bold]

ossamma evaluate --bundle runs/a --gold test.conll

ossamma evaluate --pred predictions.jsonl --gold test.jsonl --json
"""


def evaluate(  # noqa: PLR0913  a verb's options are its arguments
    gold: Annotated[Path, typer.Option("--gold", metavar="FILE", help="CoNLL or JSONL.")],
    bundle: Annotated[
        Path | None,
        typer.Option("--bundle", metavar="B", help="A bundle, or the folder of a finished run."),
    ] = None,
    pred: Annotated[
        Path | None, typer.Option("--pred", metavar="FILE", help="Predictions, CoNLL or JSONL.")
    ] = None,
    profile: Annotated[
        str | None,
        typer.Option(
            "--profile",
            metavar="P",
            help="Profile that the gold labels are mapped into; a bundle knows its own.",
        ),
    ] = None,
    label_map: LabelMap = None,
    file_format: Format = FileFormat.AUTO,
    resplit: Annotated[
        bool,
        typer.Option(
            "--resplit",
            help="Score a bundle on the text as if it were raw: without the file's words.",
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Score predictions against gold annotations: same span and same type, or wrong."""
    import json

    from ossamma.cli.terminal import Output
    from ossamma.evaluation.table import scores_table

    if (bundle is None) == (pred is None):
        raise typer.BadParameter("give either --bundle or --pred")
    if bundle is not None:
        from ossamma.cli.logs import quieten
        from ossamma.pipeline.scoring import score_bundle

        quieten()
        scores = score_bundle(
            bundle,
            gold,
            profile=profile,
            table=label_map,
            file_format=file_format.value,
            resplit=resplit,
        )
    elif resplit:
        raise typer.BadParameter("--resplit is about the words that a bundle reads; leave it out")
    else:
        from ossamma.pipeline.predictions import score_predictions

        assert pred is not None
        scores = score_predictions(
            pred, gold, profile=profile, table=label_map, file_format=file_format.value
        )
    if not scores.micro.support:
        typer.echo(f"note: {gold} has no entity, so recall and F1 say nothing", err=True)
    if as_json:
        typer.echo(json.dumps(scores.to_json()))
    else:
        Output().print(scores_table(scores))
