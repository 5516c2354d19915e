"""On what a run runs: versions and machine, in plain JSON."""

from __future__ import annotations

import platform
from importlib.metadata import version
from typing import Any

import torch

from ossamma.export.manifest import own_version


def versions() -> dict[str, str]:
    """Return the versions that may change a run's numbers."""
    return {
        "python": platform.python_version(),
        "ossamma": own_version(),
        **{name: version(name) for name in ("torch", "transformers", "tokenizers")},
    }


def machine() -> dict[str, Any]:
    """Return the system, its threads and its GPU."""
    return {
        "system": platform.platform(),
        "threads": torch.get_num_threads(),
        "cuda": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
    }
