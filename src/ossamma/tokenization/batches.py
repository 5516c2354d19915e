"""Windows laid side by side: padding, masks and batching by length.

B windows, T pieces, F word features, S segments (lines or sentences), W words, K tags.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypedDict

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ossamma.tokenization.alignment import PieceWindow

BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float32]


class Batch(TypedDict, total=False):
    """What the model reads; the keys are the arguments of its forward."""

    input_ids: Tensor
    """(B, T) pieces, padded at the end."""
    attention_mask: Tensor
    """(B, T) bool, True at real pieces."""
    word_features: Tensor
    """(B, T, F) hashed feature rows, 0 outside words."""
    first_pieces: Tensor
    """(S, W) each word's first piece as an index into the B * T pieces, 0 at padding."""
    word_mask: Tensor
    """(S, W) bool, True at real words."""
    allowed_tags: Tensor
    """(S, W, K) bool, the tags that the annotation allows; only O at padding."""
    weights: Tensor
    """(S,) loss weight of each segment."""
    margins: Tensor
    """(S, W) what a tag that the annotation rules out is given in the loss, in nats; 0 at padding.
    Only where a run weighs its types."""


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """A window with its supervision. `allowed` is (core words, K), None for unlabelled text.

    `margins` is (core words,) in nats, None where no type weighs more than another.
    """

    window: PieceWindow
    allowed: BoolArray | None = None
    weight: float = 1.0
    margins: FloatArray | None = None

    def __post_init__(self) -> None:
        assert self.allowed is None or len(self.allowed) == len(self.window.first_pieces), (
            "expected one set of allowed tags per core word"
        )

    @property
    def length(self) -> int:
        """Number of pieces, special tokens included."""
        return len(self.window.input_ids)


def collate(examples: Sequence[Example], *, pad_id: int) -> Batch:
    """Pad windows to the longest and stack them; each segment becomes a row of words.

    Supervision is stacked if every example has it.
    """
    lengths = np.array([example.length for example in examples])
    input_ids = _pad([example.window.input_ids for example in examples], pad_id)
    rows: list[npt.NDArray[np.int64]] = []
    allowed: list[BoolArray] = []
    margins: list[FloatArray] = []
    weights: list[float] = []
    for number, example in enumerate(examples):
        first = example.window.first_pieces + number * input_ids.shape[1]
        for start, end in pairwise((*example.window.segments, len(first))):
            rows.append(first[start:end])
            weights.append(example.weight)
            if example.allowed is not None:
                allowed.append(example.allowed[start:end])
            if example.margins is not None:
                margins.append(example.margins[start:end])
    batch = Batch(
        input_ids=input_ids,
        attention_mask=_prefix_mask(lengths),
        word_features=_pad([example.window.features for example in examples], 0),
        first_pieces=_pad(rows, 0),
        word_mask=_prefix_mask(np.array([len(row) for row in rows])),
    )
    if len(allowed) == len(rows):
        stacked = _pad(allowed, value=False)
        stacked[..., 0] |= ~batch["word_mask"]
        batch["allowed_tags"] = stacked
        batch["weights"] = torch.tensor(weights, dtype=torch.float32)
    if len(margins) == len(rows):
        batch["margins"] = _pad(margins, 0)
    return batch


def group_by_length(lengths: Sequence[int], *, max_pieces: int) -> list[list[int]]:
    """Group item indices so that padded size stays within a budget.

    Items of like length share a group; groups come longest first, so that memory peaks at once.
    An item longer than the budget gets a group of its own. Every index occurs exactly once.
    """
    groups: list[list[int]] = []
    order = sorted(range(len(lengths)), key=lambda index: (-lengths[index], index))
    longest = 0
    for index in order:
        if groups and (len(groups[-1]) + 1) * longest <= max_pieces:
            groups[-1].append(index)
        else:
            groups.append([index])
            longest = lengths[index]
    return groups


def _pad(arrays: Sequence[npt.NDArray[np.generic]], value: int) -> Tensor:
    longest = max(len(array) for array in arrays)
    shape = (len(arrays), longest, *arrays[0].shape[1:])
    padded = np.full(shape, value, dtype=arrays[0].dtype)
    for row, array in zip(padded, arrays, strict=True):
        row[: len(array)] = array
    return torch.from_numpy(padded)


def _prefix_mask(lengths: npt.NDArray[np.int64]) -> Tensor:
    return torch.from_numpy(np.arange(lengths.max())[None, :] < lengths[:, None])
