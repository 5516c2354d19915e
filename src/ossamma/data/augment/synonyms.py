"""Synonyms: words outside annotations give way to words of like meaning, by a table."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from random import Random
from types import MappingProxyType
from typing import Final

from ossamma.data.augment.casing import like
from ossamma.data.augment.draws import choose
from ossamma.data.augment.rewriting import Edit, rewrite
from ossamma.data.augment.units import Standing, units_of
from ossamma.data.readers.lines import read_lines, shown
from ossamma.schema.errors import FormatError
from ossamma.schema.spans import Document

SynonymTable = Mapping[str, tuple[str, ...]]
"""What may stand for a word, all in small letters. Inflected forms are words of their own."""

_BUILT_IN: Final = "english_synonyms.tsv"
_MAX_LINE_BYTES: Final = 2**16
_WORD: Final = re.compile(r"[^\W\d_]+(?:['\u2019-][^\W\d_]+)*")
_ARTICLES: Final = frozenset({"a", "an"})
_VOWELS: Final = frozenset("aeiou")


def substitute_synonyms(
    document: Document, rng: Random, table: SynonymTable, *, rate: float
) -> Document:
    """Replace this share of the words that the table knows by one of their synonyms.

    Words that an annotation touches stay, and so do words of mixed case; otherwise the case is
    kept. Behind "a" or "an" only a synonym that fits the article is taken.
    """
    found: list[tuple[int, int, list[str]]] = []
    before = ""
    for unit in units_of(document) if rate > 0.0 else ():
        if unit.standing is Standing.FREE:
            fitting = _fitting(unit.text, before, table)
            if fitting:
                found.append((unit.start, unit.end, fitting))
        before = unit.text
    edits = [Edit(start, end, rng.choice(words)) for start, end, words in choose(found, rate, rng)]
    return rewrite(document, edits, "synonyms")


def read_synonyms(path: str | Path) -> SynonymTable:
    """Read a table: on each line a word and what may stand for it, separated by tabs.

    Lines that are blank or begin with "#" are passed over. Case does not count.

    Raises:
        DataError: no such file, or an empty one.
        FormatError: a line without a synonym, with a word twice, or with what is not one word of
            letters (hyphens and apostrophes may stand inside); a word that an earlier line has.
    """
    path = Path(path)
    text = read_lines(path, max_line_bytes=_MAX_LINE_BYTES)
    if text.faults:
        raise text.faults[0].error(path)
    return _parse((line or "" for line in text.lines), path)


@cache
def english_synonyms() -> SynonymTable:
    """Return the built-in table: English adverbs, verbs and other words of everyday use.

    It is small on purpose. A pair stands in it only where one word fits nearly every sentence
    of the other, in the same inflection.
    """
    resource = files(__package__).joinpath(_BUILT_IN)
    return _parse(resource.read_text(encoding="utf-8").splitlines(), _BUILT_IN)


def _fitting(word: str, before: str, table: SynonymTable) -> list[str]:
    """Return the synonyms of a word in its case, as far as they fit the word before."""
    key = word.lower()
    synonyms: Sequence[str] = table.get(key, ())
    if before.lower() in _ARTICLES:
        synonyms = [s for s in synonyms if (s[0] in _VOWELS) == (key[0] in _VOWELS)]
    cased = (like(synonym, word) for synonym in synonyms)
    return [synonym for synonym in cased if synonym is not None]


def _parse(lines: Iterable[str], source: str | Path) -> SynonymTable:
    table: dict[str, tuple[str, ...]] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.startswith("#"):
            continue
        word, *synonyms = (cell.strip().lower() for cell in line.split("\t"))
        problem = _problem([word, *synonyms], table)
        if problem:
            raise FormatError(
                source,
                number,
                expected="a word and, behind tabs, one or more words that may stand for it",
                got=problem,
            )
        table[word] = tuple(synonyms)
    return MappingProxyType(table)


def _problem(words: list[str], table: Mapping[str, object]) -> str:
    """Say what is wrong with a line; empty if nothing is."""
    if len(words) < 2:
        return f"only {shown(words[0])}"
    if len(set(words)) < len(words):
        return f"a word twice on the line of {shown(words[0])}"
    for word in words:
        if not _WORD.fullmatch(word):
            return f"{shown(word)}, which is not one word of letters"
    return f"{shown(words[0])}, which an earlier line has" if words[0] in table else ""
