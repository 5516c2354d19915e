"""A judged sample as Markdown: its precision, and every row with its context and verdict."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from ossamma.graph.judged import Precision, precisions
from ossamma.graph.sample import MENTION, RARE, SampleRow

_SIGNS: Final = re.compile(r"([\\`*_\[\]|#~])")
_LONGEST: Final = 240


def judged_page(rows: Sequence[SampleRow]) -> str:
    """Return the precision of a sample and its rows as Markdown tables.

    No address in a context becomes a link: some are those of attackers.
    """
    found = precisions(rows)
    lines = ["| | | right | wrong | unclear | precision | 95 % |", "|---|---|---|---|---|---|---|"]
    lines += map(_share, found)
    for kind in dict.fromkeys(row.kind for row in rows):
        of_kind = [row for row in rows if row.kind == kind]
        lines += ["", *(_mentions(of_kind) if kind == MENTION else _merges(of_kind))]
    return "\n".join(lines) + "\n"


def _share(one: Precision) -> str:
    share = "" if one.share is None else f"{one.share:.3f}"
    group = one.group or f"all {one.kind}s"
    ends = f"{one.interval.low:.3f}-{one.interval.high:.3f}"
    by = f"{one.kind}, by {one.by}" if one.group else one.kind
    return _row([by, group, one.right, one.wrong, one.unclear, share, ends])


def _mentions(rows: Iterable[SampleRow]) -> list[str]:
    lines = ["| no | type | rule | context | document | verdict |", "|---|---|---|---|---|---|"]
    return lines + [
        _row([row.number, row.type, row.rule, row.context, row.source, _verdict(row)])
        for row in rows
    ]


def _merges(rows: Iterable[SampleRow]) -> list[str]:
    lines = ["| no | rule | one | the other | source | verdict |", "|---|---|---|---|---|---|"]
    return lines + [
        _row([
            f"{row.number} (rare)" if row.drawn == RARE else row.number,
            row.rule, row.name, row.other, f"{row.source}: {row.context}", _verdict(row),
        ])
        for row in rows
    ]  # fmt: skip


def _verdict(row: SampleRow) -> str:
    return f"{row.verdict}: {row.note}" if row.note else row.verdict


def _row(cells: Iterable[object]) -> str:
    return f"| {' | '.join(_cell(str(cell)) for cell in cells)} |"


def _cell(text: str) -> str:
    """Return a text that Markdown shows as it is."""
    short = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}\u2026"
    plain = _SIGNS.sub(r"\\\1", short.replace("&", "&amp;").replace("<", "&lt;"))
    return plain.replace("://", "&#58;//").replace("www.", "www&#46;").replace("@", "&#64;")
