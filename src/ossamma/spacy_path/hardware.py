"""What a training run may use: graphics memory, or a CPU alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch

from ossamma.schema.errors import ConfigurationError

GIB: Final = 2**30
_SMALLEST_GPU: Final = 2.0


@dataclass(frozen=True, slots=True)
class Hardware:
    """`vram_gib` is the memory of the GPU in GiB; None means that there is none to be used."""

    vram_gib: float | None
    said_by: str
    """Who says so: for the reasons that are written down."""

    def __post_init__(self) -> None:
        if self.vram_gib is not None and not self.vram_gib >= _SMALLEST_GPU:
            raise ConfigurationError(
                f"expected a GPU of at least {_SMALLEST_GPU:g} GiB, got {self.vram_gib:g}; use the "
                "CPU (--cpu)"
            )


def stated(*, vram: float | None, cpu: bool) -> Hardware:
    """Return what the user says, or what is found here if nothing is said.

    Raises:
        ConfigurationError: both were said, or a GPU that is too small.
    """
    if cpu and vram is not None:
        raise ConfigurationError("--cpu and --vram exclude each other; give one of them, or none")
    if cpu:
        return Hardware(None, "as stated")
    if vram is not None:
        return Hardware(vram, "as stated")
    return detected()


def detected() -> Hardware:
    """Return the first GPU that torch sees, or the CPU."""
    if not torch.cuda.is_available():
        return Hardware(None, "torch sees no CUDA device here")
    facts = torch.cuda.get_device_properties(0)
    return Hardware(facts.total_memory / GIB, f"torch sees {facts.name}")
