"""The charts of a search: how it went, what its trials learnt, and what each setting did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from ossamma.data.plot import Axis, Line, Point, choice_axis, number_axis, plot
from ossamma.pipeline.search_space import Dimension

Json = Mapping[str, Any]
"""A trial as `TrialRow.to_json` writes it."""

_F1 = "dev F1"


def history_chart(trials: Sequence[Json]) -> Markup:
    """Dev F1 of each trial in order, and the best so far. Pruned trials are hollow."""
    ended = _with_f1(trials)
    best: list[tuple[float, float]] = []
    for trial in ended:
        if trial["state"] == "complete":
            so_far = max(best[-1][1] if best else 0.0, trial["f1"])
            best.append((trial["number"], so_far))
    return plot(
        number_axis("trial", [trial["number"] for trial in ended]),
        number_axis(_F1, [trial["f1"] for trial in ended]),
        points=[_point(trial, float(trial["number"])) for trial in ended],
        lines=[Line(tuple(best), "best so far")] if best else [],
        title="dev F1 of each trial, and the best so far",
    )


def curves_chart(trials: Sequence[Json]) -> Markup:
    """Dev F1 over the epochs, a line for each trial; the best one stands out."""
    curves = [
        (trial, tuple((float(epoch), f1) for epoch, f1 in trial["curve"].items()))
        for trial in trials
        if trial["curve"]
    ]
    complete = [trial for trial, _ in curves if trial["state"] == "complete"]
    best = max(complete, key=lambda trial: trial["f1"], default=None)
    points = [point for _, curve in curves for point in curve]
    return plot(
        number_axis("epoch", [x for x, _ in points]),
        number_axis(_F1, [y for _, y in points]),
        lines=[
            Line(curve, _note(trial), "line" if trial is best else "thin")
            for trial, curve in sorted(curves, key=lambda entry: entry[0] is best)
        ],
        title="dev F1 over the epochs",
    )


def slice_chart(trials: Sequence[Json], dimension: Dimension) -> Markup:
    """Dev F1 over the values of one setting. Pruned trials are hollow."""
    ended = [trial for trial in _with_f1(trials) if dimension.name in trial["values"]]
    values = [trial["values"][dimension.name] for trial in ended]
    distribution = dimension.distribution
    if isinstance(distribution, CategoricalDistribution):
        x: Axis = choice_axis(dimension.name, [str(choice) for choice in distribution.choices])
        places = [float(distribution.choices.index(value)) for value in values]
    else:
        assert isinstance(distribution, IntDistribution | FloatDistribution)
        ends = [float(distribution.low), float(distribution.high)]
        x = number_axis(dimension.name, ends, is_log=distribution.log)
        places = [float(value) for value in values]
    return plot(
        x,
        number_axis(_F1, [trial["f1"] for trial in ended]),
        points=[_point(trial, place) for trial, place in zip(ended, places, strict=True)],
        title=f"dev F1 by {dimension.name}",
    )


def _with_f1(trials: Sequence[Json]) -> list[Json]:
    return [trial for trial in trials if trial["f1"] is not None]


def _point(trial: Json, x: float) -> Point:
    return Point(x, trial["f1"], _note(trial), is_faint=trial["state"] != "complete")


def _note(trial: Json) -> str:
    f1 = "" if trial["f1"] is None else f", {trial['f1']:.4f}"
    return f"trial {trial['number']}: {trial['state']}{f1}"
