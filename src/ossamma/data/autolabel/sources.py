"""Lexicons out of knowledge files: names made clean, the ambiguous ones told apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ossamma.data.autolabel.folding import canonical, fold
from ossamma.data.autolabel.knowledge import JsonFiles, Name, read_names
from ossamma.data.autolabel.lexicon import Lexicon, Term, TermCase
from ossamma.data.autolabel.rules import Brackets, LexiconRules, OneWord, SourceRule
from ossamma.schema.errors import DataError

_SHORT: Final = 3
"""Names of so few letters and digits stand for too many things to be terms without context."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceReport:
    """What became of the names of one source."""

    source: str
    """The source's name."""
    files: tuple[str, ...]
    """The files that it was read from, below the folder of knowledge files."""
    terms: int
    """Terms in the lexicon."""
    ambiguous: int
    """How many of them need a context."""
    left_out: Mapping[str, int]
    """How many names were left out, by reason."""


def build_lexicon(rules: LexiconRules, knowledge: Path) -> tuple[Lexicon, tuple[SourceReport, ...]]:
    """Build a lexicon from knowledge files below a folder.

    The same files give the same terms in the same order.

    Raises:
        DataError: a source finds no file.
        FormatError: a file is not what its source expects.
    """
    terms: dict[tuple[str, str], Term] = {}
    reports = []
    read = JsonFiles()
    for rule in rules.sources:
        files = _files(rule, knowledge)
        found: dict[tuple[str, str], Term] = {}
        left_out: Counter[str] = Counter()
        for name in _names(rule, files, read):
            for surface in _surfaces(name.surface, rule):
                reason = _unwanted(surface, rule, rules)
                if reason:
                    left_out[reason] += 1
                else:
                    term = _term(surface, name.identifier, rule, rules)
                    found.setdefault((term.source, _key(term.surface)), term)
        terms.update(found)
        reports.append(
            SourceReport(
                source=rule.source.name,
                files=tuple(file.relative_to(knowledge).as_posix() for file in files),
                terms=len(found),
                ambiguous=sum(term.needs_context for term in found.values()),
                left_out=dict(left_out.most_common()),
            )
        )
    sources = {rule.source.name: rule.source for rule in rules.sources}
    return Lexicon(tuple(terms.values()), sources, rules.boundaries), tuple(reports)


def _files(rule: SourceRule, knowledge: Path) -> list[Path]:
    files = sorted({file for pattern in rule.files for file in knowledge.glob(pattern)})
    if rule.files and not files:
        raise DataError(
            f"the lexicon {rule.source.name!r} wants files {', '.join(rule.files)} below "
            f"{knowledge}, and there are none; name the folder of the knowledge files, or take "
            "the source out of the rules"
        )
    return files


def _names(rule: SourceRule, files: list[Path], read: JsonFiles) -> Iterator[Name]:
    yield from map(Name, rule.terms)
    for file in files:
        for select in rule.select or ("",):
            yield from read_names(rule.kind, file, select, read=read)


def _surfaces(surface: str, rule: SourceRule) -> Iterator[str]:
    """Yield the forms of a name that are looked for, without repetition."""
    for part in dict.fromkeys(_parts(surface, rule.brackets)):
        clean = _stripped(" ".join(part.split()).strip(" ,;\"'"), rule.strip)
        if any(map(str.isalnum, clean)):
            yield clean
            if rule.plural and clean[-1].isalpha() and not clean.endswith(("s", "S")):
                yield f"{clean}s"


def _parts(surface: str, brackets: Brackets) -> Iterator[str]:
    head, opening, rest = surface.rpartition("(")
    if brackets is Brackets.KEEP or not opening or not rest.endswith(")") or not head.strip():
        yield surface
        return
    yield head
    if brackets is Brackets.SPLIT:
        yield rest.removesuffix(")")


def _stripped(surface: str, endings: tuple[str, ...]) -> str:
    """Cut the words of `endings` off the end of a name, as long as something is left."""
    words = surface.split()
    while len(words) > 1 and words[-1].strip(".,").casefold() in endings:
        words.pop()
    return " ".join(words).rstrip(",")


def _unwanted(surface: str, rule: SourceRule, rules: LexiconRules) -> str:
    """Say why a name is no term; empty if it is one."""
    key = _key(surface)
    one_word = len(key.split()) == 1
    reasons = {
        "stop list": key in rule.stop or (bool(rule.files) and key in rules.stop),
        "first word": key.split()[0] in rule.not_starting,
        "too short": len(key) < rule.min_length,
        "too many words": len(key.split()) > rule.max_words,
        "no letter": not any(map(str.isalpha, key)),
        "one word": one_word and rule.one_word is OneWord.DROP,
        "common word in lower case": bool(rule.files) and surface in rules.ordinary,
        "ambiguous, and the source has no context": (
            rule.source.context is None and _is_ambiguous(surface, rule, rules)
        ),
    }
    return next((reason for reason, holds in reasons.items() if holds), "")


def _term(surface: str, identifier: str, rule: SourceRule, rules: LexiconRules) -> Term:
    # A short name in another case is another word ("RIG" and "rig"), and so is "PLATINUM".
    exact = _letters(surface) <= _SHORT or _shouts(surface)
    return Term(
        surface=surface,
        labels=rule.labels,
        source=rule.source.name,
        identifier=identifier,
        case=TermCase.EXACT if exact and rule.case is TermCase.CAPITAL else rule.case,
        needs_context=_is_ambiguous(surface, rule, rules),
    )


def _is_ambiguous(surface: str, rule: SourceRule, rules: LexiconRules) -> bool:
    """Whether a name is also something else, so that it counts only beside certain words."""
    key = _key(surface)
    if key in rule.ambiguous:
        return True
    if not rule.files or " " in key:  # own lists are written by hand, word by word
        return False
    if rule.one_word is OneWord.CONTEXT or _letters(key) <= _SHORT:
        return True
    return key in rules.ordinary and not (_shouts(surface) and rule.case is TermCase.CAPITAL)


def _letters(surface: str) -> int:
    return sum(map(str.isalnum, surface))


def _shouts(surface: str) -> bool:
    """Whether a name is in capitals and too long for an abbreviation, which is no common way."""
    return surface.isalpha() and surface.isupper() and len(surface) > _SHORT + 1


def _key(surface: str) -> str:
    return " ".join(canonical(fold(surface).text).split())
