"""`ossamma evaluate`: how good a bundle is, or a file of predictions, as a table or a report."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ossamma.cli.options import Json, LabelMap

if TYPE_CHECKING:
    from ossamma.evaluation.resampling import ResamplingSettings
    from ossamma.pipeline.judgement import GoldRequest, Judgement

EXAMPLES = """
[bold]Examples[/bold]

ossamma evaluate --bundle runs/a --gold test.conll

ossamma evaluate --bundle runs/a --gold test.conll --train-surfaces train.conll --speed --out report

ossamma evaluate --bundle runs/a --gold test.conll --suspects suspects/test --out report

ossamma evaluate --pred predictions.jsonl --gold test.jsonl --json

ossamma evaluate --pred spacy.spacy --gold test.spacy --bootstrap 2000
"""


class SchemeName(StrEnum):
    """When an entity is right."""

    STRICT = "strict"
    EXACT = "exact"
    PARTIAL = "partial"
    TYPE = "type"


def evaluate(  # noqa: PLR0913  a verb's options are its arguments
    gold: Annotated[
        list[Path],
        typer.Option(
            "--gold", metavar="FILE", help="Labelled documents; may be given several times."
        ),
    ],
    bundle: Annotated[
        Path | None,
        typer.Option("--bundle", metavar="B", help="A bundle, or the folder of a finished run."),
    ] = None,
    pred: Annotated[
        list[Path] | None,
        typer.Option(
            "--pred",
            metavar="FILE",
            help="Predictions: CoNLL, JSONL, or spaCy's DocBin (.spacy); one for each gold file, "
            "or one for all.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="DIR",
            help="Write report.html, report.md, report.json and predictions.jsonl.",
        ),
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
    file_format: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="NAME",
            help="Format of the gold files, such as conll, jsonl, docbin or brat; auto tells the "
            "first three by name and content.",
        ),
    ] = "auto",
    scheme: Annotated[
        SchemeName,
        typer.Option(
            "--scheme", help="What is right, in the table and with --json; a report has all."
        ),
    ] = SchemeName.STRICT,
    bootstrap: Annotated[
        int | None,
        typer.Option(
            "--bootstrap",
            metavar="N",
            min=0,
            help="Samples that intervals are drawn from; 2000 in a report, 0 for none.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of these samples.")] = 0,
    train_surfaces: Annotated[
        Path | None,
        typer.Option(
            "--train-surfaces",
            metavar="FILE",
            help="Training file, for scores of names that it shows and of those that it does not.",
        ),
    ] = None,
    resplit: Annotated[
        bool,
        typer.Option(
            "--resplit",
            help="Score a bundle on the text as if it were raw: without the file's words.",
        ),
    ] = False,
    suspects: Annotated[
        list[Path] | None,
        typer.Option(
            "--suspects",
            metavar="DIR",
            help="What `ossamma data suspects` wrote for a gold file: shows in the report which "
            "errors may be the annotation's; may be given several times.",
        ),
    ] = None,
    speed: Annotated[
        bool, typer.Option("--speed", help="Also time a bundle on this machine, for some seconds.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Score predictions against gold annotations: same span and same type, or wrong.

    With --out also a report: intervals, calibration, parts, confusion, and every kind of error in
    context. report.html opens from disk and loads nothing.
    """
    from ossamma.pipeline.judgement import GoldRequest, report_of, write_folder

    _check(bundle, pred, resplit=resplit, speed=speed, out=out)
    if suspects and out is None:
        raise typer.BadParameter("--suspects is for the report; give --out DIR as well")
    request = GoldRequest(
        files=tuple(gold), profile=profile, table=label_map, file_format=file_format
    )
    judgement = _judge(bundle, pred, request, resplit=resplit, speed=speed)
    for note in (*judgement.gold.notes(), *judgement.system["notes"]):
        typer.echo(f"note: {note}", err=True)
    resampling = _resampling(bootstrap, seed, default=2_000 if out else 0)
    if out is not None:
        report = report_of(
            judgement,
            request=request,
            train=train_surfaces,
            suspects=suspects or (),
            resampling=resampling,
        )
        write_folder(judgement, report, out)
    _show(judgement, scheme, resampling, as_json=as_json)
    if out is not None:
        typer.echo(f"report: {out / 'report.html'}", err=True)


def _check(
    bundle: Path | None, pred: list[Path] | None, *, resplit: bool, speed: bool, out: Path | None
) -> None:
    if (bundle is None) == (not pred):
        raise typer.BadParameter("give either --bundle or --pred")
    if resplit and pred:
        raise typer.BadParameter("--resplit is about the words that a bundle reads; leave it out")
    if speed and pred:
        raise typer.BadParameter("--speed times a bundle; predictions have no speed")
    if speed and out is None:
        raise typer.BadParameter("--speed is for the report; give --out DIR as well")


def _judge(
    bundle: Path | None,
    pred: list[Path] | None,
    request: GoldRequest,
    *,
    resplit: bool,
    speed: bool,
) -> Judgement:
    if bundle is None:
        from ossamma.pipeline.predictions import judge_predictions

        assert pred, "one of the two was given"
        return judge_predictions(tuple(pred), request)
    from ossamma.cli.document_bar import DocumentBar
    from ossamma.cli.logs import quieten
    from ossamma.pipeline.scoring import judge_bundle

    quieten()
    with DocumentBar() as bar:
        return judge_bundle(bundle, request, resplit=resplit, timed=speed, on_document=bar.show)


def _resampling(number: int | None, seed: int, *, default: int) -> ResamplingSettings | None:
    from ossamma.evaluation.resampling import ResamplingSettings

    resamples = default if number is None else number
    return ResamplingSettings(resamples=resamples, seed=seed) if resamples else None


def _show(
    judgement: Judgement,
    scheme: SchemeName,
    resampling: ResamplingSettings | None,
    *,
    as_json: bool,
) -> None:
    import json

    from ossamma.cli.terminal import Output
    from ossamma.evaluation.bootstrap import score_intervals
    from ossamma.evaluation.metrics import strict_scores_of
    from ossamma.evaluation.schemes import Scheme, scheme_scores
    from ossamma.evaluation.table import scores_table

    if scheme != SchemeName.STRICT:
        chosen = scheme_scores(judgement.judged)[Scheme(scheme.value)]
        if as_json:
            typer.echo(json.dumps(chosen.to_json()))
        else:
            Output().print(scores_table(chosen))
        return
    scores = strict_scores_of(judgement.judged)
    intervals = score_intervals(judgement.judged, resampling) if resampling else None
    if as_json:
        content: dict[str, Any] = scores.to_json()
        typer.echo(
            json.dumps(content | {"intervals": intervals.to_json()} if intervals else content)
        )
    else:
        Output().print(scores_table(scores, intervals=intervals))
