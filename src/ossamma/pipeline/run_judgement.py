"""Runs on documents that they may not have seen before: their bundles answer, and are compared."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ossamma.evaluation.resampling import ResamplingSettings
from ossamma.export.manifest import BUNDLE_FOLDER
from ossamma.pipeline.judgement import GoldRequest
from ossamma.pipeline.run_significance import PairedResult, hold_against_first
from ossamma.pipeline.scoring import judge_bundle
from ossamma.schema.errors import CheckpointError


def compare_on_gold(
    folders: Sequence[Path], request: GoldRequest, settings: ResamplingSettings | None = None
) -> list[PairedResult]:
    """Let every run's bundle answer on gold documents, and hold the others against the first.

    Raises:
        CheckpointError: a run has no bundle.
        DataError: the runs cannot be judged on the same documents.
    """
    for folder in folders:
        if not (folder / BUNDLE_FOLDER).is_dir():
            raise CheckpointError(
                f"{folder} cannot be judged on {', '.join(map(str, request.files))}: expected "
                f"{BUNDLE_FOLDER} in it; finish the run first"
            )
    judgements = [judge_bundle(folder, request) for folder in folders]
    return hold_against_first(folders, judgements, settings)
