"""The charts of a report: types, confusion, confidence, slices and training."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from markupsafe import Markup

from ossamma.data.charts import Cell, ShareBar, heat_map, share_chart
from ossamma.data.plot import Line, Point, number_axis, plot, share_axis

Json = Mapping[str, Any]

_LENGTH = re.compile(r"([0-9]{1,9})(?:-[0-9]+|\+)?")
NOTHING = "(nothing)"
"""The row of predictions without a gold mark, and the column of marks that were not found."""


def type_chart(report: Json) -> Markup:
    """F1 of every type with its interval and support, the best first."""
    rows, intervals = report["scores"]["per_type"], report["intervals"]
    ranked = sorted(rows, key=lambda name: (-rows[name]["f1"], -rows[name]["support"], name))
    bars = []
    for name in ranked:
        low_high = intervals and tuple(intervals["per_type"][name]["f1"])
        bars.append(ShareBar(name, rows[name]["f1"], low_high or None, _note(rows[name])))
    return share_chart(bars, title="F1 of every type, with its interval")


def slice_chart(parts: Mapping[str, Json], title: str) -> Markup:
    """F1 of the parts of a slice; lengths ascend."""
    order = sorted(parts, key=lambda name: (_first_number(name), name))
    bars = [ShareBar(name, parts[name]["f1"], None, _note(parts[name])) for name in order]
    return share_chart(bars, title=title)


def confusion_map(report: Json) -> Markup:
    """Gold types as rows, predicted types as columns; coloured by the share of the row.

    A cell leads to its errors in the table of cases.
    """
    table = report["confusion"]
    types = table["types"]
    cells = []
    for row, found in enumerate(table["counts"]):
        numbers = [*found, table["missed"][row]]
        total = sum(numbers)
        cells += [
            _cell(table, (row, column), number, total)
            for column, number in enumerate(numbers)
            if number
        ]
    total = sum(table["spurious"])
    cells += [
        _cell(table, (len(types), column), number, total)
        for column, number in enumerate(table["spurious"])
        if number
    ]
    names = [*types, NOTHING]
    return heat_map(names, names, cells, title="Confusion of gold types (rows) and predicted types")


def _cell(table: Json, place: tuple[int, int], number: int, total: int) -> Cell:
    row, column = place
    types = table["types"]
    gold, predicted = (types[index] if index < len(types) else "" for index in place)
    right = table["same_borders"][row][column] if row == column else 0
    link = "#" + urlencode({"gold": gold, "predicted": predicted}) if number > right else ""
    if row == column:
        note = f"{gold}: {number:,} found, {right:,} of them with the right borders"
        kind = "right"
    elif not predicted:
        note, kind = f"{gold}: {number:,} missed", "lost"
    elif not gold:
        note, kind = f"{predicted}: {number:,} predicted where nothing is", "lost"
    else:
        note, kind = f"{gold} taken for {predicted}: {number:,}", "wrong"
    shade = 0.12 + 0.88 * math.sqrt(number / total)
    return Cell(row, column, number, shade, kind, f"{note} ({number / total:.1%})", link)


def reliability_chart(figures: Json) -> Markup:
    """Precision over confidence in bins of equal number; the broken line is perfect."""
    bins = figures["reliability"]["equal_mass"]
    return plot(
        share_axis("confidence"),
        share_axis("precision"),
        points=[
            Point(
                one["confidence"],
                one["precision"],
                f"{one['count']:,} predictions with confidence {one['low']:.3f} to "
                f"{one['high']:.3f}: mean {one['confidence']:.3f}, precision "
                f"{one['precision']:.3f} [{one['interval'][0]:.3f}, {one['interval'][1]:.3f}]",
            )
            for one in bins
        ],
        lines=[
            Line(((0.0, 0.0), (1.0, 1.0)), "perfect calibration", "ideal"),
            *(
                Line(tuple((one["confidence"], end) for end in one["interval"]), kind="mark")
                for one in bins
            ),
        ],
        title="Reliability: precision over confidence",
    )


def risk_chart(figures: Json) -> Markup:
    """Share of wrong predictions over the share of predictions that is kept."""
    curve = figures["curve"]
    worst = max(point["risk"] for point in curve)
    line = Line(tuple((point["coverage"], point["risk"]) for point in curve), "risk")
    chosen = [point for point in curve if point in curve[:: max(1, len(curve) // 20)]]
    return plot(
        share_axis("share of the predictions kept, the most confident ones"),
        number_axis("risk", [0.0, worst]),
        lines=[line],
        points=[
            Point(
                point["coverage"],
                point["risk"],
                f"kept down to confidence {point['confidence']:.3f}: {point['coverage']:.1%} of "
                f"the predictions, {point['risk']:.2%} of them wrong, recall "
                f"{point['recall']:.1%}",
            )
            for point in chosen
        ],
        title="Risk (share of wrong predictions) over coverage",
    )


def training_charts(training: Json) -> list[tuple[str, Markup]]:
    """Loss and scores over the epochs, as far as they are known."""
    charts = []
    for title, names in (("training loss", ("loss",)), ("dev F1", ("eval_f1",))):
        lines = [
            Line(tuple(points), name)
            for name in names
            if (points := _curve(training.get("curve") or [], name))
        ]
        if lines:
            points = [point for line in lines for point in line.points]
            chart = plot(
                number_axis("epoch", [x for x, _ in points]),
                number_axis(title, [y for _, y in points]),
                lines=lines,
                points=[Point(x, y, f"epoch {x:.2f}: {y:.4f}") for x, y in points],
                title=f"{title} over the epochs",
            )
            charts.append((title, chart))
    return charts


def _curve(rows: Sequence[Json], name: str) -> list[tuple[float, float]]:
    return [(row["epoch"], row[name]) for row in rows if name in row]


def _note(row: Json) -> str:
    return f"{100 * row['f1']:.1f} · {row['support']:,} gold"


def _first_number(name: str) -> int:
    found = _LENGTH.fullmatch(name)
    return int(found[1]) if found else 0
