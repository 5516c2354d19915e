"""Tags <-> spans of words: IOB1, IOB2 (BIO) and BIOES as tables of legal transitions.

A tag is O or `<letter>-<type>`. Two laws carry everything here:

1. *Which words form an entity* does not depend on the scheme. A word continues the entity of the
   word before it when both have the same type, the letter before is B or I and its own is I or E.
   Every other word that is not O begins a new entity (the rule of the conlleval script of the
   CoNLL-2000 and 2003 shared tasks).
2. *Which sequences are legal* is the table of the scheme (see `Scheme`). What the table refuses is
   repaired by law 1, discarded or refused: see `Repair`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType
from typing import Final, NamedTuple

from ossamma.schema.errors import AnnotationError, LabelError, SpanError
from ossamma.schema.labels import OUTSIDE, LabelSet


class Scheme(StrEnum):
    """How the letters before a type mark where an entity begins and ends.

    Each scheme is a table: letter of a word -> letters that the next word may have, if it has the
    same type / if it has another type or none. Sentences are bordered by O on both sides, so the
    row of O also says how a sentence may begin, and a letter may end a sentence when O may follow.

    ========  ======  ===========  ============
    scheme    letter  same type    other or O
    ========  ======  ===========  ============
    IOB1      O       -            O I
    IOB1      B, I    B I          O I
    IOB2      O       -            O B
    IOB2      B, I    B I          O B
    BIOES     O       -            O B S
    BIOES     B, I    I E          (none)
    BIOES     E, S    B S          O B S
    ========  ======  ===========  ============

    IOB1 writes B only where an entity touches one of the same type before it (CoNLL-2003's files).
    BIOES also takes the letters of its dialects BILOU and BMES: L is E, U is S, M is I.
    """

    IOB1 = "iob1"
    IOB2 = "iob2"
    BIOES = "bioes"
    BIO = "iob2"  # the common name of IOB2: an alias, not a fourth scheme

    @classmethod
    def _missing_(cls, value: object) -> Scheme | None:
        """Understand the other names that people write: BIO, BILOU, bmes, ..."""
        name = value.lower() if isinstance(value, str) else ""
        others = {"bio": cls.IOB2, "bilou": cls.BIOES, "bmes": cls.BIOES}
        return others.get(name) or next((scheme for scheme in cls if scheme.value == name), None)


class Repair(StrEnum):
    """What to do with a sequence that its scheme forbids."""

    CONLLEVAL = "conlleval"
    """A word that cannot continue an entity begins a new one; an entity left open is closed."""
    DISCARD = "discard"
    """Every word of an entity that begins or ends illegally becomes O."""
    ERROR = "error"
    """AnnotationError."""


class _Followers(NamedTuple):
    """Letters that may follow a letter, by what the next word's type is."""

    same_type: str
    other_type: str


_FOLLOWERS: Final[Mapping[Scheme, Mapping[str, _Followers]]] = MappingProxyType(
    {
        Scheme.IOB2: MappingProxyType(
            {"O": _Followers("", "OB"), "B": _Followers("BI", "OB"), "I": _Followers("BI", "OB")}
        ),
        Scheme.IOB1: MappingProxyType(
            {"O": _Followers("", "OI"), "B": _Followers("BI", "OI"), "I": _Followers("BI", "OI")}
        ),
        Scheme.BIOES: MappingProxyType(
            {
                "O": _Followers("", "OBS"),
                "B": _Followers("IE", ""),
                "I": _Followers("IE", ""),
                "E": _Followers("BS", "OBS"),
                "S": _Followers("BS", "OBS"),
            }
        ),
    }
)
_DIALECTS: Final[Mapping[str, str]] = MappingProxyType(
    {"B": "B", "I": "I", "E": "E", "S": "S", "L": "E", "U": "S", "M": "I"}
)


class Tag(NamedTuple):
    """A tag taken apart: `letter` is one of O B I E S; `type_name` is empty for O."""

    letter: str
    type_name: str


_OUT: Final = Tag(OUTSIDE, "")


class IllegalTag(NamedTuple):
    """The first word of a sentence whose tag its scheme forbids, and why."""

    word: int
    reason: str


class LegalBio(NamedTuple):
    """What BIO allows, in the order of `LabelSet.tags`.

    `start[k]`: a sentence may begin with tag k. `transition[j][k]`: tag k may follow tag j.
    A sentence may end with any tag.
    """

    start: tuple[bool, ...]
    transition: tuple[tuple[bool, ...], ...]


@dataclass(frozen=True, slots=True, order=True)
class TypedSpan:
    """Words first_word, ..., end_word - 1 of one sentence form an entity of type `label`."""

    first_word: int
    end_word: int
    label: str

    def __post_init__(self) -> None:
        if not 0 <= self.first_word < self.end_word:
            raise SpanError(
                f"a span of words must satisfy 0 <= first_word < end_word, "
                f"got [{self.first_word}, {self.end_word})"
            )


@lru_cache(maxsize=1024)  # a corpus repeats a few dozen tags hundreds of thousands of times
def split_tag(tag: str) -> Tag:
    """Take a tag apart, with BILOU and BMES letters translated to BIOES.

    A type may name several candidates as `A|B`.

    Raises:
        LabelError: no dash, a prefix that no scheme has, or a type that cannot be one.
    """
    if tag == OUTSIDE:
        return _OUT
    prefix, dash, type_name = tag.partition("-")
    letter = _DIALECTS.get(prefix)
    if not dash:
        problem = "it has no dash" if tag else "it is empty"
    elif letter is None:
        problem = f"the prefix {prefix[:80]!r} is unknown"
    elif not type_name:
        problem = "its type is empty"
    else:
        problem = _type_problem(type_name)
        if not problem:
            return Tag(letter, type_name)
    raise LabelError(
        f"malformed tag {tag[:80]!r}: {problem}; a tag is O, or one of B I E S (L U M), a dash and "
        f"a type, such as B-PERSON"
    )


def decode_tags(
    tags: Sequence[str], *, scheme: Scheme = Scheme.IOB2, repair: Repair = Repair.CONLLEVAL
) -> tuple[list[TypedSpan], int]:
    """Read the entities off the tags of one sentence.

    Returns:
        The spans in order, and the number of repaired tags: how many of the given tags differ
        from `encode_tags` of the spans (0 exactly when the sequence is legal).

    Raises:
        LabelError: a malformed tag, or one whose letter the scheme does not have.
        AnnotationError: an illegal sequence under Repair.ERROR.
    """
    pairs = _split_all(tags, scheme)
    spans = _runs(pairs)
    illegal = _first_illegal(pairs, scheme)
    if illegal is None:
        return spans, 0
    if repair == Repair.ERROR:
        raise AnnotationError(
            f"word {illegal}: {_reason(pairs, illegal, scheme)}; correct the tags, or choose the "
            f"repair {Repair.CONLLEVAL.value!r} or {Repair.DISCARD.value!r}"
        )
    if repair == Repair.DISCARD:
        spans = [span for span in spans if _is_legal_run(pairs, span, scheme)]
    clean = _split_all(encode_tags(spans, len(pairs), scheme=scheme), scheme)
    return spans, sum(given != repaired for given, repaired in zip(pairs, clean, strict=True))


def encode_tags(
    spans: Iterable[TypedSpan], num_words: int, *, scheme: Scheme = Scheme.IOB2
) -> list[str]:
    """Write the tags of a sentence of `num_words` words, the inverse of `decode_tags`.

    Raises:
        AnnotationError: spans that overlap or end beyond the sentence.
    """
    tags = [OUTSIDE] * num_words
    before: TypedSpan | None = None
    for span in sorted(spans):
        if span.end_word > num_words:
            raise AnnotationError(
                f"{_describe(span)} ends beyond the sentence, which has {num_words} words"
            )
        if before is not None and span.first_word < before.end_word:
            raise AnnotationError(
                f"{_describe(span)} overlaps {_describe(before)}; one word can carry one tag only: "
                f"keep one of the two"
            )
        touches = before is not None and (before.end_word, before.label) == (
            span.first_word,
            span.label,
        )
        letters = _spell(span.end_word - span.first_word, scheme, touches=touches)
        tags[span.first_word : span.end_word] = [f"{letter}-{span.label}" for letter in letters]
        before = span
    return tags


def first_illegal(tags: Sequence[str], *, scheme: Scheme = Scheme.IOB2) -> IllegalTag | None:
    """Find the first tag that the scheme forbids where it stands, or None.

    An entity left open at the end of the sentence is reported at the last word.

    Raises:
        LabelError: a malformed tag, or one whose letter the scheme does not have.
    """
    pairs = _split_all(tags, scheme)
    word = _first_illegal(pairs, scheme)
    if word is None:
        return None
    return IllegalTag(min(word, len(pairs) - 1), _reason(pairs, word, scheme))


def detect_scheme(sequences: Iterable[Sequence[str]]) -> Scheme:
    """Choose the scheme that forbids the fewest of the observed transitions.

    Ties go to IOB2, so anything in which every entity begins with B- is IOB2.

    Raises:
        LabelError: a malformed tag.
    """
    observed: Counter[tuple[str, str]] = Counter()
    for tags in sequences:
        observed.update(zip([OUTSIDE, *tags], [*tags, OUTSIDE], strict=True))
    counts = [(split_tag(left), split_tag(right), n) for (left, right), n in observed.items()]
    violations = {
        scheme: sum(n for left, right, n in counts if not _may_follow(left, right, table))
        for scheme, table in _FOLLOWERS.items()
    }
    return min(_FOLLOWERS, key=lambda scheme: violations[scheme])  # the first of equals: IOB2


def scheme_letters(scheme: Scheme) -> frozenset[str]:
    """Return the letters of a scheme, O among them."""
    return frozenset(_FOLLOWERS[scheme])


def legal_bio(labels: LabelSet) -> LegalBio:
    """Tabulate what BIO allows for a label set: K starts and K x K transitions.

    I-X stands only after B-X or I-X; everything else is free. The tables come from the same law
    that `decode_tags` reads by.
    """
    table = _FOLLOWERS[Scheme.IOB2]
    pairs = [split_tag(tag) for tag in labels.tags]
    return LegalBio(
        start=tuple(_may_follow(_OUT, right, table) for right in pairs),
        transition=tuple(
            tuple(_may_follow(left, right, table) for right in pairs) for left in pairs
        ),
    )


def _type_problem(type_name: str) -> str:
    """Say why no label set could hold this type (or one of its candidates); empty if one could."""
    try:
        for candidate in type_name.split("|"):
            LabelSet((candidate,))
    except LabelError:
        return "its type is not 1-100 characters without white space, or is 'O'"
    return ""


def _split_all(tags: Sequence[str], scheme: Scheme) -> list[Tag]:
    """Take a sentence apart. Raises LabelError for a letter outside the scheme."""
    table = _FOLLOWERS[scheme]
    pairs = [_OUT if tag == OUTSIDE else split_tag(tag) for tag in tags]
    foreign = {pair.letter for pair in pairs} - table.keys()
    if foreign:
        tag = next(t for t, pair in zip(tags, pairs, strict=True) if pair.letter in foreign)
        raise LabelError(
            f"tag {tag!r} does not exist in {scheme.name}, which has the letters "
            f"{' '.join(table)}; state the right scheme or correct the tag"
        )
    return pairs


def _may_follow(left: Tag, right: Tag, table: Mapping[str, _Followers]) -> bool:
    """Look the transition up. A letter that the scheme lacks is never legal."""
    followers = table.get(left.letter)
    if followers is None:
        return False
    same_type = left.type_name == right.type_name != ""
    return right.letter in (followers.same_type if same_type else followers.other_type)


def _continues(left: Tag, right: Tag) -> bool:
    """Law 1: is `right` another word of the entity that `left` belongs to."""
    return right.letter in "IE" and left.letter in "BI" and left.type_name == right.type_name


def _runs(pairs: Sequence[Tag]) -> list[TypedSpan]:
    """All maximal runs of words that continue each other."""
    spans: list[TypedSpan] = []
    first, before = 0, _OUT
    for index, pair in enumerate([*pairs, _OUT]):
        if not (pair is before is _OUT or _continues(before, pair)):
            if before is not _OUT:
                spans.append(TypedSpan(first, index, before.type_name))
            first = index
        before = pair
    return spans


def _first_illegal(pairs: Sequence[Tag], scheme: Scheme) -> int | None:
    """Index of the first word that may not follow the one before it; len(pairs) for the end."""
    table = _FOLLOWERS[scheme]
    before = _OUT
    for index, pair in enumerate([*pairs, _OUT]):
        # Most words lie outside every entity, and O after O is legal everywhere.
        if not (pair is before is _OUT or _may_follow(before, pair, table)):
            return index
        before = pair
    return None


def _is_legal_run(pairs: Sequence[Tag], span: TypedSpan, scheme: Scheme) -> bool:
    """Does this run begin and end as its scheme demands. Its inner transitions always do."""
    table = _FOLLOWERS[scheme]
    before = pairs[span.first_word - 1] if span.first_word else _OUT
    if not _may_follow(before, _OUT, table):
        before = _OUT  # the run before was left open: its fault, not this one's
    return _may_follow(before, pairs[span.first_word], table) and _may_follow(
        pairs[span.end_word - 1], _OUT, table
    )


def _spell(num_words: int, scheme: Scheme, *, touches: bool) -> str:
    """Letters of an entity; `touches`: one of the same type ends just before it."""
    if scheme == Scheme.BIOES:
        return "S" if num_words == 1 else "B" + "I" * (num_words - 2) + "E"
    first = "B" if scheme == Scheme.IOB2 or touches else "I"
    return first + "I" * (num_words - 1)


def _reason(pairs: Sequence[Tag], word: int, scheme: Scheme) -> str:
    """Say what is illegal at `word` (len(pairs): at the end)."""
    before = _write(pairs[word - 1]) if word else "the start of the sentence"
    if word == len(pairs):
        return f"a sentence cannot end after {before} in {scheme.name}"
    return f"{_write(pairs[word])} cannot follow {before} in {scheme.name}"


def _write(pair: Tag) -> str:
    return OUTSIDE if pair is _OUT else f"{pair.letter}-{pair.type_name}"


def _describe(span: TypedSpan) -> str:
    return f"{span.label} on words [{span.first_word}, {span.end_word})"
