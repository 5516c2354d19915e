"""Stand-off marks over a text: checked, made disjoint, and turned into annotations.

A stand-off mark is a range of characters with a type and, mostly, the surface that it should
cover. A mark that does not fit its text is a fault, marks that overlap are reduced to disjoint
ones by a named policy, and everything that is left out is listed with its line.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, NamedTuple

from ossamma.data.readers.corpus import LeftOut
from ossamma.data.readers.limits import ReadLimits, check_number
from ossamma.data.readers.lines import Fault, shown
from ossamma.schema.errors import ConfigurationError, LabelError
from ossamma.schema.labels import LabelSet
from ossamma.schema.spans import Annotation

_BREAKS: Final[Mapping[int, int]] = str.maketrans("\r\n\t", "   ")


def check_choice(name: str, value: object, choices: Sequence[str]) -> None:
    """Refuse a setting that is none of its choices, with their names."""
    if value not in choices:
        raise ConfigurationError(f"{name} must be {' or '.join(map(repr, choices))}, got {value!r}")


@dataclass(frozen=True, kw_only=True, slots=True)
class StandoffFormat(ReadLimits):
    """How the marks of a stand-off file become annotations."""

    keep: Literal["longest", "shortest"] = "longest"
    """Which of overlapping marks stays; of equals the first, then the first by its type."""
    on_error: Literal["raise", "skip"] = "raise"
    """A mark that does not fit its text ends the reading, or is left out and listed."""

    def __post_init__(self) -> None:
        ReadLimits.__post_init__(self)
        check_choice("keep", self.keep, ("longest", "shortest"))
        check_choice("on_error", self.on_error, ("raise", "skip"))


class Mark(NamedTuple):
    """One range of a text as its source gives it, not yet checked."""

    start: int
    end: int
    labels: tuple[str, ...]
    line: int
    surface: str | None = None


def types_of(names: Sequence[str]) -> tuple[str, ...]:
    """Sort the types of one mark; white space inside a type becomes "_", which labels can have."""
    return tuple(sorted({"_".join(name.split()) for name in names}))


def annotate(
    text: str, marks: Sequence[Mark], *, path: Path, settings: StandoffFormat, left_out: LeftOut
) -> tuple[Annotation, ...]:
    """Turn the marks of one text into disjoint, sorted annotations.

    Raises:
        FormatError: more marks than the limit, or (with on_error "raise") one that does not fit.
    """
    check_number(len(marks), settings, path=path, line=marks[-1].line if marks else 1)
    fitting: list[Mark] = []
    for mark in marks:
        fault = misfit(text, mark)
        if fault is None:
            fitting.append(mark)
        elif settings.on_error == "raise":
            raise fault.error(path)
        else:
            left_out.add(mark.line, str(fault))
    kept = disjoint(fitting, keep=settings.keep, left_out=left_out)
    return tuple(Annotation(mark.start, mark.end, mark.labels) for mark in kept)


def misfit(text: str, mark: Mark) -> Fault | None:
    """Say what is wrong with a mark of this text, if anything is.

    A surface may have a space where the text has a tab or a line end.
    """
    if not 0 <= mark.start < mark.end <= len(text):
        return Fault(
            mark.line,
            f"0 <= start < end <= {len(text)}, the length of the text in characters",
            f"[{_digits(mark.start)}, {_digits(mark.end)})",
        )
    found = text[mark.start : mark.end]
    if mark.surface is not None and not _same_surface(mark.surface, found):
        return Fault(
            mark.line,
            f"the surface that the text has at [{mark.start}, {mark.end}), {shown(found)}",
            f"{shown(mark.surface)}; do the offsets count something else than characters?",
        )
    if not found.strip():
        return Fault(
            mark.line,
            "a mark with at least one visible character",
            f"only white space at [{mark.start}, {mark.end})",
        )
    return _type_fault(mark)


def disjoint(
    marks: Sequence[Mark], *, keep: Literal["longest", "shortest"], left_out: LeftOut
) -> list[Mark]:
    """Choose marks that do not overlap, greedily by length, and sort them by their place."""
    sign = -1 if keep == "longest" else 1
    order = sorted(marks, key=lambda m: (sign * (m.end - m.start), m.start, m.labels, m.line))
    starts: list[int] = []
    kept: list[Mark] = []  # both in the order of the text
    for mark in order:
        after = bisect_right(starts, mark.start)
        before = kept[after - 1] if after else None
        if before is not None and before[:3] == mark[:3]:
            left_out.add(mark.line, "a mark that stands there twice")
        elif (before is not None and before.end > mark.start) or (
            bisect_left(starts, mark.end) != after
        ):
            left_out.add(mark.line, f"a mark that overlaps another (the {keep} is kept)")
        else:
            starts.insert(after, mark.start)
            kept.insert(after, mark)
    return kept


def _same_surface(surface: str, found: str) -> bool:
    return surface == found or surface.translate(_BREAKS) == found.translate(_BREAKS)


def _type_fault(mark: Mark) -> Fault | None:
    try:
        for label in mark.labels:
            LabelSet((label,))
    except LabelError:
        expected = "a type of 1-100 characters without '|' that is not 'O'"
        return Fault(mark.line, expected, shown(label))
    if mark.labels:
        return None
    return Fault(mark.line, "a mark with a type", "none")


def _digits(value: int) -> str:
    """Write an offset, unless it is so long that Python itself refuses to."""
    return str(value) if abs(value) < 10**20 else "a number of more than 20 digits"
