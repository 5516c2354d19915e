"""One line of a spaCy configuration with the reason for its value, and how they are written."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Final

_WIDTH: Final = 96


@dataclass(frozen=True, slots=True)
class Reference:
    """Another value of the configuration, as `paths.train`."""

    name: str


Value = None | bool | int | float | str | list[str] | list[int] | Reference


@dataclass(frozen=True, slots=True)
class Setting:
    """`name = value` in a section, and why."""

    section: str
    name: str
    value: Value
    reason: str

    def __post_init__(self) -> None:
        assert self.reason, f"[{self.section}] {self.name} has no reason"

    def __str__(self) -> str:
        return f"{self.name} = {_written(self.value)}"


def section(name: str, entries: Mapping[str, tuple[Value, str]]) -> list[Setting]:
    """Return the settings of one section, in order."""
    return [Setting(name, key, value, reason) for key, (value, reason) in entries.items()]


def written(settings: Iterable[Setting], *, title: str, empty: Iterable[str] = ()) -> str:
    """Return the configuration as text; each value stands below its reason.

    Args:
        settings: those of a section together.
        title: the comment at the head.
        empty: sections without a value, which spaCy wants to see.
    """
    lines = [*_comment(title)]
    known: set[str] = set()
    for name, members in groupby(settings, key=lambda setting: setting.section):
        # A section counts only below one that is there.
        lines += [line for above in _missing_above(name, known) for line in ("", f"[{above}]")]
        lines += ["", f"[{name}]"]
        known.add(name)
        for setting in members:
            lines += [*_comment(setting.reason), str(setting)]
    lines += [line for name in empty for line in ("", f"[{name}]")]
    return "\n".join(lines) + "\n"


def _missing_above(name: str, known: set[str]) -> list[str]:
    parts = name.split(".")
    above = [".".join(parts[:number]) for number in range(1, len(parts))]
    missing = [one for one in above if one not in known]
    known.update(missing)
    return missing


def _comment(text: str) -> list[str]:
    return [
        f"# {line}".rstrip()
        for paragraph in text.splitlines()
        for line in textwrap.wrap(paragraph, _WIDTH) or [""]
    ]


def _written(value: Value) -> str:
    """Return a value as spaCy's configuration has it: JSON, and references in `${}`."""
    return f"${{{value.name}}}" if isinstance(value, Reference) else json.dumps(value)
