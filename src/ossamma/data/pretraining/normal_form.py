"""Unicode and white space of pre-training text, brought to one form that taggers also meet."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

# Controls but tab and line feed, zero-width space, soft hyphen, byte-order mark, surrogates,
# and the code points that are no characters. Joiners stay: emoji and some scripts need them.
_UNWANTED: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x84\x86-\x9f\xad\u200b\u2060\ufeff\ud800-\udfff\ufdd0-\ufdef"
    "\ufffe\uffff]"
)
_LINE_ENDS: Final = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_SPACES: Final = re.compile("[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]")
_BLANK_LINES: Final = re.compile(r"\n{3,}")
_LINE_SPACE: Final = re.compile(r"[ \t]+$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True, slots=True)
class NormalForm:
    """Which differences between texts are removed."""

    compose: bool = True
    """Unicode NFC: a letter and its accent are one character where there is one. Nothing that
    differs for a reader becomes equal, as it would by NFKC."""
    drop_controls: bool = True
    """Control characters, invisible marks and lone surrogates go."""
    plain_spaces: bool = True
    """Every kind of space becomes a plain one, every kind of line end a line feed; spaces at line
    ends go, and more than one blank line in a row."""


def normal_form(text: str, settings: NormalForm) -> str:
    """Return a text in the settings' form. Idempotent."""
    if settings.plain_spaces and ("\r" in text or not text.isascii()):
        text = _SPACES.sub(" ", _LINE_ENDS.sub("\n", text))
    if settings.drop_controls:
        text = _UNWANTED.sub("", text)
    if settings.plain_spaces:
        text = _BLANK_LINES.sub("\n\n", _LINE_SPACE.sub("", text)).strip()
    if settings.compose and not text.isascii():
        text = unicodedata.normalize("NFC", text)
    return text
