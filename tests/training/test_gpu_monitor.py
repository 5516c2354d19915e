"""Use and memory of a GPU: averaged where there is one; where there is none, the reason."""

from __future__ import annotations

import logging
from importlib.util import find_spec
from types import SimpleNamespace

import pytest
import torch

from ossamma.training.gpu_monitor import GpuMonitor, gpu_monitor, open_monitor


class Driver:
    """A driver whose figures are known."""

    def __init__(self, percents):
        self._percents = iter(percents)

    def nvmlDeviceGetUtilizationRates(self, handle):  # noqa: N802  the library's own name
        assert handle == "GPU"
        return SimpleNamespace(gpu=next(self._percents))

    def nvmlDeviceGetMemoryInfo(self, handle):  # noqa: N802
        assert handle == "GPU"
        return SimpleNamespace(used=3 * 2**30)


def test_figures_are_the_mean_since_the_last_line():
    monitor = GpuMonitor(Driver([100, 50, 80, 7]), "GPU")
    monitor.look()
    monitor.look()
    assert monitor.figures() == {"gpu_use_percent": 75.0, "gpu_memory_in_use_gb": 3.0}
    monitor.look()
    assert monitor.figures()["gpu_use_percent"] == 80.0
    assert monitor.figures()["gpu_use_percent"] == 7.0


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_without_a_gpu_there_is_none_and_the_reason_is_said(caplog):
    assert gpu_monitor() is None
    with caplog.at_level(logging.WARNING):
        assert open_monitor("00000000-0000-0000-0000-000000000000") is None
    expected = "NVML" if find_spec("pynvml") else "pip install nvidia-ml-py"
    assert "the use of the GPU is not logged" in caplog.text
    assert expected in caplog.text


@pytest.mark.gpu
def test_a_gpu_tells_its_memory():
    monitor = gpu_monitor()
    if monitor is None:
        pytest.skip("needs the package nvidia-ml-py")
    torch.zeros(2**20, device="cuda")
    figures = monitor.figures()
    assert 0.0 <= figures["gpu_use_percent"] <= 100.0
    assert figures["gpu_memory_in_use_gb"] > 0.0
