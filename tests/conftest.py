"""What holds for every test: no network, no clock in hypothesis, honest skips."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

MIRROR = "OSSAMMA_MIRROR"

# A busy machine is slow now and then; a deadline would make that a failure.
settings.register_profile("house", deadline=None, print_blob=True)
settings.load_profile("house")


def pytest_configure() -> None:
    """Refuse a wrong mirror, and forbid downloads before anything imports a hub client."""
    folder = os.environ.get(MIRROR)
    if folder and not Path(folder).is_dir():
        # A wrong path is a mistake that a skip would hide.
        raise pytest.UsageError(f"{MIRROR} must name a folder of data sets, got {folder!r}")
    os.environ["HF_HUB_OFFLINE"] = "1"  # inherited by the processes that tests start
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what this machine cannot run, and say why."""
    if not os.environ.get(MIRROR):
        skip(items, "data", f"needs the real data sets: {MIRROR} is not set")
    if any(item.get_closest_marker("gpu") for item in items):
        import torch  # noqa: PLC0415 - only a run that collects such tests pays for it

        if not torch.cuda.is_available():
            skip(items, "gpu", "needs a CUDA device: torch sees none")


def skip(items: list[pytest.Item], marker: str, reason: str) -> None:
    """Skip the items that carry the marker, for this reason."""
    for item in items:
        if item.get_closest_marker(marker):
            item.add_marker(pytest.mark.skip(reason=reason))
