"""The bundle that comes with the package, for those who have trained none."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from ossamma.schema.errors import BundleError

SHIPPED_FOLDER: Final = Path(__file__).parent / "shipped_bundles" / "rag9"
"""A real folder: the files of a wheel are unpacked when it is installed."""


def shipped_bundle() -> Path:
    """Return the folder of the shipped bundle.

    Raises:
        BundleError: this copy of the package has none.
    """
    if not SHIPPED_FOLDER.is_dir():
        raise BundleError(
            f"this copy of the package ships no bundle (expected one at {SHIPPED_FOLDER}): give "
            "--bundle B, or train one with `ossamma demo`"
        )
    return SHIPPED_FOLDER
