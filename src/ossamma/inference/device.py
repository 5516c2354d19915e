"""The device that a model runs on, by the name that a user gives."""

from __future__ import annotations

import re
from typing import Final

import torch

from ossamma.schema.errors import ConfigurationError

CPU: Final = "cpu"
_NAME = re.compile(r"cpu|cuda(:[0-9]+)?")


def device_of(name: str) -> torch.device:
    """Return the device of this name: cpu, cuda or cuda:N.

    Raises:
        ConfigurationError: no such name, or no such device here.
    """
    if not _NAME.fullmatch(name):
        raise ConfigurationError(f"device must be cpu, cuda or cuda:N, got {name!r}")
    device = torch.device(name)
    if device.type != CPU:
        number = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if (device.index or 0) >= number:
            raise ConfigurationError(
                f"expected a device of this machine, got {name!r}; PyTorch {torch.__version__} "
                f"sees {number} GPUs: choose cpu, or look at the driver and the build of PyTorch"
            )
    return device
