"""Weights in fewer bytes: float16, or int8 with a scale per row, back to float32 when loaded.

Only the file is smaller. The model computes in float32, so that a release gives the same numbers
on every machine. In int8 a tensor NAME of R rows is two tensors of the file: NAME.int8 with the
rounded multiples, and NAME.scale with what one of them is worth in each row.

R rows (all dimensions but the last), C numbers in a row.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from enum import StrEnum
from os import PathLike
from pathlib import Path
from typing import Any, Final

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor
from transformers.utils import SAFE_WEIGHTS_NAME
from transformers.utils.hub import cached_file

from ossamma.schema.errors import BundleError

FORM_KEY: Final = "ossamma_weights"
"""Entry of the file's header that names the form."""
LEVELS: Final = 127
"""Greatest multiple: the range is symmetric, -128 is not used."""
_VALUES: Final = ".int8"
_SCALE: Final = ".scale"
_LEAST_NUMBERS: Final = 4_096
"""Tensors of fewer numbers stay float32: they weigh nothing, and the last layers are of these."""

_WHEREABOUTS: Final = (
    "cache_dir",
    "force_download",
    "local_files_only",
    "token",
    "revision",
    "subfolder",
)


class WeightForm(StrEnum):
    """How the weights of a release are stored."""

    FP32 = "fp32"
    """As they were trained."""
    FP16 = "fp16"
    """Matrices as float16: half the bytes, 11 significant bits."""
    INT8 = "int8"
    """Matrices as int8 with a float32 scale per row: about a quarter of the bytes."""


def quantise_rows(w_RC: Tensor) -> tuple[Tensor, Tensor]:
    """Round each row to multiples of its greatest number / 127.

    Returns:
        multiples (R, C) in int8 and scales (R, 1) in float32. No number moves by more than half a
        scale, but for rounding of float32.
    """
    scale_R1 = w_RC.abs().amax(-1, keepdim=True) / LEVELS
    steps_RC = w_RC / torch.where(scale_R1 > 0.0, scale_R1, 1.0)
    return steps_RC.round().clamp(-LEVELS, LEVELS).to(torch.int8), scale_R1


def quantise_one_by_one(rows: Iterable[Iterable[float]]) -> list[tuple[list[int], float]]:
    """Do the same number by number in Python: the slow twin of `quantise_rows`."""
    result = []
    for row in rows:
        numbers = list(row)
        scale = max(map(abs, numbers)) / LEVELS
        result.append(([round(number / (scale or 1.0)) for number in numbers], scale))
    return result


def dequantise_rows(multiples_RC: Tensor, scale_R1: Tensor) -> Tensor:
    """Return what `quantise_rows` stands for, in float32."""
    return multiples_RC.to(torch.float32) * scale_R1


def pack(state: Mapping[str, Tensor], form: WeightForm) -> dict[str, Tensor]:
    """Return the tensors of a file in this form; small ones and integers stay as they are.

    Raises:
        BundleError: a matrix holds a number that is not finite, or is too large for float16.
    """
    packed: dict[str, Tensor] = {}
    for name, tensor in state.items():
        if form is WeightForm.FP32 or not _is_matrix(tensor):
            packed[name] = tensor.contiguous()
        elif form is WeightForm.FP16:
            packed[name] = _finite(name, tensor.to(torch.float16)).contiguous()
        else:
            values, scale = quantise_rows(_finite(name, tensor.float()))
            packed[name + _VALUES], packed[name + _SCALE] = values.contiguous(), scale.contiguous()
    return packed


def unpack(packed: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors that `pack` was given, in float32 and to the accuracy of the form.

    Raises:
        BundleError: a tensor lacks its scale, or the scale is not one number per row.
    """
    state: dict[str, Tensor] = {}
    scales = {name + _SCALE for name in _quantised(packed)}
    for name, tensor in packed.items():
        if name in scales:
            continue
        own = name.removesuffix(_VALUES)
        if own != name:
            scale = packed.get(own + _SCALE)
            if scale is None or scale.shape != (*tensor.shape[:-1], 1):
                got = None if scale is None else tuple(scale.shape)
                raise BundleError(
                    f"{own}: expected a scale for each row of {tuple(tensor.shape)}, got {got}"
                )
            state[own] = dequantise_rows(tensor, scale)
        else:
            state[name] = tensor.float() if tensor.dtype == torch.float16 else tensor
    return state


def write_weights(path: Path, state: Mapping[str, Tensor], form: WeightForm) -> None:
    """Write a safetensors file whose header names the form; equal weights give equal bytes."""
    notes = {"format": "pt", FORM_KEY: form.value}
    path.write_bytes(_with_notes_in_order(save(pack(state, form), metadata=notes)))


def _with_notes_in_order(content: bytes) -> bytes:
    """Sort the notes of a safetensors header, which safetensors writes in an order by chance."""
    start = 8  # the header comes after its length
    end = start + int.from_bytes(content[:start], "little")
    header = json.loads(content[start:end])
    notes = {"__metadata__": dict(sorted(header.pop("__metadata__").items()))}
    sorted_header = json.dumps(notes | header, separators=(",", ":")).encode().ljust(end - start)
    assert len(sorted_header) == end - start, "only the order changes"
    return content[:start] + sorted_header + content[end:]


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read a safetensors file of any form; matrices come as float32.

    Raises:
        BundleError: int8 tensors without their scales.
        OSError, SafetensorError: the file cannot be read.
    """
    return unpack(load_file(path))


def form_of(path: Path) -> WeightForm:
    """Return the form of a weights file; FP32 if its header does not say.

    Raises:
        BundleError: the header names a form that this version does not know, or is none.
    """
    try:
        with safe_open(path, framework="pt") as file:
            named = (file.metadata() or {}).get(FORM_KEY, WeightForm.FP32.value)
    except (OSError, SafetensorError) as error:
        raise BundleError(f"cannot read the weights {path}: {error}") from error
    if named not in list(WeightForm):
        raise BundleError(
            f"{path}: expected weights in one of {', '.join(WeightForm)}, got {named!r}; use the "
            "version of ossamma that wrote it"
        )
    return WeightForm(named)


def whereabouts(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of `from_pretrained` that say where the files are."""
    return {name: options[name] for name in _WHEREABOUTS if options.get(name) is not None}


def find_packed(name: str | PathLike[Any], options: Mapping[str, Any]) -> Path | None:
    """Return the weights of a folder, or of a model on a hub, if they are a release in int8.

    A file that is missing or cannot be read is left to the caller's own loading, and complaint.

    Args:
        name: what `from_pretrained` was given.
        options: its options.
    """
    found = cached_file(
        os.fspath(name),
        SAFE_WEIGHTS_NAME,
        _raise_exceptions_for_missing_entries=False,
        _raise_exceptions_for_connection_errors=False,
        **whereabouts(options),
    )
    if found is None:
        return None
    try:
        form = form_of(Path(found))
    except BundleError:
        return None
    return Path(found) if form is WeightForm.INT8 else None


def _is_matrix(tensor: Tensor) -> bool:
    return tensor.is_floating_point() and tensor.ndim >= 2 and tensor.numel() >= _LEAST_NUMBERS


def _finite(name: str, tensor: Tensor) -> Tensor:
    if not tensor.isfinite().all():
        raise BundleError(
            f"{name} holds a number that is not finite, or none that {tensor.dtype} can hold; "
            "export with --weights fp32"
        )
    return tensor


def _quantised(packed: Iterable[str]) -> list[str]:
    return [name.removesuffix(_VALUES) for name in packed if name.endswith(_VALUES)]
