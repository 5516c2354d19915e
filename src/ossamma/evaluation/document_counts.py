"""Strict counts of every document, so that two reports can be compared document by document.

D documents, T types, C counts (true positives, false positives, false negatives).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ossamma.evaluation.judge import JudgedDocument
from ossamma.evaluation.resampling import count_units

COUNTS: Final = ("tp", "fp", "fn")


@dataclass(frozen=True, slots=True, eq=False)
class DocumentCounts:
    """The counts with the names of their rows; a document without a group is one of its own."""

    ids: tuple[str, ...]
    groups: tuple[str, ...]
    types: tuple[str, ...]
    counts_DTC: NDArray[np.int64]

    def to_json(self) -> dict[str, object]:
        """Plain lists under fixed keys: for each count a row of numbers per document."""
        return {
            "ids": list(self.ids),
            "groups": list(self.groups) if any(self.groups) else [],
            "types": list(self.types),
            **{name: self.counts_DTC[:, :, index].tolist() for index, name in enumerate(COUNTS)},
        }


def count_documents(judged: Sequence[JudgedDocument]) -> DocumentCounts:
    """Count each document by itself. Raises DataError where there is none."""
    # A unit of `count_units` is a group, where documents have one.
    alone = [replace(each, document=replace(each.document, group="")) for each in judged]
    units = count_units(alone)
    return DocumentCounts(
        ids=tuple(each.document.id for each in judged),
        groups=tuple(each.document.group for each in judged),
        types=units.types,
        counts_DTC=units.counts_UTC,
    )
