"""How well borders are found, whatever the type: start, end, both, and by how much they are off."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from ossamma.evaluation.judge import JudgedDocument
from ossamma.evaluation.ruler import Ruler
from ossamma.evaluation.scores import Counts, counts_to_json
from ossamma.schema.spans import Annotation, Entity

FARTHEST: Final = 5
"""Distances of this many words or characters and more share one bar of a histogram."""
BORDERS: Final = ("start", "end")
UNITS: Final = ("words", "characters")


@dataclass(frozen=True, kw_only=True, slots=True)
class BoundaryScores:
    """How many borders of the aligned pairs are right, and how far off the others are.

    `start`, `end` and `both` count pairs of which that border is right as true positives, among all
    marks and all predictions. `distances` has a histogram for each unit and border over the pairs:
    the prediction's border less the mark's, so that a start below 0 comes too early and an end
    above 0 too late. Distances beyond `FARTHEST` count as that.
    """

    start: Counts
    end: Counts
    both: Counts
    distances: Mapping[tuple[str, str], Mapping[int, int]]

    def to_json(self) -> dict[str, object]:
        """Plain dicts; histograms with every bar, from `<=-5` to `>=5`."""
        return {
            "start": counts_to_json(self.start),
            "end": counts_to_json(self.end),
            "both": counts_to_json(self.both),
            "distances": {
                unit: {border: _bars(self.distances[unit, border]) for border in BORDERS}
                for unit in UNITS
            },
        }


def _bars(histogram: Mapping[int, int]) -> dict[str, int]:
    names = {-FARTHEST: f"<={-FARTHEST}", FARTHEST: f">={FARTHEST}"}
    return {
        names.get(distance, str(distance)): histogram.get(distance, 0)
        for distance in range(-FARTHEST, FARTHEST + 1)
    }


def boundary_scores(judged: Iterable[JudgedDocument]) -> BoundaryScores:
    """Compare the borders of every aligned pair."""
    wanted = claimed = 0
    right: Counter[str] = Counter()
    distances: dict[tuple[str, str], Counter[int]] = {
        (unit, border): Counter() for unit in UNITS for border in BORDERS
    }
    for document in judged:
        wanted += sum(pair.gold is not None for pair in document.pairs)
        claimed += sum(pair.predicted is not None for pair in document.pairs)
        ruler = Ruler(document.document)
        for pair in document.pairs:
            if pair.gold is None or pair.predicted is None:
                continue
            measured = _measure(pair.gold, pair.predicted, ruler)
            for place, distance in measured.items():
                distances[place][max(-FARTHEST, min(FARTHEST, distance))] += 1
            good = [border for border in BORDERS if measured["characters", border] == 0]
            right.update([*good, "both"] if len(good) == len(BORDERS) else good)
    start, end, both = (
        Counts(right[name], claimed - right[name], wanted - right[name])
        for name in (*BORDERS, "both")
    )
    return BoundaryScores(start=start, end=end, both=both, distances=distances)


def _measure(gold: Annotation, predicted: Entity, ruler: Ruler) -> dict[tuple[str, str], int]:
    """How far each border is off, in each unit."""
    return {
        ("characters", "start"): predicted.start - gold.start,
        ("characters", "end"): predicted.end - gold.end,
        ("words", "start"): ruler.first(predicted.start) - ruler.first(gold.start),
        ("words", "end"): ruler.after(predicted.end) - ruler.after(gold.end),
    }
