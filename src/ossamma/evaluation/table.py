"""Scores as a table for the terminal."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from ossamma.evaluation.scores import Counts, Ratios, Scores


def scores_table(scores: Scores, decimals: int = 2) -> Table:
    """Lay scores out: a row per type in sorted order, then the averages.

    Precision, recall and F1 are in percent with `decimals` digits after the point. Support is the
    number of gold entities. What was not scored is named below the table.
    """
    table = Table(caption=_caption(scores), caption_justify="left")
    table.add_column("Type")
    for heading in ("Support", "Precision %", "Recall %", "F1 %"):
        table.add_column(heading, justify="right")
    support = str(scores.micro.support)
    for name, counts in sorted(scores.per_type.items()):
        table.add_row(Text(name), str(counts.support), *_percentages(counts, decimals))
    table.add_section()
    for name, average in (
        ("micro", scores.micro),
        ("macro", scores.macro),
        ("weighted", scores.weighted),
    ):
        table.add_row(name, support, *_percentages(average, decimals))
    return table


def _percentages(source: Counts | Ratios, decimals: int) -> list[str]:
    return [f"{value:.{decimals}%}"[:-1] for value in (source.precision, source.recall, source.f1)]


def _caption(scores: Scores) -> Text | None:
    """Name what was left out, and explain rows such as `A|B`. Types may hold square brackets."""
    lines = [
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
