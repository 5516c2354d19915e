"""Words that a page broke at the end of a line, put together again."""

from __future__ import annotations

import re
from typing import Final

_BREAK: Final = re.compile(
    r"(?<=\w)([-\u2010\u00ad])[ \t]*+\r?\n[ \t]*+(?=(\w[\w'\u2019]*+)(-\w)?)"
)
_COMPOUND: Final = re.compile(r"\b\w++(?:-\w++)++")
_LAST_WORD: Final = re.compile(r"\w+\Z")
_LONGEST: Final = 60


def join_broken_words(text: str) -> str:
    """Rejoin words that are hyphenated at line ends.

    The hyphen goes where a lower-case half follows a letter ("mathe-/matician") and stays where it
    belongs to the word: before a capital or a digit ("CVE-/2024"), in a chain ("state-/of-the-art")
    or where the text also writes the compound on one line ("well-/known" beside "well-known").
    A soft hyphen always goes.
    """
    if not _BREAK.search(text):
        return text
    compounds = {word.lower() for word in _COMPOUND.findall(text)}

    def join(match: re.Match[str]) -> str:
        hyphen, right, chain = match.groups()
        if hyphen == "\u00ad":
            return ""
        start = match.start()
        if not text[start - 1].isalpha() or not right[0].islower() or chain:
            return hyphen
        left = _LAST_WORD.search(text[max(0, start - _LONGEST) : start])
        assert left is not None, "the pattern stands behind a word"
        return hyphen if f"{left.group()}-{right}".lower() in compounds else ""

    return _BREAK.sub(join, text)
