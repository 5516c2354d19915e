"""What the manifest of a supervised training says for the report of the run."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from ossamma.pipeline.supervision.spacy_attempts import read_attempts
from ossamma.pipeline.supervision.watch import mean_losses

MANIFEST: Final = "manifest.json"


def unfinished(versions: Sequence[Path]) -> Path | None:
    """Return the newest version if it has a manifest, so that it can be taken up."""
    newest = versions[-1] if versions else None
    return newest if newest is not None and (newest / MANIFEST).is_file() else None


def read(run: Path) -> dict[str, Any]:
    """Read a manifest, of either supervisor."""
    content: dict[str, Any] = json.loads((run / MANIFEST).read_text(encoding="utf-8"))
    return content


def facts_of(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return attempts, time, memory, GPU and warnings of a supervised training."""
    attempts = manifest["attempts"]
    peaks = [each["peak_bytes"] for each in attempts if each["peak_bytes"] is not None]
    return {
        "dev_score": manifest.get("score"),
        "attempts": [{key: each[key] for key in ("ending", "seconds")} for each in attempts],
        "seconds": round(sum(each["seconds"] for each in attempts), 1),
        "peak_bytes": max(peaks, default=None),
        "gpu": manifest["gpu"],
        "notes": manifest["notes"],
    }


def curve_of(run: Path) -> list[dict[str, float]]:
    """Return loss and dev score of each evaluation of a supervised spaCy run."""
    points = []
    for attempt in read_attempts(run):
        means = mean_losses(attempt.evaluations)
        for evaluation, loss in zip(attempt.evaluations, means, strict=True):
            epoch = attempt.epochs_before + evaluation.epoch
            points.append({"epoch": epoch, "loss": loss, "eval_f1": evaluation.score})
    return points
