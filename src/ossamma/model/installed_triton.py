"""Which Triton is installed, told without importing it. PyTorch's builds for CUDA bring one."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def _version_of_triton() -> str:
    try:
        return version("triton")
    except PackageNotFoundError:
        return ""


TRITON_VERSION = _version_of_triton()
"""Such as 3.7.1; empty if there is none."""


def release_of(number: str) -> tuple[int, ...]:
    """Return the first two parts of a version, such as (3, 7); () of an empty one."""
    return tuple(int(part) for part in number.split(".")[:2] if part.isdecimal())
