"""Judged samples: a file of rows with verdicts, and the precision that follows from them."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import Final

from ossamma.evaluation.proportions import Interval, wilson
from ossamma.graph.sample import EVENLY, SampleRow
from ossamma.schema.atomic import atomic_write
from ossamma.schema.errors import FormatError

_COLUMNS: Final = tuple(field.name for field in fields(SampleRow))


class Verdict(StrEnum):
    """What a person says of a row."""

    RIGHT = "right"
    WRONG = "wrong"
    UNCLEAR = "unclear"
    """It cannot be said, even with the context."""


@dataclass(frozen=True, slots=True)
class Precision:
    """How often rows of a group are right. Unclear ones count neither way."""

    kind: str
    by: str
    group: str
    right: int
    wrong: int
    unclear: int

    @property
    def share(self) -> float | None:
        """Right ones among those that are right or wrong; None of none."""
        judged = self.right + self.wrong
        return self.right / judged if judged else None

    @property
    def interval(self) -> Interval:
        """Wilson's interval of the share, at 95 %."""
        low, high = wilson(self.right, self.right + self.wrong)
        return Interval(float(low), float(high))


def write_sample(rows: Iterable[SampleRow], out: Path) -> None:
    """Write rows as CSV, with empty columns `verdict` and `note` for who judges."""
    with atomic_write(out) as file:
        writer = csv.DictWriter(file, _COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)


def read_sample(path: Path) -> list[SampleRow]:
    """Read rows with or without verdicts.

    Raises:
        FormatError: it is no such file, or a verdict is none of right, wrong, unclear and nothing.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            if tuple(reader.fieldnames or ()) != _COLUMNS:
                raise FormatError(path, 1, expected=f"columns {', '.join(_COLUMNS)}",
                                  got=str(reader.fieldnames))  # fmt: skip
            return [_row(path, reader.line_num, content) for content in reader]
    except (OSError, UnicodeError, csv.Error) as error:
        raise FormatError(path, None, expected="a sample in CSV", got=str(error)) from error


def precisions(rows: Sequence[SampleRow]) -> list[Precision]:
    """Return the precision of mentions and merges: of all, by type, and by rule.

    That of all, and by type, is of the rows that were drawn evenly. Rows without verdict are left
    out.
    """
    judged = [row for row in rows if row.verdict]
    evenly = [row for row in judged if row.drawn == EVENLY]
    found = []
    for kind in dict.fromkeys(row.kind for row in judged):
        for by, counted in (("all", evenly), ("type", evenly), ("rule", judged)):
            groups: dict[str, Counter[str]] = {}
            for row in counted:
                if row.kind == kind:
                    group = "" if by == "all" else getattr(row, by)
                    groups.setdefault(group, Counter())[row.verdict] += 1
            for group, verdicts in sorted(groups.items()):
                counts = (verdicts[verdict] for verdict in Verdict)
                found.append(Precision(kind, by, group, *counts))
    return found


def _row(path: Path, line: int, content: dict[str, str]) -> SampleRow:
    number, verdict = content.pop("number"), content.get("verdict") or ""
    if verdict and verdict not in set(Verdict):
        raise FormatError(path, line, expected="right, wrong, unclear or nothing", got=verdict)
    if None in content or None in content.values() or not number.isdecimal():
        raise FormatError(path, line, expected=f"{len(_COLUMNS)} columns", got=str(content))
    return SampleRow(number=int(number), **content)
