"""Reading and writing calibration.json, the file of a bundle that holds its calibration.

Needs neither torch nor transformers: what a bundle's confidences mean can be read anywhere.
"""

from __future__ import annotations

import json
from pathlib import Path

from ossamma.export.manifest import CALIBRATION_FILE
from ossamma.inference.calibration import Calibration
from ossamma.schema.errors import BundleError, ConfigurationError


def write_calibration(folder: Path, calibration: Calibration) -> None:
    """Write the file. Equal calibrations give equal bytes; every float comes back as it was."""
    content = json.dumps(
        calibration.to_json(), indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False
    )
    (folder / CALIBRATION_FILE).write_text(content + "\n", encoding="utf-8")


def read_calibration(folder: Path) -> Calibration | None:
    """Read the calibration of a verified bundle; None if it has none: confidence is the posterior.

    Raises:
        BundleError: the file is not what `write_calibration` writes.
    """
    path = folder / CALIBRATION_FILE
    if not path.is_file():
        return None
    try:
        return Calibration.from_json(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, ConfigurationError, RecursionError) as error:
        raise BundleError(
            f"{path}: {error}; use the version of ossamma that wrote it, or calibrate anew"
        ) from error
