"""`data review`: a random sample of suspects as a table for a person, and what it says of all.

::

    DIR/
      suspects.json, suspects.jsonl   as `data suspects` wrote them
      review.csv                      the sample; a person fills in the last column
      review.json                     how many suspects are the annotation's errors

Needs no torch.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ossamma.evaluation.noise_review import (
    ReviewEstimate,
    Verdict,
    draw_sample,
    estimate_from_review,
)
from ossamma.evaluation.suspect_pages import NAME
from ossamma.schema.atomic import atomic_write
from ossamma.schema.errors import DataError, FormatError

REVIEW_FILE: Final = "review.csv"
ESTIMATE_FILE: Final = "review.json"
_COLUMNS: Final = (
    "rank",
    "document",
    "before",
    "text",
    "after",
    "marked",
    "suggested",
    "verdict",
)
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, kw_only=True, slots=True)
class ReviewRequest:
    """Which suspects are looked at, and how many of them."""

    folder: Path
    """The answer of `data suspects`."""
    sample: int = 100
    """How many suspects are drawn; not used once the table is there."""
    seed: int = 0
    """Of the drawing."""


@dataclass(frozen=True, slots=True)
class ReviewOutcome:
    """The table, how many lines of it have a verdict, and the estimate if any has."""

    path: Path
    lines: int
    estimate: ReviewEstimate | None


def review(request: ReviewRequest) -> ReviewOutcome:
    """Write the table if it is not there; else read its verdicts and write what they say.

    Raises:
        ConfigurationError: nothing to draw.
        DataError, FormatError: no suspects, or a table that does not belong to them.
    """
    rows = _suspects(request.folder / f"{NAME}.jsonl")
    path = request.folder / REVIEW_FILE
    if not path.exists():
        ranks = draw_sample(len(rows), request.sample, request.seed)
        _write(path, [rows[rank - 1] for rank in ranks])
        return ReviewOutcome(path, len(ranks), None)
    lines = list(_lines(path))
    verdicts = dict(_verdicts(path, lines, rows))
    if not verdicts:
        return ReviewOutcome(path, len(lines), None)
    estimate = estimate_from_review(verdicts, len(rows), len(lines), seed=request.seed)
    with atomic_write(request.folder / ESTIMATE_FILE) as file:
        file.write(json.dumps(estimate.to_json(), indent=2) + "\n")
    return ReviewOutcome(path, len(lines), estimate)


def _suspects(path: Path) -> list[Mapping[str, Any]]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines]
    except OSError as error:
        raise FormatError(
            path, None, expected="the suspects of `ossamma data suspects`", got=str(error.strerror)
        ) from error
    except ValueError as error:
        raise FormatError(path, None, expected="a suspect a line", got=repr(error)) from error


def _write(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    with atomic_write(path) as file:
        table = csv.DictWriter(file, _COLUMNS, lineterminator="\n")
        table.writeheader()
        for row in rows:
            table.writerow({name: _cell(text) for name, text in _content(row).items()})


def _content(row: Mapping[str, Any]) -> dict[str, str]:
    sides = [side for side in (row["given"], row["suggested"]) if side]
    first = row["context"]["start"]
    start = min(side["start"] for side in sides) - first
    end = max(side["end"] for side in sides) - first
    text = row["context"]["text"]
    marked, suggested = (
        f"{side['text']} = {side['type']}" if side else "nothing"
        for side in (row["given"], row["suggested"])
    )
    return {
        "rank": str(row["rank"]),
        "document": row["document"],
        "before": text[:start],
        "text": text[start:end],
        "after": text[end:],
        "marked": marked,
        "suggested": suggested,
        "verdict": "",
    }


def _cell(text: str) -> str:
    """One line; what a spreadsheet would carry out as a formula begins with a space."""
    line = " ".join(text.split())
    return f" {line}" if line.startswith(_FORMULA) else line


def _lines(path: Path) -> Iterator[dict[str, str]]:
    """Read the table; spreadsheets write it with commas or semicolons, some with a mark first."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise FormatError(path, None, expected="a table in UTF-8", got=str(error)) from error
    header = text.splitlines()[0] if text else ""
    delimiter = max(",;\t", key=header.count)
    table = csv.DictReader(text.splitlines(), delimiter=delimiter)
    missing = [
        name for name in ("rank", "document", "verdict") if name not in (table.fieldnames or ())
    ]
    if missing:
        raise FormatError(
            path, 1, expected=f"the columns {', '.join(_COLUMNS)}", got=f"none named {missing[0]}"
        )
    for row in table:
        yield {name: (value or "").strip() for name, value in row.items() if name is not None}


def _verdicts(
    path: Path, lines: Sequence[Mapping[str, str]], rows: Sequence[Mapping[str, Any]]
) -> Iterator[tuple[int, Verdict]]:
    for number, line in enumerate(lines, start=2):
        rank = int(line["rank"]) if line["rank"].isdecimal() else 0
        if (
            not 1 <= rank <= len(rows)
            or _cell(rows[rank - 1]["document"]).strip() != line["document"]
        ):
            raise DataError(
                f"{path}, line {number}: expected a suspect of {NAME}.jsonl, got rank "
                f"{line['rank']!r} in {line['document']!r}; the suspects are others than when the "
                f"table was drawn: remove {path.name} and draw it again"
            )
        if not line["verdict"]:
            continue
        try:
            yield rank, Verdict(line["verdict"].lower())
        except ValueError as error:
            raise FormatError(
                path,
                number,
                expected=f"a verdict ({', '.join(Verdict)}) or nothing",
                got=repr(line["verdict"]),
            ) from error
