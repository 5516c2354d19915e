"""What a release is held against before it is written: its loss of F1, and gates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ossamma.evaluation.metrics import strict_scores
from ossamma.evaluation.report import read_report
from ossamma.evaluation.verdicts import Outcome, Verdicts
from ossamma.export.reference import Reference
from ossamma.inference.recogniser import OssammaRecogniser
from ossamma.pipeline.gating import GateRequest, check_report
from ossamma.schema.errors import ConfigurationError, DataError
from ossamma.schema.spans import Document


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

    @property
    def refusal(self) -> str | None:
        """Why there is no release; None if the check is passed."""
        if self.passed:
            return None
        return (
            f"dev F1 falls by {100 * (self.trained - self.released):.2f} points, from "
            f"{100 * self.trained:.2f} to {100 * self.released:.2f}; at most "
            f"{100 * self.limit:.2f} are allowed"
        )

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


def f1_and_reference(
    recogniser: OssammaRecogniser, documents: tuple[Document, ...]
) -> tuple[float, Reference]:
    """Return micro-F1 on labelled documents, and the histograms of what was found in them."""
    found = [entities for _, entities in recogniser.recognise_documents(documents)]
    reference = Reference(recogniser.types)
    for document, entities in zip(documents, found, strict=True):
        reference.add(len(document.text), entities)
    return strict_scores(documents, found).micro.f1, reference


@dataclass(frozen=True, kw_only=True, slots=True)
class GatesRequest:
    """A report of the model, and the gates that it is held against."""

    report: Path
    """report.json of `ossamma evaluate --out`, of the very bundle that is released."""
    gates: Path | None = None
    """A file of gates; None means those of the report's profile."""
    incumbent: Path | None = None
    """report.json of the model in use."""


def hold_against_gates(request: GatesRequest, metadata: Mapping[str, Any]) -> Verdicts:
    """Return the verdicts on a report of this very model.

    Args:
        request: report and gates.
        metadata: of the bundle that is released.

    Raises:
        DataError: the report is of another model.
        FormatError, ProfileError: a file is no report, or the gates cannot be used.
    """
    scored = read_report(request.report).get("system", {}).get("checksum")
    if scored != metadata["checksum"]:
        raise DataError(
            f"{request.report}: expected a report of the model that is released, with the "
            f"checksum {metadata['checksum']}, got one of {scored}; evaluate that bundle anew"
        )
    return check_report(
        GateRequest(report=request.report, gates=request.gates, incumbent=request.incumbent)
    )


def gates_refusal(verdicts: Verdicts) -> str | None:
    """Say which gates failed; None if none did."""
    failed = [each.gate.name for each in verdicts.results if each.outcome is Outcome.FAILED]
    if not failed:
        return None
    return f"{len(failed)} of {len(verdicts.results)} gates failed: {', '.join(failed)}"


def refuse_no_share(name: str, value: float) -> None:
    """Raise ConfigurationError if a value is not a share of one; NaN is none."""
    if not 0.0 <= value <= 1.0:
        raise ConfigurationError(f"{name} must lie in [0, 1], a share of one, got {value}")
