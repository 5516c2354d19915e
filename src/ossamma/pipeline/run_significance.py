"""Is one run better than another on gold documents, or may it be chance?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ossamma.evaluation.resampling import ResamplingSettings
from ossamma.evaluation.significance import Comparison, compare
from ossamma.export.manifest import BUNDLE_FOLDER
from ossamma.pipeline.judgement import PREDICTIONS_FILE, GoldRequest, Judgement
from ossamma.pipeline.predictions import judge_predictions
from ossamma.pipeline.scoring import judge_bundle
from ossamma.schema.errors import CheckpointError


@dataclass(frozen=True, slots=True)
class PairedResult:
    """What the second run gains over the first on the same documents."""

    first: str
    second: str
    comparison: Comparison

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON types; differences are second minus first."""
        return {"first": self.first, "second": self.second, **self.comparison.to_json()}


def compare_on_gold(
    folders: Sequence[Path], request: GoldRequest, settings: ResamplingSettings | None = None
) -> list[PairedResult]:
    """Hold every other run against the first, by paired resampling of the gold documents.

    A run answers with its bundle; without one with its predictions.jsonl, as `ossamma evaluate
    --out RUN/report` leaves it.

    Raises:
        CheckpointError: a run has neither.
        DataError: the runs cannot be judged on the same documents.
    """
    first, *others = (judged_on(folder, request) for folder in folders)
    return [
        PairedResult(str(folders[0]), str(folder), compare(other.judged, first.judged, settings))
        for folder, other in zip(folders[1:], others, strict=True)
    ]


def judged_on(folder: Path, request: GoldRequest) -> Judgement:
    """Judge a run on gold documents.

    Raises:
        CheckpointError: the run has neither a bundle nor predictions.
    """
    if (folder / BUNDLE_FOLDER).is_dir():
        return judge_bundle(folder, request)
    kept = [folder / PREDICTIONS_FILE, folder / "report" / PREDICTIONS_FILE]
    found = next((path for path in kept if path.is_file()), None)
    if found is None:
        raise CheckpointError(
            f"{folder} cannot be judged on {', '.join(map(str, request.files))}: expected "
            f"{BUNDLE_FOLDER} or {PREDICTIONS_FILE} in it; finish the run first"
        )
    return judge_predictions((found,), request)
