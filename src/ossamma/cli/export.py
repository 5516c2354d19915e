"""`ossamma export`: a run's model as a release that others can trust and run."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ossamma.cli.options import FileFormat, Format, Json, LabelMap

if TYPE_CHECKING:
    from collections.abc import Callable

    from ossamma.pipeline.export_onnx import GraphCheck, GraphForm
    from ossamma.pipeline.export_run import ExportOutcome

REFUSED = 1
"""A check was not passed; nothing was written."""

EXAMPLES = """
[bold]Examples[/bold]

ossamma export runs/a --out release

ossamma export runs/a --out release --weights int8 --dev dev.conll

ossamma export runs/a --out release --weights int8 --onnx

ossamma export runs/a --out release --report reports/a/report.json --sign key.pem
"""


class Weights(StrEnum):
    """How weights are stored; see `ossamma.model.packed_weights.WeightForm`."""

    FP32 = "fp32"
    FP16 = "fp16"
    INT8 = "int8"


def export(  # noqa: PLR0913  a verb's options are its arguments
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A finished run, or a bundle.")],
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="The release; must not exist yet.")
    ],
    weights: Annotated[
        Weights,
        typer.Option(
            "--weights", help="Bytes per number: fp32 four, fp16 two, int8 one and its scales."
        ),
    ] = Weights.FP32,
    dev: Annotated[
        Path | None,
        typer.Option(
            "--dev",
            metavar="FILE",
            help="Labelled documents to measure the release on; by default the run's own.",
        ),
    ] = None,
    max_f1_drop: Annotated[
        float,
        typer.Option(
            "--max-f1-drop",
            min=0.0,
            max=100.0,
            metavar="POINTS",
            help="Refuse a release whose dev F1 is lower by more points than this.",
        ),
    ] = 0.2,
    onnx: Annotated[
        bool,
        typer.Option("--onnx", help="Add the encoder as an ONNX graph, for ONNX Runtime."),
    ] = False,
    onnx_int8: Annotated[
        bool,
        typer.Option(
            "--onnx-int8", help="Add an ONNX graph in int8: smaller and faster, if F1 allows it."
        ),
    ] = False,
    report: Annotated[
        Path | None,
        typer.Option(
            "--report",
            metavar="REPORT",
            help="report.json of RUN: refuse a release that fails the gates of its profile.",
        ),
    ] = None,
    gates: Annotated[
        Path | None,
        typer.Option("--gates", metavar="FILE", help="Gates of your own for --report, in YAML."),
    ] = None,
    incumbent: Annotated[
        Path | None,
        typer.Option("--incumbent", metavar="REPORT", help="Report of the model in use."),
    ] = None,
    sign: Annotated[
        Path | None,
        typer.Option("--sign", metavar="KEY", help="Sign with this Ed25519 private key (PEM)."),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option("--name", metavar="NAME", help="Of the model card; by default that of DIR."),
    ] = None,
    licence: Annotated[
        str | None,
        typer.Option("--licence", metavar="ID", help="For the model card, such as apache-2.0."),
    ] = None,
    language: Annotated[
        list[str] | None,
        typer.Option("--language", metavar="CODE", help="For the model card; may be repeated."),
    ] = None,
    profile: Annotated[
        str | None,
        typer.Option("--profile", metavar="P", help="Profile that the labels are mapped into."),
    ] = None,
    label_map: LabelMap = None,
    file_format: Format = FileFormat.AUTO,
    as_json: Json = False,
) -> None:
    """Write the release of a run. Exits with 1, and writes nothing, if a check is not passed.

    A release holds the weights, golden cases that are asked again when it is loaded, histograms of
    the dev documents, a model card, and the hash of every file.
    """
    import json

    from ossamma.cli.logs import quieten
    from ossamma.export.card import CardSettings
    from ossamma.model.packed_weights import WeightForm
    from ossamma.pipeline.export_checks import GatesRequest
    from ossamma.pipeline.export_run import DevRequest, ExportRequest, export_run

    if report is None and (gates is not None or incumbent is not None):
        raise typer.BadParameter("--gates and --incumbent need --report")
    if onnx and onnx_int8:
        raise typer.BadParameter("--onnx and --onnx-int8 exclude each other")
    quieten()
    outcome = export_run(
        ExportRequest(
            run=run,
            out=out,
            weights=WeightForm(weights.value),
            dev=DevRequest(
                file=dev, profile=profile, table=label_map, file_format=file_format.value
            ),
            max_f1_drop=max_f1_drop / 100,
            onnx=_graph_form(onnx=onnx, int8=onnx_int8),
            gates=GatesRequest(report=report, gates=gates, incumbent=incumbent) if report else None,
            card=CardSettings(
                name=name or out.name, licence=licence, languages=tuple(language or ())
            ),
            sign=_signer(sign),
        )
    )
    if as_json:
        typer.echo(json.dumps(outcome.to_json()))
    else:
        _show(outcome)
    if outcome.refusals:
        raise typer.Exit(REFUSED)


def _graph_form(*, onnx: bool, int8: bool) -> GraphForm | None:
    from ossamma.pipeline.export_onnx import GraphForm

    if int8:
        return GraphForm.INT8
    return GraphForm.FP32 if onnx else None


def _signer(key: Path | None) -> Callable[[Path], None] | None:
    """Return what signs a folder with this key; the key is read now."""
    if key is None:
        return None
    from functools import partial

    from ossamma.export.signature import read_private_key, sign_bundle

    return partial(sign_bundle, key=read_private_key(key))


def _graph_line(graph: GraphCheck) -> str:
    parity = graph.parity
    line = (
        f"ONNX graph in {graph.form.value}: of {parity.texts} texts {parity.different} differ in "
        f"float32, posteriors by at most {parity.greatest:.1g}"
    )
    if graph.f1 is None:
        return line
    return f"{line}; dev F1 of the int8 graph: {100 * graph.f1.released:.2f}"


def _show(outcome: ExportOutcome) -> None:
    from ossamma.cli.terminal import Output

    console = Output()

    def say(line: str, style: str | None = None) -> None:
        console.print(line, style=style, markup=False, highlight=False, soft_wrap=True)

    if outcome.f1 is None:
        say("dev F1: not measured, for there is no dev file; give --dev FILE")
    else:
        f1 = outcome.f1
        say(
            f"dev F1: {100 * f1.trained:.2f} as trained, {100 * f1.released:.2f} as released "
            f"({f1.documents} documents)"
        )
    if outcome.verdicts is not None:
        say(f"gates: {outcome.verdicts.outcome.value} ({outcome.verdicts.gates})")
    if outcome.graph is not None:
        say(_graph_line(outcome.graph))
    for refusal in outcome.refusals:
        say(f"refused: {refusal}", "bold red")
    if not outcome.refusals:
        say(f"golden cases: {outcome.num_golden}, asked again when the release is loaded")
        say(f"weights: {outcome.weights.value}; all files: {outcome.num_bytes / 1e6:.1f} MB")
        say(f"release: {outcome.bundle}")
