"""The table of scores shows every figure, in percent, and takes no type for markup."""

from __future__ import annotations

import io

from rich.console import Console

from ossamma.evaluation.scores import Counts, Scores
from ossamma.evaluation.table import scores_table


def rendered(scores: Scores, decimals: int) -> list[list[str]]:
    screen = io.StringIO()
    Console(file=screen, width=100, color_system=None).print(scores_table(scores, decimals))
    borderless = screen.getvalue().replace("│", " ").replace("┃", " ")
    return [line.split() for line in borderless.splitlines()]


def test_rows_are_sorted_and_in_percent() -> None:
    scores = Scores({"B": Counts(1, 1, 0), "A": Counts(1, 2, 1)}, num_documents=1)
    rows = [row for row in rendered(scores, 1) if len(row) == 5]
    assert rows == [
        ["A", "2", "33.3", "50.0", "40.0"],
        ["B", "1", "50.0", "100.0", "66.7"],
        ["micro", "3", "40.0", "66.7", "50.0"],
        ["macro", "3", "41.7", "75.0", "53.3"],
        ["weighted", "3", "38.9", "66.7", "48.9"],
    ]


def test_types_are_not_read_as_markup_and_unscored_ones_are_named() -> None:
    scores = Scores({"[red]": Counts(1, 0, 0)}, num_documents=1, unscored={"[b]X": 7})
    words = [word for row in rendered(scores, 2) for word in row]
    assert words.count("[red]") == 1
    assert words[-2:] == ["[b]X", "7"]


def test_no_types_at_all_still_makes_a_table() -> None:
    rows = rendered(Scores({}, num_documents=0), 2)
    assert ["micro", "0", "0.00", "0.00", "0.00"] in rows
