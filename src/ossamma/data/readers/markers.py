r"""Inline markers: taken out of a text as annotations, and written into it again; pure functions.

    <PERSON>Ada</PERSON> met [[PERSON:Bob]] at <AGENCY|LOCATION>Acme</AGENCY|LOCATION>.

Both forms may stand in one text. Only the caller's types make a marker; anything else in angle or
double square brackets is text. Several candidate types are joined by "|". A backslash before a
marker makes it text (`\<PERSON>`, `\[[PERSON:`, inside double brackets also `\]`); backslashes in
front of a marker, or of `]` inside double brackets, are written twice each; elsewhere a backslash
is a backslash. Markers may not nest.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final, Literal

from ossamma.data.readers.lines import shown
from ossamma.schema.errors import AnnotationError, ConfigurationError, FormatError
from ossamma.schema.spans import Annotation

ORIGIN: Final = "marker"
_TYPE: Final = re.compile(r"[A-Za-z0-9][\w.\-/]{0,99}", re.ASCII)


def strip_markers(
    text: str, types: Iterable[str], *, source: str | Path = "<text>", first_line: int = 1
) -> tuple[str, tuple[Annotation, ...]]:
    """Take the markers out of a text and return what they mark.

    Annotations have the origin "marker", are sorted and disjoint, and neither begin nor end with
    white space, even where the marker does.

    Args:
        text: the text with markers.
        types: the types that make a marker.
        source: the file's name, for messages.
        first_line: the line on which the text begins, for messages.

    Raises:
        FormatError: a marker that is nested, not closed, not opened, closed by another type, or
            holds nothing visible.
        ConfigurationError: types that cannot stand in a marker.
    """
    stripper = _Stripper(text, source, first_line)
    tokens = _Tokens.of(types)
    if tokens is not None:
        stripper.run(tokens)
    return stripper.finish()


def add_markers(
    text: str,
    annotations: Iterable[Annotation],
    types: Iterable[str],
    *,
    form: Literal["tags", "brackets"] = "tags",
) -> str:
    """Write annotations into a text as markers: the inverse of `strip_markers`.

    Origins and confidences cannot be written.

    Args:
        text: the text.
        annotations: flat, disjoint, in the text, without white space at their ends.
        types: every type that makes a marker, so that the text's own brackets can be escaped.
        form: `<TYPE>..</TYPE>` or `[[TYPE:..]]`.

    Raises:
        AnnotationError: annotations that overlap, end beyond the text or begin or end in white
            space.
        ConfigurationError: a type that is not among `types`, or cannot stand in a marker.
    """
    tokens = _Tokens.of(types)
    ordered = sorted(annotations)
    _check_addable(text, ordered)
    if tokens is None:
        if ordered:
            raise ConfigurationError(f"the type {ordered[0].label!r} is not among the marker types")
        return text
    parts: list[str] = []
    end = 0
    for annotation in ordered:
        if not tokens.knows(annotation.labels):
            raise ConfigurationError(f"the type {annotation.label!r} is not among the marker types")
        parts.append(_escape(text[end : annotation.start], tokens.outside, before_marker=True))
        surface = text[annotation.start : annotation.end]
        end = annotation.end
        if form == "brackets":
            inner = _escape(surface, tokens.in_brackets, before_marker=True)
            parts.append(f"[[{annotation.label}:{inner}]]")
        else:
            inner = _escape(surface, tokens.outside, before_marker=True)
            parts.append(f"<{annotation.label}>{inner}</{annotation.label}>")
    parts.append(_escape(text[end:], tokens.outside, before_marker=False))
    return "".join(parts)


def check_types(types: Iterable[str]) -> None:
    """Raise ConfigurationError for a type that cannot stand in a marker."""
    for name in types:
        if not _TYPE.fullmatch(name) or name == "O":
            raise ConfigurationError(
                "a type in a marker must be 1-100 of A-Z a-z 0-9 _ . - / and begin with a letter "
                f"or digit, got {name!r}"
            )


@dataclass(frozen=True, slots=True)
class _Tokens:
    r"""The patterns of one set of types: a run of backslashes and what may be a marker."""

    types: frozenset[str]
    outside: re.Pattern[str]
    in_brackets: re.Pattern[str]

    @classmethod
    def of(cls, types: Iterable[str]) -> _Tokens | None:
        known = frozenset(types)
        if not known:
            return None
        check_types(known)
        one = "(?:" + "|".join(re.escape(name) for name in sorted(known, key=_longest)) + ")"
        label = rf"{one}(?:\|{one})*"
        opening = rf"<(?P<open>{label})>|\[\[(?P<bracket>{label}):|</(?P<close>{label})>"
        # The look-behind keeps a run of backslashes from being tried at each of its characters.
        slashes = r"(?<!\\)(?P<slashes>\\*+)"
        return cls(
            known,
            re.compile(rf"{slashes}(?P<token>{opening})"),
            re.compile(rf"{slashes}(?P<token>{opening}|\](?P<second>\]?))"),
        )

    def knows(self, labels: Sequence[str]) -> bool:
        return all(label in self.types for label in labels)


@dataclass(frozen=True, slots=True)
class _Open:
    """A marker that waits for its end."""

    label: str
    in_brackets: bool
    at: int
    start: int


class _Stripper:
    """Walks over a text once; positions are those of the marked text."""

    def __init__(self, text: str, source: str | Path, first_line: int) -> None:
        self._text = text
        self._source = source
        self._first_line = first_line
        self._parts: list[str] = []
        self._length = 0
        self._annotations: list[Annotation] = []
        self._open: _Open | None = None
        self._position = 0

    def run(self, tokens: _Tokens) -> None:
        while True:
            in_brackets = self._open is not None and self._open.in_brackets
            pattern = tokens.in_brackets if in_brackets else tokens.outside
            match = pattern.search(self._text, self._position)
            if match is None:
                return
            self._take(match)

    def finish(self) -> tuple[str, tuple[Annotation, ...]]:
        if self._open is not None:
            end = "']]'" if self._open.in_brackets else f"'</{self._open.label}>'"
            raise self._fault(
                self._open.at,
                f"{end} behind the marker of {self._open.label}",
                "the end of the text",
            )
        self._emit(self._text[self._position :])
        return "".join(self._parts), tuple(self._annotations)

    def _take(self, match: re.Match[str]) -> None:
        self._emit(self._text[self._position : match.start()])
        slashes = match["slashes"]
        self._emit("\\" * (len(slashes) // 2))
        at = match.start("token")
        token = match["token"]
        self._position = match.end()
        if token[0] == "]" and (len(slashes) % 2 or len(token) == 1):
            self._emit("]")  # a lone or an escaped one; what follows is looked at afresh
            self._position = at + 1
        elif len(slashes) % 2:
            self._emit(token)
        elif token[0] == "]":
            self._close()
        elif match["close"]:
            self._check_closes(match["close"], at)
            self._close()
        else:
            self._begin(match, at)

    def _begin(self, match: re.Match[str], at: int) -> None:
        if self._open is not None:
            raise self._fault(
                at,
                f"the end of the marker of {self._open.label} ({self._where(self._open.at)})",
                f"{match['token']!r}: markers cannot nest; escape it by a backslash if it is text",
            )
        label = match["open"] or match["bracket"]
        self._open = _Open(label, match["bracket"] is not None, at, self._length)

    def _check_closes(self, label: str, at: int) -> None:
        opened = self._open
        if opened is None or opened.in_brackets or opened.label != label:
            wanted = "no marker is open" if opened is None else f"{opened.label} is open"
            raise self._fault(
                at,
                f"'<{label}>' before '</{label}>'",
                f"the end alone ({wanted}); escape it by a backslash if it is text",
            )

    def _close(self) -> None:
        opened = self._open
        assert opened is not None, "only an open marker closes"
        surface = self._since(opened.start)
        if not surface.strip():
            raise self._fault(
                opened.at, f"a visible character in the marker of {opened.label}", shown(surface)
            )
        start = opened.start + len(surface) - len(surface.lstrip())
        end = opened.start + len(surface.rstrip())
        labels = tuple(sorted(set(opened.label.split("|"))))
        self._annotations.append(Annotation(start, end, labels, ORIGIN))
        self._open = None

    def _emit(self, text: str) -> None:
        if text:
            self._parts.append(text)
            self._length += len(text)

    def _since(self, start: int) -> str:
        """The stripped text from `start` on."""
        taken: list[str] = []
        length = self._length
        for part in reversed(self._parts):
            if length <= start:
                break
            taken.append(part)
            length -= len(part)
        return "".join(reversed(taken))[start - length :]

    def _where(self, at: int) -> str:
        line = self._text.count("\n", 0, at)
        column = at - (self._text.rfind("\n", 0, at) + 1) + 1
        return f"line {self._first_line + line}, column {column}"

    def _fault(self, at: int, expected: str, got: str) -> FormatError:
        line = self._first_line + self._text.count("\n", 0, at)
        return FormatError(
            self._source, line, expected=expected, got=f"{got}, at {self._where(at)}"
        )


def _longest(name: str) -> tuple[int, str]:
    return -len(name), name


def _check_addable(text: str, ordered: Sequence[Annotation]) -> None:
    for annotation in ordered:
        surface = text[annotation.start : annotation.end]
        if annotation.end > len(text) or surface != surface.strip():
            raise AnnotationError(
                f"expected annotations in the text and without white space at their ends, got "
                f"{annotation.label} [{annotation.start}, {annotation.end}) {shown(surface)}"
            )
    for left, right in pairwise(ordered):
        if right.start < left.end:
            raise AnnotationError(
                f"expected disjoint annotations, got {left.label} [{left.start}, {left.end}) and "
                f"{right.label} [{right.start}, {right.end}); keep one of the two"
            )


def _escape(text: str, pattern: re.Pattern[str], *, before_marker: bool) -> str:
    """Escape what the pattern would take for a marker; `before_marker`: a true one follows."""

    def write(match: re.Match[str]) -> str:
        slashes, token = match["slashes"], match["token"]
        if token[0] != "]":
            return f"{slashes}{slashes}\\{token}"
        return f"{slashes}{slashes}" + "\\]" * len(token)

    # Backslashes in front of a marker come in pairs.
    stem = text.rstrip("\\")
    tail = text[len(stem) :]
    escaped = pattern.sub(write, stem)
    return escaped + (tail + tail if before_marker else tail)
