"""Counts per document, and their sums over documents drawn again with replacement.

The unit that is drawn is the document, or all documents of one group: what stands in one report
is alike, and intervals that draw single entities come out too narrow.

U units, R resamples, T types, C the three counts (true positives, false positives, false
negatives), K columns of counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ossamma.evaluation.judge import JudgedDocument, Pair, Relation
from ossamma.evaluation.proportions import check_level
from ossamma.schema.errors import ConfigurationError, DataError

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_FOUND, _INVENTED, _MISSED = range(3)
_CELLS = 2_000_000  # of one matrix of weights: 40 MB with its draws
_EXACT_IN_SINGLE = 1 << 24


@dataclass(frozen=True, kw_only=True, slots=True)
class ResamplingSettings:
    """How often is drawn, how, and how sure an interval shall be."""

    resamples: int = 2_000
    """Number of samples that are drawn; the ends of intervals and p values are this exact."""
    level: float = 0.95
    """Share of intervals made in this way that shall hold the true value."""
    seed: int = 0
    """Of the draws: equal seeds and equal input give equal results."""

    def __post_init__(self) -> None:
        check_level(self.level)
        if self.resamples < 100:
            raise ConfigurationError(
                f"resamples must be at least 100, got {self.resamples}: the ends of an interval "
                "are quantiles of so many values"
            )
        if self.seed < 0:
            raise ConfigurationError(f"seed must be >= 0, got {self.seed}")


@dataclass(frozen=True, slots=True, eq=False)
class UnitCounts:
    """Strict counts of each unit and type. `types` are sorted and may hold rows such as `A|B`."""

    types: tuple[str, ...]
    counts_UTC: Ints

    @property
    def totals(self) -> Ints:
        """The counts over all units (T, C)."""
        totals_TC: Ints = self.counts_UTC.sum(axis=0)
        return totals_TC

    @property
    def occurrences(self) -> Ints:
        """Units in which each type occurs (T,), among the gold or the predicted entities."""
        units_T: Ints = self.counts_UTC.any(axis=2).sum(axis=0)
        return units_T

    @property
    def is_type(self) -> NDArray[np.bool_]:
        """Which rows are types (T,): `A|B` is none, and no part of a macro average."""
        return np.array(["|" not in name for name in self.types], dtype=np.bool_)


def unit_keys(judged: Sequence[JudgedDocument]) -> list[int]:
    """Number the unit of each document: its group, or itself; by first appearance."""
    numbers: dict[object, int] = {}
    return [
        numbers.setdefault(each.document.group or index, len(numbers))
        for index, each in enumerate(judged)
    ]


def count_units(judged: Sequence[JudgedDocument], types: Iterable[str] = ()) -> UnitCounts:
    """Count strict true positives, false positives and false negatives by unit and type.

    A row is that of `strict_scores`: a gold mark counts under its label, a false positive under
    its type. A pair that is not correct is a false negative and a false positive.

    Args:
        judged: documents with their pairs.
        types: rows that shall be there even if they do not occur.

    Raises:
        DataError: there is no document.
    """
    if not judged:
        raise DataError("expected at least one document to resample, got none")
    keys = unit_keys(judged)
    cells = [
        (key, name, column)
        for key, document in zip(keys, judged, strict=True)
        for pair in document.pairs
        for name, column in _cells_of(pair)
    ]
    names = tuple(sorted({name for _, name, _ in cells}.union(types)))
    row_of = {name: row for row, name in enumerate(names)}
    shape = (max(keys) + 1, len(names), 3)
    flat = np.fromiter(
        ((key * len(names) + row_of[name]) * 3 + column for key, name, column in cells),
        dtype=np.int64,
        count=len(cells),
    )
    counts = np.bincount(flat, minlength=shape[0] * shape[1] * shape[2])
    return UnitCounts(names, counts.reshape(shape).astype(np.int64))


def _cells_of(pair: Pair) -> Iterator[tuple[str, int]]:
    """Yield the row and column that a pair counts in."""
    if pair.relation is Relation.CORRECT:
        assert pair.gold is not None, "what is correct has a gold mark"
        yield pair.gold.label, _FOUND
        return
    if pair.gold is not None:
        yield pair.gold.label, _MISSED
    if pair.predicted is not None:
        yield pair.predicted.label, _INVENTED


def resampled_totals(counts_UK: Ints, settings: ResamplingSettings) -> Floats:
    """Sums (R, K) of the counts over as many units as there are, drawn with replacement.

    Each resample is a row of weights; all of a chunk are one product of matrices. Sums are exact.
    Memory stays near 40 MB beside the answer, whatever the number of resamples.
    """
    num_units = len(counts_UK)
    generator = np.random.default_rng(settings.seed)
    peak = num_units * int(counts_UK.max(initial=0))
    kind = np.dtype(np.float32 if peak < _EXACT_IN_SINGLE else np.float64)
    table_UK: NDArray[np.floating] = counts_UK.astype(kind)
    totals_RK = np.empty((settings.resamples, counts_UK.shape[1]))
    chunk = max(1, _CELLS // num_units)
    for start in range(0, settings.resamples, chunk):
        rows = min(chunk, settings.resamples - start)
        drawn = generator.integers(0, num_units, size=(rows, num_units))
        drawn += np.arange(rows)[:, None] * num_units
        weights = np.bincount(drawn.ravel(), minlength=rows * num_units)
        weights_RU: NDArray[np.floating] = weights.reshape(rows, num_units).astype(kind)
        totals_RK[start : start + rows] = weights_RU @ table_UK
    return totals_RK


def resampled_totals_reference(counts_UK: Ints, settings: ResamplingSettings) -> Floats:
    """Give what `resampled_totals` gives, unit by unit. The definition; never optimised."""
    generator = np.random.default_rng(settings.seed)
    num_units = len(counts_UK)
    return np.array(
        [
            sum(counts_UK[unit] for unit in generator.integers(0, num_units, size=num_units))
            for _ in range(settings.resamples)
        ],
        dtype=np.float64,
    )


def ratios(counts_C: NDArray[np.generic]) -> Floats:
    """Precision, recall and F1 of counts in the last axis; NaN where there is nothing to divide.

    A figure of zero predictions, or of zero gold entities, is not a small one: it is unknown.
    """
    counts = counts_C.astype(np.float64)
    found, invented, missed = counts[..., 0], counts[..., 1], counts[..., 2]
    above = np.stack([found, found, 2.0 * found], axis=-1)
    below = np.stack([found + invented, found + missed, 2.0 * found + invented + missed], axis=-1)
    shares = np.full(above.shape, np.nan)
    np.divide(above, below, out=shares, where=below > 0)
    return shares


def macro(counts_TC: NDArray[np.generic], is_type_T: NDArray[np.bool_]) -> Floats:
    """Plain mean of the ratios over the types that occur, as in `Scores.macro`; 0 without any.

    The last two axes are types and counts; the answer has the three ratios in its last axis.
    """
    counts = counts_TC[..., is_type_T, :]
    occurs = counts.any(axis=-1)
    total = np.nan_to_num(ratios(counts), nan=0.0).sum(axis=-2)
    number = occurs.sum(axis=-1)[..., None].astype(np.float64)
    mean = np.zeros(total.shape)
    np.divide(total, number, out=mean, where=number > 0)
    return mean
