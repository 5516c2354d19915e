"""Fit a bundle's calibration on labelled documents and write the bundle that carries it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ossamma.evaluation.calibration import CalibrationFigures
from ossamma.evaluation.calibrators import Choice
from ossamma.evaluation.fitting import CalibrationSettings, CrossFit, cross_fit, fit_calibration
from ossamma.evaluation.judge import judge
from ossamma.evaluation.outcomes import Outcomes, collect_outcomes
from ossamma.export.bundle import load, save_calibrated
from ossamma.export.manifest import read_metadata, resolve
from ossamma.inference.settings import InferenceSettings
from ossamma.pipeline.corpora import NATIVE, Split, read_split
from ossamma.pipeline.scoring import profile_of
from ossamma.schema.errors import BundleError
from ossamma.schema.profile import load_profile


@dataclass(frozen=True, kw_only=True, slots=True)
class CalibrationRequest:
    """Which bundle is calibrated on what, and where the new bundle goes."""

    bundle: Path
    """A bundle or run folder; it stays as it is."""
    gold: Path
    """Labelled documents that the model was not trained on."""
    out: Path
    """The new bundle; nothing may be there yet."""
    profile: str | None = None
    """Whose label maps to use for the gold file; None or "native" means the bundle's own."""
    table: str | None = None
    """The label map; None chooses by the labels."""
    file_format: str = "auto"
    """Format of the gold file."""
    settings: CalibrationSettings = field(default_factory=CalibrationSettings)
    """How it is fitted."""


@dataclass(frozen=True, slots=True)
class CalibrationOutcome:
    """The new bundle, what was chosen, and what it is worth on documents it was not fitted on."""

    bundle: Path
    choice: Choice
    cross_fit: CrossFit

    def to_json(self) -> dict[str, Any]:
        """Plain JSON with fixed keys."""
        return {"bundle": str(self.bundle), "calibration": self.choice.calibration.to_json()}


def calibrate_bundle(request: CalibrationRequest) -> CalibrationOutcome:
    """Fit calibrators and thresholds on the raw posteriors and write a new bundle with them.

    Everything is fitted on all documents of the gold file; the figures before and after are
    cross-fitted.

    Raises:
        BundleError: not a bundle, or one that is damaged; or something stands at `out`.
        DataError, FormatError, ProfileError: the gold file cannot be used.
    """
    if request.out.exists() or request.out.is_symlink():
        raise BundleError(f"{request.out} exists; expected a new folder for the calibrated bundle")
    named = request.profile if request.profile != NATIVE else None
    split = read_split(
        request.gold,
        load_profile(named) if named else profile_of(request.bundle),
        table=request.table,
        file_format=request.file_format,
    )
    outcomes = _outcomes(request.bundle, split)
    choice = fit_calibration(outcomes, request.settings)
    worth = cross_fit(outcomes, request.settings)
    facts = _facts(request, split, choice, worth)
    calibration = replace(choice.calibration, facts=facts)
    save_calibrated(request.bundle, request.out, calibration)
    return CalibrationOutcome(request.out, replace(choice, calibration=calibration), worth)


def _outcomes(bundle: Path, split: Split) -> Outcomes:
    recogniser = load(bundle, InferenceSettings(calibrated=False))
    found = (entities for _, entities in recogniser.recognise_documents(split.documents))
    return collect_outcomes(list(judge(split.documents, found)))


def _facts(
    request: CalibrationRequest, split: Split, choice: Choice, worth: CrossFit
) -> dict[str, Any]:
    """Say what was fitted on what. Neither a date nor a path: equal input gives equal files."""
    settings = request.settings
    return {
        "method": choice.name,
        "fitted_on": {
            "sha256": split.sha256,
            "documents": len(split.documents),
            "predictions": worth.before.overall.predictions,
            "model_sha256": read_metadata(resolve(request.bundle))["checksum"],
        },
        "settings": {
            "method": settings.method.value,
            "folds": settings.folds,
            "seed": settings.seed,
            "precision_floor": settings.thresholds.precision_floor,
            "level": settings.thresholds.level,
            "min_predictions": settings.thresholds.min_predictions,
        },
        "held_out_log_loss": dict(choice.held_out),
        "cross_fit": {
            "before": _summary(worth.before.overall),
            "after": _summary(worth.after.overall),
            "thresholds": {
                policy.value: {
                    "precision": counts.precision,
                    "recall": counts.recall,
                    "f1": counts.f1,
                }
                for policy, counts in worth.kept.items()
            },
        },
    }


def _summary(figures: CalibrationFigures) -> dict[str, float]:
    return {
        "ece": figures.ece,
        "ece_equal_mass": figures.ece_equal_mass,
        "rms_debiased": figures.rms_debiased,
        "brier": figures.brier,
        "log_loss": figures.log_loss,
    }
