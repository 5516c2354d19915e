"""From a run to a release: the weights made small, what that costs measured, the bundle written."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from ossamma.evaluation.verdicts import Verdicts
from ossamma.export.bundle import load
from ossamma.export.card import CardContent, CardSettings, model_card
from ossamma.export.golden import golden_file, golden_texts, record_goldens
from ossamma.export.manifest import (
    BUNDLE_FOLDER,
    CARD_FILE,
    GATES_FILE,
    GOLDEN_FILE,
    REFERENCE_FILE,
    read_metadata,
    resolve,
)
from ossamma.export.reference import Reference, reference_file
from ossamma.export.release import ReleaseContent, as_released, refuse_occupied, write_release
from ossamma.inference.recogniser import OssammaRecogniser
from ossamma.inference.scorers import Backend
from ossamma.inference.settings import InferenceSettings
from ossamma.model.packed_weights import WeightForm
from ossamma.pipeline.circumstances import versions
from ossamma.pipeline.corpora import NATIVE, Split, read_split
from ossamma.pipeline.export_checks import (
    F1Check,
    GatesRequest,
    f1_and_reference,
    gates_refusal,
    hold_against_gates,
    refuse_no_share,
)
from ossamma.pipeline.export_onnx import DevFigures, GraphCheck, GraphForm, make_graph
from ossamma.pipeline.labelled import AUTO, sha256_of
from ossamma.pipeline.run_folder import RUN_FILE
from ossamma.pipeline.scoring import profile_of, score
from ossamma.schema.profile import load_profile

MAX_F1_DROP: Final = 0.002
"""Greatest loss of dev F1, as a share of one, that smaller weights may cost."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DevRequest:
    """Which labelled documents a release is measured on."""

    file: Path | None = None
    """None takes the run's own dev file if it still lies where it lay, unchanged."""
    profile: str | None = None
    """Whose label maps to use; None or "native" means the bundle's own."""
    table: str | None = None
    """The label map; None chooses by the labels."""
    file_format: str = AUTO
    """Format of the file."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ExportRequest:
    """Which run is released, in what form, and where to."""

    run: Path
    """A finished run, or a bundle."""
    out: Path
    """The release; nothing may be there yet."""
    weights: WeightForm = WeightForm.FP32
    """How the weights are stored."""
    dev: DevRequest = field(default_factory=DevRequest)
    """What it is measured on."""
    max_f1_drop: float = MAX_F1_DROP
    """Greatest loss of dev F1, as a share of one."""
    onnx: GraphForm | None = None
    """Whether an ONNX graph goes in, and what numbers it computes with."""
    gates: GatesRequest | None = None
    """Gates that it must pass."""
    card: CardSettings | None = None
    """What the model card says beside what is known; None names it after `out`."""
    sign: Callable[[Path], None] | None = None
    """Signs the sealed folder; see `ossamma.export.signature`."""

    def __post_init__(self) -> None:
        refuse_no_share("max_f1_drop", self.max_f1_drop)


@dataclass(frozen=True, kw_only=True, slots=True)
class ExportOutcome:
    """The release, or why there is none."""

    bundle: Path
    """Where it is, or would have been."""
    weights: WeightForm
    f1: F1Check | None
    """None where there was nothing to measure on."""
    verdicts: Verdicts | None
    """None without gates."""
    graph: GraphCheck | None
    """None without an ONNX graph."""
    refusals: tuple[str, ...]
    """Checks that were not passed; with any, nothing was written."""
    num_golden: int
    """Golden cases in the release."""
    num_bytes: int
    """Of all files of the release; 0 without one."""

    def to_json(self) -> dict[str, Any]:
        """Plain JSON with fixed keys."""
        return {
            "bundle": None if self.refusals else str(self.bundle),
            "weights": self.weights.value,
            "bytes": self.num_bytes,
            "f1": None if self.f1 is None else self.f1.to_json(),
            "gates": None if self.verdicts is None else self.verdicts.to_json(),
            "onnx": None if self.graph is None else self.graph.to_json(),
            "golden_cases": self.num_golden,
            "refusals": list(self.refusals),
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class _Measured:
    """What is known of the model before it is written."""

    recogniser: OssammaRecogniser
    """As released, calibrated if the bundle was."""
    f1: F1Check | None = None
    reference: Reference | None = None
    verdicts: Verdicts | None = None
    graph: GraphCheck | None = None

    @property
    def refusals(self) -> tuple[str, ...]:
        found = (self.f1 and self.f1.refusal, self.verdicts and gates_refusal(self.verdicts))
        of_graph = () if self.graph is None else self.graph.refusals
        return (*(refusal for refusal in found if refusal), *of_graph)


def export_run(request: ExportRequest) -> ExportOutcome:
    """Write the release of a run, unless it fails a check, and load it once as a user would.

    Raises:
        BundleError: not a bundle, or one that is damaged; or something stands at `out`.
        DataError, FormatError, ProfileError: the dev file, report or gates cannot be used.
    """
    refuse_occupied(request.out)
    source = resolve(request.run)
    trained = load(source, backend=Backend.TORCH)
    verdicts = None
    if request.gates is not None:
        verdicts = hold_against_gates(request.gates, read_metadata(source))
    measured = _measure(request, trained, verdicts)
    num_golden = num_bytes = 0
    if not measured.refusals:
        files = _files(request, source, measured)
        num_golden = len(json.loads(files[GOLDEN_FILE])["cases"])
        content = ReleaseContent(
            form=request.weights,
            facts={
                "f1_check": None if measured.f1 is None else measured.f1.to_json(),
                "onnx": None if measured.graph is None else measured.graph.to_json(),
                "exported_with": versions(),
            },
            files=files,
            sign=request.sign,
        )
        metadata = write_release(source, request.out, measured.recogniser.model, content)
        for backend in (Backend.TORCH, *([Backend.ONNX] if measured.graph else [])):
            load(request.out, backend=backend)
        num_bytes = sum(entry["bytes"] for entry in metadata["files"].values())
    return ExportOutcome(
        bundle=request.out,
        weights=request.weights,
        f1=measured.f1,
        verdicts=verdicts,
        graph=measured.graph,
        refusals=measured.refusals,
        num_golden=num_golden,
        num_bytes=num_bytes,
    )


def _measure(
    request: ExportRequest, trained: OssammaRecogniser, verdicts: Verdicts | None
) -> _Measured:
    released = OssammaRecogniser(
        as_released(trained.model, request.weights),
        trained.tokenizer,
        InferenceSettings(),
        trained.calibration,
    )
    dev = _dev_split(request)
    if dev is None:
        measured = _Measured(recogniser=released, verdicts=verdicts)
        return _with_graph(request, measured, None)
    f1, reference = f1_and_reference(released, dev.documents)
    check = F1Check(
        trained=score(trained, dev.documents).micro.f1,
        released=f1,
        limit=request.max_f1_drop,
        documents=len(dev.documents),
        sha256=dev.sha256,
    )
    measured = _Measured(recogniser=released, f1=check, reference=reference, verdicts=verdicts)
    figures = DevFigures(split=dev, trained=check.trained, limit=request.max_f1_drop)
    return _with_graph(request, measured, figures)


def _with_graph(request: ExportRequest, measured: _Measured, dev: DevFigures | None) -> _Measured:
    """Add the ONNX graph if one is wanted, unless the release is refused already."""
    if request.onnx is None or measured.refusals:
        return measured
    graph = make_graph(measured.recogniser, request.onnx, _golden_texts(request.run), dev)
    return replace(measured, graph=graph)


def _golden_texts(source: Path) -> tuple[str, ...]:
    return golden_texts({t.name: t.examples for t in profile_of(source).types})


def _files(request: ExportRequest, source: Path, measured: _Measured) -> dict[str, bytes]:
    """Return the files that a release has beside those of its bundle."""
    cases = record_goldens(measured.recogniser, _golden_texts(source))
    verdicts = None if measured.verdicts is None else measured.verdicts.to_json()
    files = {GOLDEN_FILE: golden_file(cases)}
    if measured.graph is not None:
        files |= measured.graph.files
    if measured.reference is not None:
        files[REFERENCE_FILE] = reference_file(measured.reference)
    if verdicts is not None:
        files[GATES_FILE] = _json_bytes(verdicts)
    num_parameters = sum(p.numel() for p in measured.recogniser.model.parameters())
    files[CARD_FILE] = model_card(
        request.card or CardSettings(name=request.out.name),
        CardContent(
            facts={**read_metadata(source), "num_parameters": num_parameters},
            types=profile_of(source).types,
            form=request.weights.value,
            f1_check=None if measured.f1 is None else measured.f1.to_json(),
            verdicts=verdicts,
            num_golden=len(cases),
            calibrated=measured.recogniser.calibration is not None,
        ),
    )
    return files


def _json_bytes(content: Mapping[str, Any]) -> bytes:
    return (json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _dev_split(request: ExportRequest) -> Split | None:
    """Read the dev file that was given, or the run's own."""
    dev = request.dev
    named = dev.profile if dev.profile != NATIVE else None
    profile = load_profile(named) if named else profile_of(request.run)
    if dev.file is not None:
        return read_split(dev.file, profile, table=dev.table, file_format=dev.file_format)
    facts = _recorded_dev(request.run)
    if facts is None:
        return None
    path = Path(facts["path"])
    if not path.exists() or sha256_of(path) != facts["sha256"]:
        return None
    return read_split(path, profile, table=facts["table"], file_format=facts["format"])


def _recorded_dev(run: Path) -> dict[str, Any] | None:
    """Return what a run remembers of its dev file; None where there is no run."""
    folder = run.parent if run.name == BUNDLE_FOLDER else run
    try:
        facts = json.loads((folder / RUN_FILE).read_text(encoding="utf-8"))["data"]["dev"]
        return {name: facts[name] for name in ("path", "sha256", "table", "format")}
    except (OSError, ValueError, LookupError, TypeError):
        return None  # a bundle comes without its run
