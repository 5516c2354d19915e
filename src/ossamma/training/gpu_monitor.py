"""Use and memory of a GPU as its driver sees them, by the optional package nvidia-ml-py."""

from __future__ import annotations

import logging
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final

import torch

_PACKAGE: Final = "pynvml"


class GpuMonitor:
    """Averages what the driver says between two lines of the log.

    The driver's figure of use is the share of the last second or less in which the GPU did
    anything at all; it says nothing of how much.
    """

    def __init__(self, nvml: Any, handle: Any) -> None:  # noqa: ANN401  the package has no types
        """Watch the device behind a handle of `pynvml`, which was initialised."""
        self._nvml = nvml
        self._handle = handle
        self._percents: list[float] = []

    def look(self) -> None:
        """Ask once; called after every step."""
        self._percents.append(float(self._nvml.nvmlDeviceGetUtilizationRates(self._handle).gpu))

    def figures(self) -> dict[str, float]:
        """Return the mean use since the last call, and the memory in use by all programs."""
        if not self._percents:
            self.look()
        mean = sum(self._percents) / len(self._percents)
        self._percents.clear()
        used = float(self._nvml.nvmlDeviceGetMemoryInfo(self._handle).used)
        return {"gpu_use_percent": mean, "gpu_memory_in_use_gb": used / 2**30}


def gpu_monitor() -> GpuMonitor | None:
    """Return a monitor of this process's GPU; None, with the reason in the log, without one."""
    if not torch.cuda.is_available():
        return None
    return open_monitor(str(torch.cuda.get_device_properties(torch.cuda.current_device()).uuid))


def open_monitor(uuid: str) -> GpuMonitor | None:
    """Return a monitor of the GPU of that UUID; None, with the reason in the log, without one."""
    reason = "nvidia-ml-py is not installed (pip install nvidia-ml-py)"
    if find_spec(_PACKAGE) is not None:
        nvml = import_module(_PACKAGE)
        try:
            nvml.nvmlInit()
            handle = nvml.nvmlDeviceGetHandleByUUID(f"GPU-{uuid.removeprefix('GPU-')}")
            monitor = GpuMonitor(nvml, handle)
            monitor.figures()  # a part of a GPU may have none
        except nvml.NVMLError as error:  # no driver, or one that does not know the device
            reason = str(error)
        else:
            return monitor
    logging.getLogger(__name__).warning("the use of the GPU is not logged: %s", reason)
    return None
