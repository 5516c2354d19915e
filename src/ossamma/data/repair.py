"""Repair spans that are wrong in a mechanical way, and log every change.

Nothing is changed without a line in the log, and nothing is repaired that was not asked for: what
the rules do not name (labels, missing marks, wrong encoding) needs a reader's eye.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from ossamma.data.findings import loose_edges, word_ranges, words_touched
from ossamma.schema.errors import ConfigurationError
from ossamma.schema.spans import Annotation, Document


class Rule(StrEnum):
    """The repairs, in the order in which they are applied whatever the order they are named in."""

    TRIM_SPACE = "trim-space"
    """Take white space off both ends of a span; a span of nothing else goes."""
    TRIM_PUNCTUATION = "trim-punctuation"
    """Take hanging punctuation off (see `findings.loose_edges`) unless it is part of a word of the
    document's. A matter of taste: some corpora mean it. Not among the default rules."""
    WIDEN_TO_WORDS = "widen-to-words"
    """Widen a span to whole words, but over no white space. In a text that comes without words
    these are runs of letters and digits, and single other signs."""
    DROP_DUPLICATES = "drop-duplicates"
    """Of spans with equal borders and types keep the most confident, of these the first."""
    KEEP_LONGEST = "keep-longest"
    """Of spans that overlap keep the longest, then the most confident, then the first: what is left
    is flat."""


MECHANICAL: Final = (
    Rule.TRIM_SPACE,
    Rule.WIDEN_TO_WORDS,
    Rule.DROP_DUPLICATES,
    Rule.KEEP_LONGEST,
)
"""The rules about which nobody argues."""


@dataclass(frozen=True, slots=True)
class LoggedSpan:
    """A span as it stood: `text` is the document's [start, end)."""

    start: int
    end: int
    label: str
    text: str
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """One applied repair; `after` is None where the span was dropped."""

    document: str
    rule: Rule
    before: LoggedSpan
    after: LoggedSpan | None

    def to_json(self) -> dict[str, object]:
        """Return the line of the log as JSON values."""
        return {
            "document": self.document,
            "rule": self.rule.value,
            "before": _span_to_json(self.before),
            "after": None if self.after is None else _span_to_json(self.after),
        }


_Step = tuple[Annotation, Annotation | None]


def repair(
    document: Document, rules: Sequence[Rule | str] = MECHANICAL
) -> tuple[Document, tuple[Change, ...]]:
    """Apply rules to a document's spans.

    The same document object comes back where nothing had to be changed. Repairing twice changes
    nothing the second time. A change of several rules to one span makes a line for each.

    Returns:
        The document, and the changes in the order in which they were made.

    Raises:
        ConfigurationError: a rule that does not exist.
    """
    wanted = {_rule(name) for name in rules}
    marks = document.annotations
    changes: list[Change] = []
    for rule in Rule:
        if rule not in wanted or not marks:
            continue
        steps = _APPLY[rule](document, marks)
        changes += [
            Change(document.id, rule, _logged(document, before), _logged_or_none(document, after))
            for before, after in steps
            if before is not after
        ]
        marks = tuple(after for _, after in steps if after is not None)
    if not changes:
        return document, ()
    return replace(document, annotations=marks), tuple(changes)


def _rule(name: Rule | str) -> Rule:
    try:
        return Rule(name)
    except ValueError:
        known = ", ".join(rule.value for rule in Rule)
        raise ConfigurationError(f"expected repair rules among {known}; got {name!r}") from None


def _trim_space(document: Document, marks: Sequence[Annotation]) -> list[_Step]:
    return [(mark, _trimmed(document, mark)) for mark in marks]


def _trimmed(document: Document, mark: Annotation) -> Annotation | None:
    surface = document.text[mark.start : mark.end]
    if not surface.strip():
        return None
    start = mark.start + len(surface) - len(surface.lstrip())
    return _moved(mark, start, mark.end - len(surface) + len(surface.rstrip()))


def _trim_punctuation(document: Document, marks: Sequence[Annotation]) -> list[_Step]:
    words = word_ranges(document)
    return [(mark, _without_loose_edges(document, words, mark)) for mark in marks]


def _without_loose_edges(
    document: Document, words: list[tuple[int, int]], mark: Annotation
) -> Annotation:
    """Trim until nothing hangs: behind a comma there may be a quote."""
    while True:
        left, right = loose_edges(document.text[mark.start : mark.end])
        start, end = mark.start + left, mark.end - right
        trimmed = _trimmed(document, _moved(mark, start, end))
        if not left + right or trimmed is None or _cuts_word(words, start, end):
            return mark
        mark = trimmed


def _cuts_word(words: list[tuple[int, int]], start: int, end: int) -> bool:
    first, stop = words_touched(words, start, end)
    return first < stop and (words[first][0] < start or words[stop - 1][1] > end)


def _widen(document: Document, marks: Sequence[Annotation]) -> list[_Step]:
    words = word_ranges(document)
    return [(mark, _widened(document.text, words, mark)) for mark in marks]


def _widened(text: str, words: list[tuple[int, int]], mark: Annotation) -> Annotation:
    first, end = words_touched(words, mark.start, mark.end)
    if first == end:
        return mark
    # A word that begins or ends with white space is a fault of the source's.
    before = text[words[first][0] : mark.start].lstrip()
    behind = text[mark.end : words[end - 1][1]].rstrip()
    return _moved(mark, mark.start - len(before), mark.end + len(behind))


def _drop_duplicates(_document: Document, marks: Sequence[Annotation]) -> list[_Step]:
    best: dict[tuple[int, int, tuple[str, ...]], int] = {}
    for number, mark in enumerate(marks):
        kept = best.setdefault((mark.start, mark.end, mark.labels), number)
        if mark.confidence > marks[kept].confidence:
            best[mark.start, mark.end, mark.labels] = number
    numbers = set(best.values())
    return [(mark, mark if number in numbers else None) for number, mark in enumerate(marks)]


def _keep_longest(document: Document, marks: Sequence[Annotation]) -> list[_Step]:
    """Choose greedily: each span either stays or overlaps one that goes before it."""
    order = sorted(
        range(len(marks)),
        key=lambda n: (marks[n].start - marks[n].end, -marks[n].confidence, marks[n].start, n),
    )
    taken = bytearray(len(document.text))
    kept = set()
    for number in order:
        mark = marks[number]
        # The spans taken are at least as long, so that one that meets this one covers an end of it.
        if not taken[mark.start] and not taken[mark.end - 1]:
            taken[mark.start : mark.end] = b"\1" * (mark.end - mark.start)
            kept.add(number)
    return [(mark, mark if number in kept else None) for number, mark in enumerate(marks)]


_APPLY: Final[dict[Rule, Callable[[Document, Sequence[Annotation]], list[_Step]]]] = {
    Rule.TRIM_SPACE: _trim_space,
    Rule.TRIM_PUNCTUATION: _trim_punctuation,
    Rule.WIDEN_TO_WORDS: _widen,
    Rule.DROP_DUPLICATES: _drop_duplicates,
    Rule.KEEP_LONGEST: _keep_longest,
}


def _moved(mark: Annotation, start: int, end: int) -> Annotation:
    return mark if (mark.start, mark.end) == (start, end) else replace(mark, start=start, end=end)


def _logged(document: Document, mark: Annotation) -> LoggedSpan:
    text = document.text[mark.start : mark.end]
    return LoggedSpan(mark.start, mark.end, mark.label, text, mark.origin)


def _logged_or_none(document: Document, mark: Annotation | None) -> LoggedSpan | None:
    return None if mark is None else _logged(document, mark)


def _span_to_json(span: LoggedSpan) -> dict[str, object]:
    return {
        "start": span.start,
        "end": span.end,
        "label": span.label,
        "text": span.text,
        "origin": span.origin,
    }
