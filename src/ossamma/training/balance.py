"""Types that are rare made to count: margins by type for the loss, and how often windows are read.

C core words of a window, K tags, M types.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ossamma.data.repeat_factors import repeat_factors
from ossamma.tokenization.batches import BoolArray, Example

Floats = npt.NDArray[np.float64]


def types_in(example: Example) -> frozenset[int]:
    """Return the types of which an entity surely begins in a window, by number."""
    return frozenset(np.flatnonzero(_begins(example).any(0)).tolist())


def count_types(examples: Sequence[Example], num_types: int) -> Floats:
    """Return how many entities of each type begin in the windows, (M,).

    One whose type the annotation leaves open counts for each of its types with an equal share.
    """
    counts_M = np.zeros(num_types)
    for example in examples:
        begins_CM = _begins(example)
        counts_M += (begins_CM / np.maximum(begins_CM.sum(1, keepdims=True), 1)).sum(0)
    return counts_M


def type_weights(counts_M: Floats, *, power: float, most: float) -> Floats:
    """Return (greatest count / count)^power, (M,), at most `most`; 1 for a type not seen."""
    seen_M = np.maximum(counts_M, 1e-9)
    weights_M = np.minimum((counts_M.max(initial=0.0) / seen_M) ** power, most)
    return np.where(counts_M > 0.0, weights_M, 1.0)


def with_margins(examples: Sequence[Example], weights_M: Floats) -> list[Example]:
    """Return the examples with a margin of log(weight of its type) at every word of an entity.

    Where several types are possible the greatest weight counts; where none is certain, and outside,
    the margin is 0. Weights of 1 are margins of 0: the loss as it was.
    """
    log_M = np.log(weights_M)
    return [replace(example, margins=_margins(example, log_M)) for example in examples]


def window_repeats(examples: Sequence[Example], threshold: float) -> list[float]:
    """Return how often each window should be read, at least once; see `repeat_factors`."""
    return repeat_factors([types_in(example) for example in examples], threshold)


def _margins(example: Example, log_M: Floats) -> npt.NDArray[np.float32]:
    allowed_CK = _supervision(example)
    inside_CM = (allowed_CK[:, 1::2] | allowed_CK[:, 2::2]) & ~allowed_CK[:, :1]
    greatest_C = np.where(inside_CM, log_M, 0.0).max(1, initial=0.0)
    return np.asarray(greatest_C, dtype=np.float32)


def _begins(example: Example) -> BoolArray:
    """At which words an entity of which types surely begins, (C, M)."""
    allowed_CK = _supervision(example)
    surely_C1 = ~allowed_CK[:, :1] & ~allowed_CK[:, 2::2].any(1, keepdims=True)
    return np.asarray(allowed_CK[:, 1::2] & surely_C1, dtype=np.bool_)


def _supervision(example: Example) -> BoolArray:
    assert example.allowed is not None, "what is trained on is labelled"
    return example.allowed
