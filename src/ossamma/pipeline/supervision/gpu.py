"""How busy, full and hot the GPU is, by NVIDIA's library; on a CPU it says that there is none."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

_MIB = 2**20


@dataclass(slots=True)
class GpuWatch:
    """Samples of one GPU. `absent` says why there are none; empty if there is a GPU."""

    absent: str = ""
    peak_mib: int = 0
    hottest_celsius: int = 0
    _busy: list[int] = field(default_factory=list)
    _library: Any = None
    _handle: Any = None

    def sample(self) -> str:
        """Take a sample; return it as a person reads it, empty where there is no GPU."""
        if self._library is None:
            return ""
        busy = self._library.nvmlDeviceGetUtilizationRates(self._handle).gpu
        memory = self._library.nvmlDeviceGetMemoryInfo(self._handle)
        heat = self._library.nvmlDeviceGetTemperature(self._handle, 0)  # 0: of the chip
        self._busy.append(busy)
        self.peak_mib = max(self.peak_mib, memory.used // _MIB)
        self.hottest_celsius = max(self.hottest_celsius, heat)
        return f"GPU {busy} %, {memory.used // _MIB:,} of {memory.total // _MIB:,} MiB, {heat} °C"

    def summary(self) -> dict[str, Any]:
        """Return what a record keeps."""
        if self._library is None or not self._busy:
            return {"absent": self.absent or "it was never asked"}
        return {
            "mean_busy_percent": round(sum(self._busy) / len(self._busy), 1),
            "peak_mib": self.peak_mib,
            "hottest_celsius": self.hottest_celsius,
            "samples": len(self._busy),
        }


def watch_gpu(index: int) -> GpuWatch:
    """Begin to watch a GPU; below 0 none is used."""
    if index < 0:
        return GpuWatch(absent="the run is on the CPU")
    try:
        # By its name, because it is an extra.
        library: Any = import_module("pynvml")
    except ModuleNotFoundError:
        return GpuWatch(absent='nvidia-ml-py is not installed: pip install "ossamma[notify]"')
    try:
        library.nvmlInit()
        return GpuWatch(_library=library, _handle=library.nvmlDeviceGetHandleByIndex(index))
    except library.NVMLError as error:
        return GpuWatch(absent=f"NVIDIA's library says: {error}")
