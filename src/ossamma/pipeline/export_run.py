"""From a run to a release: the weights made small, what that costs measured, the bundle written."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ossamma.export.bundle import load
from ossamma.export.manifest import BUNDLE_FOLDER, resolve
from ossamma.export.release import ReleaseContent, as_released, refuse_occupied, write_release
from ossamma.inference.recogniser import OssammaRecogniser
from ossamma.inference.settings import InferenceSettings
from ossamma.model.packed_weights import WeightForm
from ossamma.pipeline.corpora import NATIVE, Split, read_split
from ossamma.pipeline.labelled import AUTO, sha256_of
from ossamma.pipeline.run_folder import RUN_FILE
from ossamma.pipeline.scoring import profile_of, score
from ossamma.schema.errors import ConfigurationError
from ossamma.schema.profile import load_profile

MAX_F1_DROP: Final = 0.002
"""Greatest loss of dev F1, as a share of one, that smaller weights may cost."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ExportRequest:
    """Which run is released, in what form, and where to."""

    run: Path
    """A finished run, or a bundle."""
    out: Path
    """The release; nothing may be there yet."""
    weights: WeightForm = WeightForm.FP32
    """How the weights are stored."""
    dev: Path | None = None
    """Labelled documents to measure the release on; None takes the run's own dev file if it still
    lies where it lay, unchanged."""
    profile: str | None = None
    """Whose label maps to use for the dev file; None or "native" means the bundle's own."""
    table: str | None = None
    """The label map; None chooses by the labels."""
    file_format: str = AUTO
    """Format of the dev file."""
    max_f1_drop: float = MAX_F1_DROP
    """Greatest loss of dev F1, as a share of one."""

    def __post_init__(self) -> None:
        if not 0.0 <= self.max_f1_drop <= 1.0:
            raise ConfigurationError(
                f"max_f1_drop must lie in [0, 1], a share of one, got {self.max_f1_drop}"
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class F1Check:
    """Dev F1 of the model as trained and as released, each as a share of one."""

    trained: float
    released: float
    limit: float
    documents: int
    sha256: str
    """Of the dev file."""

    @property
    def passed(self) -> bool:
        """Whether the loss is within the limit."""
        return self.trained - self.released <= self.limit

    def to_json(self) -> dict[str, Any]:
        """Plain JSON with fixed keys."""
        return {
            "trained": self.trained,
            "released": self.released,
            "drop": self.trained - self.released,
            "limit": self.limit,
            "documents": self.documents,
            "sha256": self.sha256,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class ExportOutcome:
    """The release, or why there is none."""

    bundle: Path
    """Where it is, or would have been."""
    weights: WeightForm
    f1: F1Check | None
    """None where there was nothing to measure on."""
    refusals: tuple[str, ...]
    """Checks that were not passed; with any, nothing was written."""
    num_bytes: int
    """Of all files of the release; 0 without one."""

    def to_json(self) -> dict[str, Any]:
        """Plain JSON with fixed keys."""
        return {
            "bundle": None if self.refusals else str(self.bundle),
            "weights": self.weights.value,
            "bytes": self.num_bytes,
            "f1": None if self.f1 is None else self.f1.to_json(),
            "refusals": list(self.refusals),
        }


def export_run(request: ExportRequest) -> ExportOutcome:
    """Write the release of a run, unless it fails a check.

    Raises:
        BundleError: not a bundle, or one that is damaged; or something stands at `out`.
        DataError, FormatError, ProfileError: the dev file cannot be used.
    """
    refuse_occupied(request.out)
    source = resolve(request.run)
    trained = load(source, InferenceSettings(calibrated=False))
    released = OssammaRecogniser(
        as_released(trained.model, request.weights), trained.tokenizer, trained.settings
    )
    dev = _dev_split(request)
    f1 = None if dev is None else _check_f1(trained, released, dev, request.max_f1_drop)
    refusals = _refusals(f1)
    num_bytes = 0
    if not refusals:
        content = ReleaseContent(
            form=request.weights, facts={"f1_check": None if f1 is None else f1.to_json()}
        )
        metadata = write_release(source, request.out, released.model, content)
        num_bytes = sum(entry["bytes"] for entry in metadata["files"].values())
    return ExportOutcome(
        bundle=request.out,
        weights=request.weights,
        f1=f1,
        refusals=refusals,
        num_bytes=num_bytes,
    )


def _refusals(f1: F1Check | None) -> tuple[str, ...]:
    if f1 is None or f1.passed:
        return ()
    drop = 100 * (f1.trained - f1.released)
    return (
        f"dev F1 falls by {drop:.2f} points, from {100 * f1.trained:.2f} to "
        f"{100 * f1.released:.2f}; at most {100 * f1.limit:.2f} are allowed",
    )


def _dev_split(request: ExportRequest) -> Split | None:
    """Read the dev file that was given, or the run's own."""
    named = request.profile if request.profile != NATIVE else None
    profile = load_profile(named) if named else profile_of(request.run)
    if request.dev is not None:
        return read_split(
            request.dev, profile, table=request.table, file_format=request.file_format
        )
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


def _check_f1(
    trained: OssammaRecogniser, released: OssammaRecogniser, dev: Split, limit: float
) -> F1Check:
    return F1Check(
        trained=score(trained, dev.documents).micro.f1,
        released=score(released, dev.documents).micro.f1,
        limit=limit,
        documents=len(dev.documents),
        sha256=dev.sha256,
    )
