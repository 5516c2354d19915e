"""The sections of `report.json`, for those who write it and those who read it."""

from __future__ import annotations

from typing import Final

HEADER: Final = ("format", "ossamma", "created", "profile", "types")
"""What the report is, and of what."""
REQUIRED: Final = ("system", "gold", "scores")
"""Objects without which a file is no report."""
OPTIONAL: Final = (
    "schemes",
    "hierarchy",
    "confusion",
    "boundaries",
    "slices",
    "not_annotated",
    "intervals",
    "calibration",
    "risk_coverage",
    "errors",
    "label_noise",
    "training",
    "speed",
    "per_document",
)
"""Objects that may be missing or null."""
SECTIONS: Final = (*HEADER, *REQUIRED, *OPTIONAL)
"""All of them, in their order; the path of a figure begins with one."""
