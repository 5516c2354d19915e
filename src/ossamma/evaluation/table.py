"""Scores as a table for the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rich.table import Table
from rich.text import Text

from ossamma.evaluation.bootstrap import FigureIntervals, ScoreIntervals
from ossamma.evaluation.schemes import SchemeCounts, SchemeScores
from ossamma.evaluation.scores import Counts, HasRatios, Scores


def scores_table(
    scores: Scores | SchemeScores, decimals: int = 2, *, intervals: ScoreIntervals | None = None
) -> Table:
    """Lay scores out: a row per type in sorted order, then the averages.

    Precision, recall and F1 are in percent with `decimals` digits after the point. Support is the
    number of gold entities. What was not scored is named below the table. `intervals`, which belong
    to the strict scores, add a column.
    """
    table = Table(caption=_caption(scores), caption_justify="left")
    table.add_column("Type")
    for heading in ("Support", "Precision %", "Recall %", "F1 %"):
        table.add_column(heading, justify="right")
    if intervals is not None:
        table.add_column(f"F1 %, {100 * intervals.settings.level:g} % interval", justify="right")
    support = str(scores.micro.support)
    rows: Mapping[str, Counts] | Mapping[str, SchemeCounts] = scores.per_type
    for name in sorted(rows):
        counts = rows[name]
        between = None if intervals is None else intervals.per_type[name]
        table.add_row(Text(name), str(counts.support), *_cells(counts, between, decimals))
    table.add_section()
    averages: list[tuple[str, HasRatios, FigureIntervals | None]] = [
        ("micro", scores.micro, None if intervals is None else intervals.micro),
        ("macro", scores.macro, None if intervals is None else intervals.macro),
        ("weighted", scores.weighted, None),
    ]
    for name, average, ends in averages:
        table.add_row(name, support, *_cells(average, ends, decimals))
    return table


def _cells(source: HasRatios, between: FigureIntervals | None, decimals: int) -> Iterator[str]:
    for value in (source.precision, source.recall, source.f1):
        yield f"{value:.{decimals}%}"[:-1]
    if between is not None:
        yield " to ".join(f"{end:.{decimals}%}"[:-1] for end in between.f1.to_json())


def _caption(scores: Scores | SchemeScores) -> Text | None:
    """Name what was left out, and explain rows such as `A|B`. Types may hold square brackets."""
    lines = []
    if isinstance(scores, SchemeScores):
        lines.append(f"Scheme: {scores.scheme}")
    else:
        lines += [
            f"Not scored, for the documents do not annotate the type: {what} "
            + ", ".join(f"{name} {number}" for name, number in sorted(left_out.items()))
            for what, left_out in (
                ("predictions of", scores.unscored),
                ("annotations of", scores.unscored_gold),
            )
            if left_out
        ]
    if any("|" in name for name in scores.per_type):
        lines.append("A|B: the source does not say which of the two; either is right")
    return Text("\n".join(lines)) if lines else None
