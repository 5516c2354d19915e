"""The peak is that of the block: what came before does not count, what was freed does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from ossamma.pipeline.memory import peak_memory

CPU = torch.device("cpu")
pytestmark = pytest.mark.skipif(
    not Path("/proc/self/clear_refs").exists(), reason="the peak is known on Linux only"
)


def peak_of(mib):
    with peak_memory(CPU) as peak:
        assert peak.bytes is None
        np.ones(mib * 2**17)  # of 8 bytes, written and freed at once
    return peak.bytes


def test_what_a_block_held_is_its_peak_alone():
    first, second, third = peak_of(1), peak_of(256), peak_of(1)
    assert second - first > 200 * 2**20
    assert second - third > 200 * 2**20


@pytest.mark.gpu
def test_on_a_gpu_it_is_what_torch_held():
    with peak_memory(torch.device("cuda")) as small:
        torch.ones(2**10, device="cuda")
    with peak_memory(torch.device("cuda")) as great:
        torch.ones(2**26, device="cuda")
    assert great.bytes - small.bytes > 200 * 2**20
