"""The table of suspects comes back from a spreadsheet, and belongs to its suspects."""

from __future__ import annotations

import csv
import json

import pytest

from ossamma.evaluation.noise_review import Verdict
from ossamma.pipeline.suspect_review import ESTIMATE_FILE, ReviewRequest, review
from ossamma.schema.errors import DataError, FormatError

EVIL = '=1+1,"two";\nlines'


def suspect(rank):
    span = {"start": 4, "end": 4 + len(EVIL), "type": "X", "text": EVIL}
    return {
        "rank": rank,
        "document": f"d{rank}",
        "given": span if rank % 2 else None,
        "suggested": None if rank % 2 else span,
        "context": {"start": 0, "text": f"was {EVIL} here"},
    }


@pytest.fixture
def request_(tmp_path):
    lines = [json.dumps(suspect(rank)) for rank in range(1, 201)]
    (tmp_path / "suspects.jsonl").write_text("\n".join(lines) + "\n")
    return ReviewRequest(folder=tmp_path, sample=40)


def rows_of(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def fill(path, verdict, *, delimiter=",", start=""):
    """Write the table as a spreadsheet would, with verdicts."""
    rows = rows_of(path)
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(start)
        table = csv.DictWriter(file, rows[0], delimiter=delimiter)
        table.writeheader()
        for row in rows:
            table.writerow(row | {"verdict": verdict(int(row["rank"]))})


def test_no_cell_is_a_formula_and_every_row_is_a_line(request_):
    outcome = review(request_)
    rows = rows_of(outcome.path)
    assert len(rows) == outcome.lines == 40
    assert len(outcome.path.read_text().splitlines()) == 41
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row.values())
    assert {row["document"] for row in rows} == {f"d{row['rank']}" for row in rows}
    assert {row["marked"] == "nothing" for row in rows} == {True, False}


@pytest.mark.parametrize(("delimiter", "start"), [(",", ""), (";", "\ufeff"), ("\t", "")])
def test_verdicts_come_back_from_a_spreadsheet(request_, delimiter, start):
    path = review(request_).path
    assert review(request_).estimate is None  # not filled in
    fill(
        path,
        lambda rank: "Annotation " if rank % 4 == 0 else "model",
        delimiter=delimiter,
        start=start,
    )
    estimate = review(request_).estimate
    assert estimate.reviewed == 40
    assert estimate.verdicts[Verdict.ANNOTATION] == sum(
        int(row["rank"]) % 4 == 0 for row in _again(request_)
    )
    written = json.loads((request_.folder / ESTIMATE_FILE).read_text())
    assert written == estimate.to_json()


def _again(request_):
    """The rows as they were drawn."""
    path = request_.folder / "review.csv"
    path.unlink()
    return rows_of(review(request_).path)


def test_faults_are_told_with_their_line(request_):
    path = review(request_).path
    fill(path, lambda rank: "yes" if rank > 100 else "")
    with pytest.raises(FormatError, match="annotation, both, model"):
        review(request_)
    path.write_text("rank,document\n1,d1\n")
    with pytest.raises(FormatError, match="none named verdict"):
        review(request_)


def test_a_table_of_other_suspects_is_refused(request_):
    review(request_)
    lines = (request_.folder / "suspects.jsonl").read_text().splitlines()
    (request_.folder / "suspects.jsonl").write_text("\n".join(lines[1:]) + "\n")
    with pytest.raises(DataError, match="draw it again"):
        review(request_)


def test_a_folder_without_suspects_is_refused(tmp_path):
    with pytest.raises(FormatError, match="data suspects"):
        review(ReviewRequest(folder=tmp_path))
