"""What is lost without a part: figures of variants over seeds, and their differences to the whole.

The interval of a figure knows two sources of chance: which documents stand in the test set, and
which seeds were drawn. Each resample draws documents (the same for all variants, so that
differences are paired) and, for every variant apart, seeds, both with replacement. With few seeds
the spread between them is itself ill known, and drawn too narrow by sqrt((S - 1) / S); with one
seed it is not known at all, and the interval speaks of documents only.

U units, R resamples, S seeds, F figures, C counts, K columns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ossamma.evaluation.claims import Claim, ClaimMetric
from ossamma.evaluation.judge import JudgedDocument
from ossamma.evaluation.proportions import Interval
from ossamma.evaluation.resampling import (
    Floats,
    Ints,
    ResamplingSettings,
    ratios,
    resampled_totals,
    unit_keys,
)
from ossamma.schema.errors import DataError

Verdict = Literal["supported", "contradicted", "undecided", "not measurable"]

FULL = "full"
"""Name of the variant that lacks nothing."""
_RATIOS = ("precision", "recall", "f1")
_FEWEST = 20
_SEEDS = 2  # the draws of seeds are independent of those of documents


@dataclass(frozen=True, slots=True)
class Cell:
    """One figure of one variant: mean over seeds, and the difference to the whole."""

    value: float | None
    """None where no seed has anything to divide by."""
    interval: Interval | None
    per_seed: tuple[float | None, ...]
    support: float
    """What the figure is a share of: gold entities, mostly; mean over seeds."""
    difference: float | None
    """To the whole, in the figure's own unit; None for the whole itself."""
    difference_interval: Interval | None

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON with fixed keys."""
        return {
            "value": self.value,
            "interval": self.interval.to_json() if self.interval else None,
            "per_seed": list(self.per_seed),
            "support": self.support,
            "difference": self.difference,
            "difference_interval": (
                self.difference_interval.to_json() if self.difference_interval else None
            ),
        }


@dataclass(frozen=True, slots=True)
class ClaimVerdict:
    """What one variant says of one claim.

    Supported: without the part the figure is lower, interval and all. Contradicted: it is higher.
    Not measurable: the figure is a share of fewer than 20 mentions.
    """

    claim: Claim
    variant: str
    verdict: Verdict
    cell: Cell


@dataclass(frozen=True, slots=True)
class AblationTable:
    """Cells by variant and metric."""

    settings: ResamplingSettings
    metrics: tuple[ClaimMetric, ...]
    cells: Mapping[str, Mapping[str, Cell]]

    def verdicts(self, claims: Sequence[Claim]) -> tuple[ClaimVerdict, ...]:
        """Judge the claims by the variants that are there."""
        return tuple(
            ClaimVerdict(claim, variant, _verdict(cell), cell)
            for claim in claims
            for variant in claim.variants
            if variant in self.cells and FULL in self.cells
            for cell in [self.cells[variant][claim.metric]]
        )

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON with fixed keys."""
        return {
            "level": self.settings.level,
            "resamples": self.settings.resamples,
            "seed": self.settings.seed,
            "metrics": {m.name: {"figure": m.figure, "meaning": m.meaning} for m in self.metrics},
            "variants": {
                variant: {name: cell.to_json() for name, cell in row.items()}
                for variant, row in self.cells.items()
            },
        }


def ablation_table(
    runs: Mapping[str, Sequence[Sequence[JudgedDocument]]],
    metrics: Sequence[ClaimMetric],
    settings: ResamplingSettings | None = None,
) -> AblationTable:
    """Compare variants on the same test documents.

    Args:
        runs: by variant, the judged documents of each seed; `full` is what the others are
            compared with, if it is there.
        metrics: the columns.
        settings: how to resample.

    Raises:
        DataError: there is no document, or the runs are not about the same documents.
    """
    settings = settings or ResamplingSettings()
    _refuse_other_documents(runs)
    counts = {name: _counts(seeds, metrics) for name, seeds in runs.items()}
    drawn = _drawn(counts, settings)
    which = [_RATIOS.index(metric.figure) for metric in metrics]
    means: dict[str, Floats] = {}
    for index, (name, drawn_RSFC) in enumerate(drawn.items()):
        figures_RSF = np.nan_to_num(_figures(drawn_RSFC, which), nan=0.0)
        num_seeds = figures_RSF.shape[1]
        generator = np.random.default_rng([settings.seed, _SEEDS, index])
        seeds_RS1 = generator.integers(0, num_seeds, size=(settings.resamples, num_seeds, 1))
        means[name] = np.take_along_axis(figures_RSF, seeds_RS1, axis=1).mean(axis=1)
    cells = {
        name: {
            metric.name: _cell(counts, means, name, column, metric, level=settings.level)
            for column, metric in enumerate(metrics)
        }
        for name in runs
    }
    return AblationTable(settings, tuple(metrics), cells)


def _counts(seeds: Sequence[Sequence[JudgedDocument]], metrics: Sequence[ClaimMetric]) -> Ints:
    """Counts (S, U, F, C) of every seed, unit and metric."""
    keys = np.array(unit_keys(seeds[0]), dtype=np.int64)
    counts_SUFC = np.zeros((len(seeds), int(keys.max()) + 1, len(metrics), 3), dtype=np.int64)
    for counts_UFC, judged in zip(counts_SUFC, seeds, strict=True):
        rows_DFC = np.array(
            [
                [
                    (c.true_positives, c.false_positives, c.false_negatives)
                    for metric in metrics
                    for c in [metric.count(document)]
                ]
                for document in judged
            ]
        )
        np.add.at(counts_UFC, keys, rows_DFC)
    return counts_SUFC


def _drawn(counts: Mapping[str, Ints], settings: ResamplingSettings) -> dict[str, Floats]:
    """Sums (R, S, F, C) of every variant over the same draws of documents."""
    columns = {name: np.moveaxis(c, 0, 1) for name, c in counts.items()}  # (U, S, F, C)
    shapes = {name: c.shape[1:] for name, c in columns.items()}
    flat_UK = np.concatenate([c.reshape(len(c), -1) for c in columns.values()], axis=1)
    totals_RK = resampled_totals(flat_UK, settings)
    ends = np.cumsum([int(np.prod(shape)) for shape in shapes.values()])
    parts = np.split(totals_RK, ends[:-1], axis=1)
    return {
        name: part.reshape(settings.resamples, *shape)
        for (name, shape), part in zip(shapes.items(), parts, strict=True)
    }


def _figures(counts_FC: Floats | Ints, which: Sequence[int]) -> Floats:
    """The figure of each metric (..., F) from its counts (..., F, C); NaN where unknown."""
    all_ratios = ratios(counts_FC)
    index = np.array(which).reshape((1,) * (all_ratios.ndim - 2) + (-1, 1))
    figures: Floats = np.take_along_axis(all_ratios, index, axis=-1)[..., 0]
    return figures


def _cell(
    counts: Mapping[str, Ints],
    means: Mapping[str, Floats],
    name: str,
    column: int,
    metric: ClaimMetric,
    *,
    level: float,
) -> Cell:
    totals_SC = counts[name].sum(axis=1)[:, column]
    figures_S = ratios(totals_SC)[:, _RATIOS.index(metric.figure)]
    value = _mean(figures_S)
    drawn_R = means[name][:, column]
    difference = between = None
    if name != FULL and FULL in means:
        whole_S = ratios(counts[FULL].sum(axis=1)[:, column])[:, _RATIOS.index(metric.figure)]
        whole = _mean(whole_S)
        if value is not None and whole is not None:
            difference = value - whole
            between = _interval(drawn_R - means[FULL][:, column], difference, level=level)
    return Cell(
        value=value,
        interval=None if value is None else _interval(drawn_R, value, level=level),
        per_seed=tuple(None if np.isnan(f) else float(f) for f in figures_S),
        support=float((totals_SC[:, 0] + totals_SC[:, 2]).mean()),
        difference=difference,
        difference_interval=between,
    )


def _mean(figures_S: Floats) -> float | None:
    """Mean over seeds; a seed without a figure counts as 0, none with one is unknown."""
    return None if np.isnan(figures_S).all() else float(np.nan_to_num(figures_S, nan=0.0).mean())


def _interval(drawn_R: Floats, observed: float, *, level: float) -> Interval:
    tail = (1.0 - level) / 2.0
    low, high = np.quantile(drawn_R, [tail, 1.0 - tail])
    return Interval(min(float(low), observed), max(float(high), observed))


def _verdict(cell: Cell) -> Verdict:
    if cell.difference_interval is None or cell.support < _FEWEST:
        return "not measurable"
    if cell.difference_interval.high < 0.0:
        return "supported"
    return "contradicted" if cell.difference_interval.low > 0.0 else "undecided"


def _refuse_other_documents(runs: Mapping[str, Sequence[Sequence[JudgedDocument]]]) -> None:
    every = [(name, judged) for name, seeds in runs.items() for judged in seeds]
    if not every or not every[0][1]:
        raise DataError("expected at least one run on at least one document, got none")
    first = [each.document for each in every[0][1]]
    for name, judged in every:
        if [each.document for each in judged] != first:
            raise DataError(
                f"variant {name!r}: expected runs on the same documents in the same order"
            )
