"""Is one run better than another on the same documents, or may it be chance?

Needs neither torch nor transformers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ossamma.evaluation.resampling import ResamplingSettings
from ossamma.evaluation.significance import Comparison, compare
from ossamma.pipeline.judgement import GoldRequest, Judgement
from ossamma.pipeline.labelled import sha256_of
from ossamma.pipeline.predictions import judge_predictions
from ossamma.pipeline.run_content import RunContent, require_run
from ossamma.pipeline.run_folder import PREDICTIONS_FILE
from ossamma.schema.errors import CheckpointError, DataError

_TEST = ("data", "test")
_DECISIVE = ("sha256", "format", "table", "mapped")


@dataclass(frozen=True, slots=True)
class PairedResult:
    """What the second run gains over the first on the same documents."""

    first: str
    second: str
    comparison: Comparison

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON types; differences are second minus first."""
        return {"first": self.first, "second": self.second, **self.comparison.to_json()}


def compare_answers(
    folders: Sequence[Path], settings: ResamplingSettings | None = None
) -> list[PairedResult]:
    """Hold every other run's answers on its test file against the first one's; no model is run.

    Raises:
        CheckpointError: a run cannot be read, or kept no answers.
        DataError: the runs were not tested on the same file in the same types, or it is gone.
    """
    runs = [require_run(folder) for folder in folders]
    for run in runs:
        if not isinstance(run.at(*_TEST), dict):
            raise DataError(f"{run.path} was trained without a test file")
        if not (run.path / PREDICTIONS_FILE).is_file():
            raise CheckpointError(f"{run.path} has kept no answers ({PREDICTIONS_FILE})")
    if any(_identity(run) != _identity(runs[0]) for run in runs):
        raise DataError("the runs were tested on different files, or in different types")
    request = GoldRequest(
        files=(_test_file(runs),),
        profile=runs[0].text("profile"),
        table=runs[0].text(*_TEST, "table"),
        file_format=runs[0].text(*_TEST, "format") or "auto",
    )
    answers = [run.path / PREDICTIONS_FILE for run in runs]
    return hold_against_first(
        folders, [judge_predictions((path,), request) for path in answers], settings
    )


def hold_against_first(
    folders: Sequence[Path],
    judgements: Sequence[Judgement],
    settings: ResamplingSettings | None = None,
) -> list[PairedResult]:
    """Hold the answers of every other run against those of the first."""
    first, *others = judgements
    return [
        PairedResult(str(folders[0]), str(folder), compare(other.judged, first.judged, settings))
        for folder, other in zip(folders[1:], others, strict=True)
    ]


def _identity(run: RunContent) -> tuple[Any, ...]:
    """What must be the same for two runs to be judged on the same documents."""
    return (
        run.at("profile"),
        run.at("types"),
        *(run.at(*_TEST, name) for name in _DECISIVE),
    )


def _test_file(runs: Sequence[RunContent]) -> Path:
    """Find the test file where one of the runs had it, if it is still the same."""
    stated = list(dict.fromkeys(filter(None, (run.text(*_TEST, "path") for run in runs))))
    for path in map(Path, stated):
        if path.is_file() and sha256_of(path) == runs[0].at(*_TEST, "sha256"):
            return path
    raise DataError(f"the test file is not, or no longer the same, at {', '.join(stated)}")
