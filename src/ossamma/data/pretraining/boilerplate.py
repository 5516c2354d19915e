"""Lines of a document that are no text of it: navigation, notices, and what is said too often."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ossamma.schema.errors import ConfigurationError

NAVIGATION: Final = "navigation"
"""The rule for lines that only lead elsewhere or ask something of the reader."""
REPEATED: Final = "repeated short line"
"""The rule for short lines that stand all over a document."""

# A whole line is one of these ...
_WHOLE: Final = re.compile(
    r"(?:log|sign)[ -]?(?:in|up|out)(?:\s*(?:/|or|\|)\s*(?:log|sign|register|create).*)?"
    r"|advertise(?:ments?| with us)|cookie (?:policy|settings|preferences)"
    r"|(?:accept|reject|manage) (?:all )?cookies|view all|load more|print this page"
    r"|privacy policy.*|terms (?:of|and|&) (?:use|service|conditions)|contact us|about us"
    r"|(?:leave|post) a (?:comment|reply)|back to (?:top|home)|(?:next|previous) (?:post|article)",
    re.IGNORECASE,
)
# ... or begins with one of these, or has one anywhere.
_START: Final = re.compile(
    r"skip to (?:main )?(?:content|navigation)|jump to navigation|share (?:this|on|via)\b"
    r"|follow us\b|like us on|tweet this|subscribe (?:now|to (?:our|the))\b|join our newsletter"
    r"|sign up for (?:our|the)\b|click here (?:to|for)\b|read more\b|continue reading"
    r"|copyright (?:\(c\) |\u00a9 ?)?\d{4}|(?:\(c\)|\u00a9) ?\d{4}"
    r"|(?:please )?enable javascript|powered by (?:wordpress|blogger|disqus)",
    re.IGNORECASE,
)
_ANYWHERE: Final = re.compile(
    r"all rights reserved|(?:we|site|website|page) uses? cookies"
    r"|javascript (?:is (?:disabled|required|turned off)|must be enabled)",
    re.IGNORECASE,
)
_SEPARATOR: Final = re.compile(r"\s*[|\u00bb\u203a\u2022\u00b7>]\s*")
_MENU_ITEM: Final = re.compile(r"[A-Za-z][A-Za-z&' ]{1,24}")
_MENU_ITEMS: Final = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class BoilerplateSettings:
    """Which lines of a document go."""

    navigation_words: int = 10
    """A line of at most so many words that is a phrase of navigation ("Skip to content", "All
    rights reserved") goes, as does a menu: four short names or more with separators such as `|`
    between them. 0: none does."""
    repeated_times: int = 3
    """A line of at most `repeated_words` words goes, wherever it stands, if it stands in the
    document so often or more, and is a `repeated_share` of its lines. 0: none does."""
    repeated_words: int = 8
    """Words of a line that is short."""
    repeated_share: float = 0.05
    """Share of a document's lines: "Yes," often said in a novel, is no boilerplate."""

    def __post_init__(self) -> None:
        for name in ("navigation_words", "repeated_times", "repeated_words"):
            if getattr(self, name) < 0:
                raise ConfigurationError(f"{name} must be >= 0, got {getattr(self, name)}")
        if not 0.0 <= self.repeated_share <= 1.0:
            raise ConfigurationError(
                f"repeated_share must lie in [0, 1], got {self.repeated_share}"
            )


def without_boilerplate(text: str, settings: BoilerplateSettings) -> tuple[str, Counter[str]]:
    """Return a text without its boilerplate lines, and how many went by which rule."""
    lines = text.split("\n")
    dropped: Counter[str] = Counter()
    repeated = _repeated(lines, settings)
    kept = []
    for line in lines:
        rule = None
        if line.strip() in repeated:
            rule = REPEATED
        elif settings.navigation_words and is_navigation(line, settings.navigation_words):
            rule = NAVIGATION
        if rule is None:
            kept.append(line)
        else:
            dropped[rule] += 1
    return ("\n".join(kept).strip() if dropped else text), dropped


def is_navigation(line: str, max_words: int) -> bool:
    """Whether a line of at most so many words only leads elsewhere."""
    # Most lines are sentences: they are too long, which is cheap to see.
    line = line.strip(" \t*->.\u00bb")
    if len(line) > 12 * max_words or not line:
        return False
    items = _SEPARATOR.split(line)
    if len(items) >= _MENU_ITEMS and all(map(_MENU_ITEM.fullmatch, items)):
        return True
    return len(line.split()) <= max_words and (
        _WHOLE.fullmatch(line) is not None
        or _START.match(line) is not None
        or _ANYWHERE.search(line) is not None
    )


def _repeated(lines: Sequence[str], settings: BoilerplateSettings) -> frozenset[str]:
    times = settings.repeated_times
    if not times or len(lines) < times:
        return frozenset()
    counts = Counter(stripped for line in lines if (stripped := line.strip()))
    enough = max(times, settings.repeated_share * len(lines))
    return frozenset(
        line
        for line, count in counts.items()
        if count >= enough and len(line.split()) <= settings.repeated_words
    )
