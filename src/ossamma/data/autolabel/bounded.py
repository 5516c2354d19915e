"""A law for regular expressions: what they cost at one place has a small limit.

Every repeat must end, and a group that is repeated must not be tried in several ways: if it has
alternatives or repeats of varying length inside, its own repeat must be possessive (`{1,8}+`).
Then a search over a text takes time linear in the text's length.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

_MOST_REPEATS: Final = 4096
_REPEAT: Final = re.compile(r"(?:\{(?P<low>[0-9]*)(?P<comma>,)?(?P<high>[0-9]*)\}|\?)(?P<own>\+?)")


def unbounded(regex: str) -> str:
    """Say what could cost too much in a regular expression; empty if nothing could."""
    return _Reader(regex).fault()


@dataclass(slots=True)
class _Reader:
    """Reads an expression from left to right; knows of open groups whether they vary inside."""

    regex: str
    position: int = 0
    varies: list[bool] = field(default_factory=lambda: [False])
    just_closed: bool = False
    """Whether the last thing read was a group; `closed_varies` says then whether it varies."""
    closed_varies: bool = False

    def fault(self) -> str:
        while self.position < len(self.regex):
            fault = self._step()
            if fault:
                return fault
        return ""

    def _step(self) -> str:
        character = self.regex[self.position]
        repeat = _REPEAT.match(self.regex, self.position)
        if character in "*+":
            return f"a repeat without limit ({character!r}); write {{0,64}} or the like"
        if repeat is not None:
            self.position = repeat.end()
            return self._repeat(repeat)
        closes = character == ")"
        if closes and len(self.varies) > 1:
            self.closed_varies = self.varies.pop()
            self.varies[-1] |= self.closed_varies
        self.position = self._behind(character)
        self.just_closed = closes
        return ""

    def _behind(self, character: str) -> int:
        """Return where the reading goes on after an ordinary character, escape, class or "("."""
        here = self.position
        if character == "\\":
            return here + 2
        if character == "[":
            return self._class_end(here + 1)
        if character == "(":
            self.varies.append(False)
            # The "?" of "(?:" is no repeat.
            return here + (2 if self.regex.startswith("(?", here) else 1)
        if character == "|":
            self.varies[-1] = True
        return here + 1

    def _class_end(self, position: int) -> int:
        position += self.regex.startswith("^", position)
        position += self.regex.startswith("]", position)  # first in a class it is an ordinary one
        while position < len(self.regex) and self.regex[position] != "]":
            position += 2 if self.regex[position] == "\\" else 1
        return position + 1

    def _repeat(self, repeat: re.Match[str]) -> str:
        """Judge a repeat of what was just read."""
        optional = repeat["low"] is None
        highest = "1" if optional else repeat["high"] if repeat["comma"] else repeat["low"]
        if not highest or int(highest) > _MOST_REPEATS:
            return f"the repeat {repeat[0]}, which must end at {_MOST_REPEATS} or before"
        possessive = repeat["own"] == "+"
        group, self.just_closed = self.just_closed, False
        if group and self.closed_varies and int(highest) > 1 and not possessive:
            return f"a group that varies inside is repeated by {repeat[0]}; write {repeat[0]}+"
        fixed = not optional and (not repeat["comma"] or repeat["low"] == repeat["high"])
        self.varies[-1] |= not fixed and not possessive
        return ""
