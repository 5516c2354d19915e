"""The ONNX graph of a release: made, compared with the model, and checked for its loss of F1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ossamma.export.golden import golden_file, record_goldens
from ossamma.export.manifest import ONNX_FILE, ONNX_GOLDEN_FILE
from ossamma.export.onnx_graph import export_graph, quantise_graph
from ossamma.export.parity import NUM_TEXTS, Parity, compare, random_texts
from ossamma.inference.onnx_scorer import OnnxScorer
from ossamma.inference.recogniser import OssammaRecogniser
from ossamma.pipeline.corpora import Split
from ossamma.pipeline.export_checks import F1Check
from ossamma.pipeline.scoring import score

_SEED = 0


class GraphForm(StrEnum):
    """What numbers the graph computes with."""

    FP32 = "fp32"
    """The model's: it must find the same."""
    INT8 = "int8"
    """Matrices and activations in int8: smaller and faster, with other figures, which also depend a
    little on the texts that share a batch."""


@dataclass(frozen=True, kw_only=True, slots=True)
class GraphCheck:
    """A graph of a release and what is known of it."""

    form: GraphForm
    parity: Parity
    """Of the graph in float32, before anything was made int8."""
    f1: F1Check | None
    """Of an int8 graph, against the model as trained."""
    refusals: tuple[str, ...]
    files: dict[str, bytes] = field(repr=False)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON with fixed keys."""
        return {
            "form": self.form.value,
            "parity": self.parity.to_json(),
            "f1_check": None if self.f1 is None else self.f1.to_json(),
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class DevFigures:
    """The dev documents, with the F1 of the model as trained and what a release may lose of it."""

    split: Split
    trained: float
    limit: float


def make_graph(
    released: OssammaRecogniser,
    form: GraphForm,
    texts: Sequence[str],
    dev: DevFigures | None,
) -> GraphCheck:
    """Make the graph of a released model and check it.

    Args:
        released: the model as it will be loaded.
        form: what numbers it computes with.
        texts: the golden texts.
        dev: to measure an int8 graph on, which is refused without.
    """
    graph = export_graph(released.model)
    parity = compare(
        released, _with_graph(released, graph), [*random_texts(NUM_TEXTS, _SEED), *texts]
    )
    refusals = [parity.refusal]
    files = {ONNX_FILE: graph}
    check = None
    if form is GraphForm.INT8:
        files[ONNX_FILE] = graph = quantise_graph(graph)
        quantised = _with_graph(released, graph)
        files[ONNX_GOLDEN_FILE] = golden_file(record_goldens(quantised, texts, in_company=False))
        check = None if dev is None else _check_f1(quantised, dev)
        refusals.append(
            "an int8 graph needs a dev file to measure what it costs; give --dev FILE"
            if check is None
            else check.refusal
        )
    return GraphCheck(
        form=form,
        parity=parity,
        f1=check,
        refusals=tuple(each for each in refusals if each),
        files=files,
    )


def _with_graph(recogniser: OssammaRecogniser, graph: bytes) -> OssammaRecogniser:
    return OssammaRecogniser(
        recogniser.model,
        recogniser.tokenizer,
        recogniser.settings,
        recogniser.calibration,
        scorer=OnnxScorer(graph),
    )


def _check_f1(recogniser: OssammaRecogniser, dev: DevFigures) -> F1Check:
    return F1Check(
        trained=dev.trained,
        released=score(recogniser, dev.split.documents).micro.f1,
        limit=dev.limit,
        documents=len(dev.split.documents),
        sha256=dev.split.sha256,
    )
