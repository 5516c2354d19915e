"""The experiment book for people: runs side by side, and whether a difference may be chance."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich import box
from rich.table import Table
from rich.text import Text

from ossamma.cli.rendering import printable
from ossamma.cli.run_tables import cell_of, say
from ossamma.cli.sparkline import sparkline
from ossamma.cli.terminal import Output, table_output
from ossamma.pipeline.run_compare import Curve, RunComparison
from ossamma.pipeline.run_content import CURVES

if TYPE_CHECKING:
    from ossamma.pipeline.run_significance import PairedResult

_WIDTH = 40
_SURE = 0.05
"""Below this p value a difference is marked."""


def show_comparison(comparison: RunComparison) -> None:
    """Print what differs, a column for each run, the scores with their differences, and curves."""
    console = table_output()
    for number, name in enumerate(comparison.runs, start=1):
        say(console, f"{number}: {name}" + (", against which the others stand" * (number == 1)))
    same = []
    for title in ("settings", "data", "versions", "machine"):
        rows: Mapping[str, Sequence[Any]] = getattr(comparison, title)
        if not rows:
            same.append(title)
            continue
        table = _side_by_side(title.capitalize(), len(comparison.runs))
        for name, values in rows.items():
            table.add_row(Text(printable(name)), *(cell_of(name, value) for value in values))
        console.print(table)
    if same:
        say(console, f"the same: {', '.join(same)}")
    if comparison.scores:
        console.print(_score_table(comparison))
    for name, curves in comparison.curves.items():
        _show_curves(console, CURVES[name], curves)


def show_significance(paired: Iterable[PairedResult]) -> None:
    """Print the differences on the gold documents with intervals and p values."""
    console = table_output()
    for result in paired:
        comparison = result.comparison
        table = Table(
            title=Text(printable(f"F1 of {result.second} less that of {result.first}")),
            title_justify="left",
            box=box.SIMPLE,
            pad_edge=False,
        )
        table.add_column("")
        level = f"{100 * comparison.settings.level:g} % interval"
        for heading in ("Difference", level, "p (bootstrap)", "p (swaps)"):
            table.add_column(heading, justify="right")
        rows = {"micro": comparison.micro, "macro": comparison.macro, **comparison.per_type}
        for name, row in rows.items():
            f1 = row["f1"]
            table.add_row(
                Text(printable(name)),
                f"{f1.difference:+.4f}",
                f"{f1.interval.low:+.4f} to {f1.interval.high:+.4f}",
                f"{f1.p_bootstrap:.4f}",
                f"{f1.p_randomisation:.4f}",
                style="bold" if f1.p_randomisation < _SURE else "",
            )
        console.print(table)
        say(console, _verdict(result))


def show_notes(notes: Iterable[str]) -> None:
    """Print what a reader must know before the scores are believed."""
    console = table_output()
    for note in notes:
        console.print(
            printable(f"note: {note}"),
            style="yellow",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )


def _verdict(result: PairedResult) -> str:
    micro = result.comparison.micro["f1"]
    if micro.difference == 0:
        return f"{result.second} and {result.first} have the same micro F1"
    side = "below" if micro.difference < 0 else "above"
    chance = "is more than" if micro.p_randomisation < _SURE else "may be"
    return (
        f"the micro F1 of {result.second} is {abs(micro.difference):.4f} {side} that of "
        f"{result.first}, which {chance} chance (p = {micro.p_randomisation:.4f}); other seeds may "
        "differ"
    )


def _score_table(comparison: RunComparison) -> Table:
    table = _side_by_side("Scores", len(comparison.runs))
    for name, row in comparison.scores.items():
        cells = zip(row.values, row.differences, strict=True)
        shown = [_gain(value, by if column else None) for column, (value, by) in enumerate(cells)]
        table.add_row(Text(printable(name)), *shown)
    return table


def _show_curves(console: Output, title: str, curves: Sequence[Curve]) -> None:
    """Draw the curves of all runs on one scale: as high as the values are, as long as the runs."""
    points = [point for curve in curves for point in curve]
    longest = max(place for place, _ in points)
    values = [value for _, value in points]
    bounds = (min(values), max(values))
    say(console, f"{title}, from {bounds[0]:.4f} to {bounds[1]:.4f}")
    for number, curve in enumerate(curves, start=1):
        if not curve:
            say(console, f"  {number}  none")
            continue
        width = max(round(_WIDTH * curve[-1][0] / longest), 1) if longest else _WIDTH
        drawn = sparkline([value for _, value in curve], width, bounds=bounds)
        say(console, f"  {number}  {drawn} {curve[-1][1]:.4f}")


def _side_by_side(title: str, runs: int) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE, pad_edge=False)
    table.add_column("")
    for number in range(1, runs + 1):
        table.add_column(str(number), justify="right", overflow="fold")
    return table


def _gain(value: float | None, gain: float | None) -> Text:
    if value is None:
        return Text("-")
    return Text(_figure(value) + ("" if gain is None else f" ({_figure(gain, '+')})"))


def _figure(value: float, sign: str = "") -> str:
    """Write a share in four digits, and what is greater as people count it."""
    if abs(value) > 1.0:
        return f"{value:{sign},.{0 if float(value).is_integer() else 1}f}"
    return f"{value:{sign}.4f}" if value else "0"
