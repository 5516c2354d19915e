"""Whether a text is English, by its letters and commonest words; no model is needed.

Every language gives itself away by a few dozen words that stand in almost every sentence. The text
is English if enough of its words are such words of English, and fewer are those of any other
language. Words that two languages share count for both. Formulaic English (catalogues, lists) has
few such words: words with an English ending count as well, and the floor is low, for it is the
comparison that decides.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Final

from ossamma.schema.errors import ConfigurationError

NO_LATIN: Final = "another script"
"""The rule for texts in other than Latin letters."""
NO_ENGLISH: Final = "another language"
"""The rule for texts whose commonest words, or accents, are not those of English."""

_WORD: Final = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")
# Endings that hardly any other language has; French has -tion and German -ung in their place.
_ENDINGS: Final = ("ing", "ed", "ly", "ness", "tions", "ity", "ful", "able", "ers", "ies")
_WINDOWS: Final = 3

_TABLE: Final = "common_words.tsv"


@dataclass(frozen=True, kw_only=True, slots=True)
class EnglishSettings:
    """When a text counts as English."""

    min_common: float = 0.06
    """Least share of the words that are common in English or have an English ending."""
    margin: float = 1.2
    """How many times more of these there must be than common words of any other language."""
    min_latin: float = 0.9
    """Least share of the letters that are Latin."""
    min_plain: float = 0.8
    """Least share of the letters that are a to z: English has few accents."""
    window_characters: int = 500
    """A longer text is judged by three stretches of this length: its beginning, middle and end."""

    def __post_init__(self) -> None:
        for name in ("min_common", "min_latin", "min_plain"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ConfigurationError(f"{name} must lie in [0, 1], got {getattr(self, name)}")
        if self.margin <= 0:
            raise ConfigurationError(f"margin must be > 0, got {self.margin}")
        if self.window_characters < 1:
            raise ConfigurationError(
                f"window_characters must be >= 1, got {self.window_characters}"
            )


def language_fault(text: str, settings: EnglishSettings) -> str | None:
    """Return the name of the rule by which a text is not English, None if it is.

    The time does not depend on the length of the text.
    """
    words = _WORD.findall(_sample(text, settings.window_characters).lower().replace("\u2019", "'"))
    letters = "".join(words)
    if not letters.isascii():
        plain = len(letters.encode("ascii", "ignore"))
        latin = plain + sum(map(_is_accented, letters))
        if latin < settings.min_latin * len(letters):
            return NO_LATIN
        if plain < settings.min_plain * len(letters):
            return NO_ENGLISH
    times = Counter(words)
    counts = common_words(times)
    english = counts.pop("en", 0)
    needed = max(
        settings.min_common * len(words), settings.margin * max(counts.values(), default=0)
    )
    if english < needed:  # else endings can change nothing
        english += sum(n for word, n in times.items() if len(word) > 4 and word.endswith(_ENDINGS))
    return NO_ENGLISH if english < needed or not words else None


def common_words(times: Mapping[str, int]) -> Counter[str]:
    """Count, for each language, the words that are common in it.

    Args:
        times: how often each word occurs, in lower case.
    """
    table = languages_of_words()
    counts: Counter[str] = Counter()
    for word, number in times.items():
        for language in table.get(word, ()):
            counts[language] += number
    return counts


@cache
def languages_of_words() -> Mapping[str, tuple[str, ...]]:
    """Return the common words of all languages, each with the languages in which it is common."""
    table: dict[str, tuple[str, ...]] = {}
    lines = files(__package__).joinpath(_TABLE).read_text(encoding="utf-8").splitlines()
    for line in lines:
        language, _, words = line.partition("\t")
        for word in dict.fromkeys(words.split()):
            table[word] = (*table.get(word, ()), language)
    return MappingProxyType(table)


def _is_accented(letter: str) -> bool:
    """Whether a letter is Latin, but not a to z."""
    return "\u00c0" <= letter <= "\u024f" or "\u1e00" <= letter <= "\u1eff"


def _sample(text: str, window: int) -> str:
    if len(text) <= _WINDOWS * window:
        return text
    middle = (len(text) - window) // 2
    return f"{text[:window]} {text[middle : middle + window]} {text[-window:]}"
