"""Rule files to settings: which source gives which types, and which forms are identifiers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from importlib.resources.abc import Traversable
from typing import Final, TypeVar

from ossamma.data.autolabel.boundaries import BoundaryRules
from ossamma.data.autolabel.context import Context
from ossamma.data.autolabel.folding import canonical, fold
from ossamma.data.autolabel.knowledge import KINDS
from ossamma.data.autolabel.lexicon import Source, TermCase
from ossamma.data.autolabel.patterns import Pattern, Scope
from ossamma.schema.errors import ConfigurationError, ProfileError
from ossamma.schema.near_names import near
from ossamma.schema.yaml_section import Section

LEXICONS_FILE: Final = "lexicons.yaml"
PATTERNS_FILE: Final = "patterns.yaml"

_T = TypeVar("_T")
_OWN_LIST: Final = "list"


class OneWord(StrEnum):
    """What becomes of names that are a single word."""

    KEEP = "keep"
    """They are terms like the others."""
    CONTEXT = "context"
    """They need a context: the source has common words among them."""
    DROP = "drop"
    """They are left out."""


class Brackets(StrEnum):
    """What becomes of a part of a name in round brackets at its end."""

    KEEP = "keep"
    """It stays."""
    DROP = "drop"
    """The name is what stands before it."""
    SPLIT = "split"
    """What stands before it and what stands in it are two names of one thing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceRule:
    """How one source becomes terms. Every field but the first three has a neutral default."""

    source: Source
    """Name, confidence, priority and context of its terms."""
    kind: str
    """How its files are read (see `knowledge.KINDS`), or `list`: the terms stand in the rules."""
    labels: tuple[str, ...]
    """The types of its terms, sorted."""
    files: tuple[str, ...] = ()
    """Patterns of file names below the folder of knowledge files."""
    select: tuple[str, ...] = ()
    """What to read of the files (see `knowledge.read_names`)."""
    terms: tuple[str, ...] = ()
    """The terms themselves, for the kind `list`."""
    min_length: int = 3
    """Shorter names are left out."""
    max_words: int = 8
    """Longer names are left out."""
    case: TermCase = TermCase.CAPITAL
    """How names of one word must be written; others may be written as one likes unless `exact`."""
    one_word: OneWord = OneWord.KEEP
    """What becomes of names of one word."""
    brackets: Brackets = Brackets.DROP
    """What becomes of round brackets at the end of a name."""
    plural: bool = False
    """Whether the plural in -s is a term too."""
    not_starting: tuple[str, ...] = ()
    """Names that begin with one of these words, folded, are left out: `operation`."""
    strip: tuple[str, ...] = ()
    """Words that are cut off a name's end, folded: `inc`, `llc`."""
    stop: frozenset[str] = frozenset()
    """Names that are left out, in addition to those of all sources."""
    ambiguous: frozenset[str] = frozenset()
    """Names that need a context, in addition to those of all sources."""

    def __post_init__(self) -> None:
        if self.kind != _OWN_LIST and self.kind not in KINDS:
            known = (*KINDS, _OWN_LIST)
            raise ConfigurationError(
                f"source {self.source.name!r}: unknown kind {self.kind!r}; expected "
                f"{', '.join(known)}{near(self.kind, known)}"
            )
        if bool(self.terms) != (self.kind == _OWN_LIST) or bool(self.files) == bool(self.terms):
            raise ConfigurationError(
                f"source {self.source.name!r}: expected `terms` for the kind 'list' and `files` "
                f"for any other, got the kind {self.kind!r}"
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class LexiconRules:
    """The rules of all sources together."""

    sources: tuple[SourceRule, ...]
    """One rule for each source."""
    stop: frozenset[str] = frozenset()
    """Names, folded, that knowledge files have and that are no terms. Own lists are not asked."""
    ordinary: frozenset[str] = frozenset()
    """Common words, folded: such a name out of a knowledge file needs a context."""
    boundaries: BoundaryRules = field(default_factory=BoundaryRules)
    """Where a name may begin and end."""


def read_lexicon_rules(file: Traversable) -> LexiconRules:
    """Read the rules of sources. Raises ProfileError with the line of the fault."""
    root = Section.in_file(file)
    root.check_keys(("sources",), ("stop", "ordinary", "hyphen", "contexts"))
    contexts = _contexts(root)
    return LexiconRules(
        sources=tuple(_source_rule(section, contexts) for section in root.sections("sources")),
        stop=_folded(root, "stop"),
        ordinary=frozenset(fold(root.text("ordinary")).text.split()),
        boundaries=_boundaries(root),
    )


def read_patterns(file: Traversable) -> tuple[Pattern, ...]:
    """Read patterns. Raises ProfileError with the line of the fault.

    `<<name>>` in an expression stands for the entry `name` of `fragments`, which may use those
    above it; `endings` names an entry of `lists`, words separated by spaces.
    """
    root = Section.in_file(file)
    root.check_keys(("patterns",), ("fragments", "lists", "contexts"))
    fragments: dict[str, str] = {}
    for name, text in _entries(root, "fragments").items():
        fragments[name] = _filled(text, fragments)
    lists = {name: frozenset(text.split()) for name, text in _entries(root, "lists").items()}
    contexts = _contexts(root)
    return tuple(
        _pattern(section, fragments, lists, contexts) for section in root.sections("patterns")
    )


def _source_rule(section: Section, contexts: Mapping[str, Context]) -> SourceRule:
    section.check_keys(
        ("name", "kind", "labels"),
        (
            "confidence", "priority", "context", "files", "select", "terms", "min_length",
            "max_words", "case", "one_word", "brackets", "plural", "not_starting", "strip", "stop",
            "ambiguous",
        ),
    )  # fmt: skip
    return _made(
        section,
        lambda: SourceRule(
            source=Source(
                name=section.text("name"),
                confidence=_number(section, "confidence", 1.0),
                priority=int(_number(section, "priority", 0)),
                context=_named(section, "context", contexts),
            ),
            kind=section.text("kind"),
            labels=tuple(sorted(section.texts("labels"))),
            files=_texts(section, "files"),
            select=_texts(section, "select"),
            terms=_terms(section),
            min_length=int(_number(section, "min_length", 3)),
            max_words=int(_number(section, "max_words", 8)),
            case=TermCase(section.text("case") or TermCase.CAPITAL),
            one_word=OneWord(section.text("one_word") or OneWord.KEEP),
            brackets=Brackets(section.text("brackets") or Brackets.DROP),
            plural=section.flag("plural", default=False),
            not_starting=_texts(section, "not_starting"),
            strip=_texts(section, "strip"),
            stop=_folded(section, "stop"),
            ambiguous=_folded(section, "ambiguous"),
        ),
    )


def _pattern(
    section: Section,
    fragments: Mapping[str, str],
    lists: Mapping[str, frozenset[str]],
    contexts: Mapping[str, Context],
) -> Pattern:
    section.check_keys(
        ("name", "labels", "regex"),
        (
            "confidence", "priority", "exact", "scope", "gates", "min_length", "checks", "endings",
            "publishers", "trim", "stop", "need", "avoid",
        ),
    )  # fmt: skip
    return _made(
        section,
        lambda: Pattern(
            name=section.text("name"),
            labels=tuple(sorted(section.texts("labels"))),
            regex=_filled(section.text("regex"), fragments),
            confidence=_number(section, "confidence", 1.0),
            priority=int(_number(section, "priority", 0)),
            exact=section.flag("exact", default=False),
            scope=Scope(section.text("scope") or Scope.TEXT),
            gates=_texts(section, "gates"),
            min_length=int(_number(section, "min_length", 1)),
            checks=_texts(section, "checks"),
            endings=_named(section, "endings", lists) or frozenset(),
            publishers=_named(section, "publishers", lists) or frozenset(),
            trim=section.text("trim"),
            stop=_folded(section, "stop"),
            need=_named(section, "need", contexts),
            avoid=_named(section, "avoid", contexts),
        ),
    )


def _made(section: Section, make: Callable[[], _T]) -> _T:
    """Make a value; a fault in it is reported at its section."""
    try:
        return make()
    except (ConfigurationError, ValueError) as error:  # ValueError: no member of an enumeration
        raise section.fault(str(error)) from None


def _contexts(root: Section) -> dict[str, Context]:
    """Read the contexts by name: words separated by spaces, and how far to look for them."""
    if "contexts" not in root.values:
        return {}
    section = root.section("contexts")
    return {name: _context(section.section(name)) for name in section.values}


def _context(section: Section) -> Context:
    section.check_keys(("words",), ("before", "after"))
    return _made(
        section,
        lambda: Context(
            words=frozenset(section.text("words").split()),
            before=int(_number(section, "before", 5)),
            after=int(_number(section, "after", 5)),
        ),
    )


def _boundaries(root: Section) -> BoundaryRules:
    if "hyphen" not in root.values:
        return BoundaryRules()
    section = root.section("hyphen")
    section.check_keys((), ("prefixes", "suffixes"))
    return BoundaryRules(
        prefixes=frozenset(section.text("prefixes").split()),
        suffixes=frozenset(section.text("suffixes").split()),
    )


def _entries(root: Section, key: str) -> dict[str, str]:
    section = root.section(key) if key in root.values else None
    return {name: section.text(name) for name in section.values} if section else {}


def _terms(section: Section) -> tuple[str, ...]:
    """Read a list of terms; also one text with commas or line breaks between them."""
    if "terms" not in section.values:
        return ()
    if not section.is_text("terms"):
        return tuple(section.texts("terms"))
    terms = (" ".join(term.split()) for term in section.text("terms").split(","))
    return tuple(term for term in terms if term)


def _texts(section: Section, key: str) -> tuple[str, ...]:
    return tuple(section.text_or_texts(key)) if key in section.values else ()


def _folded(section: Section, key: str) -> frozenset[str]:
    """Read a list of names, or one text with commas between them, in their folded form."""
    if key not in section.values:
        return frozenset()
    names = section.text(key).split(",") if section.is_text(key) else section.texts(key)
    return frozenset(" ".join(canonical(fold(name).text).split()) for name in names)


def _number(section: Section, key: str, default: float) -> float:
    text = section.text(key)
    if not text:
        return default
    try:
        return float(text)
    except ValueError:
        raise section.fault(f"{key!r} must be a number, got {text!r}") from None


def _named(section: Section, key: str, known: Mapping[str, _T]) -> _T | None:
    """Return what a key names; None where it is missing."""
    name = section.text(key)
    if name and name not in known:
        raise section.fault(
            f"{key!r} names {name!r}, which is not given here; there are "
            f"{', '.join(known) or 'none'}{near(name, known)}"
        )
    return known[name] if name else None


def _filled(regex: str, fragments: Mapping[str, str]) -> str:
    """Put fragments in their places, and leave out the line breaks of a long expression."""
    regex = "".join(line.strip() for line in regex.splitlines())
    for name, fragment in fragments.items():
        regex = regex.replace(f"<<{name}>>", fragment)
    if "<<" in regex:
        unknown = regex.partition("<<")[2].partition(">>")[0]
        raise ProfileError(f"no fragment {unknown!r}; there are {', '.join(fragments) or 'none'}")
    return regex
