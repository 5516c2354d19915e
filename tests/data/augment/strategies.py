"""Documents of many kinds for the laws of augmentation, and what they all have in common."""

from __future__ import annotations

from itertools import pairwise
from random import Random

from hypothesis import settings
from hypothesis import strategies as st

from ossamma.data.augment.casing import lower
from ossamma.data.augment.context import shuffle_context
from ossamma.data.augment.entity_bank import EntityBank
from ossamma.data.augment.entity_replacement import replace_entities
from ossamma.data.augment.mention_dropout import drop_mentions
from ossamma.data.augment.noise import add_typos, change_case, change_spaces
from ossamma.data.augment.synonyms import english_synonyms, substitute_synonyms
from ossamma.schema.labels import LabelSet
from ossamma.schema.spans import Annotation, Document, Provenance, Span

LABELS = LabelSet(("PER", "LOC", "WORK"))

PLAIN = ("we", "saw", "maybe", "someone", "quickly", "begin", "whole", "of", "aaaa", "until")
CASED = ("The", "Maybe", "HUGE", "I", "Aaaa", "mIxEd", "Stra\u00dfe", "\u0130zmir", "\u01c5")
NAMES = ("Ada", "New", "York", "oslo", "EU", "x-1", "the", "'s", "O'Neill", "\u00c9mile", "R2D2")
MARKS = (",", ".", "!", "?", ":", "(", '"', "'", "n't", "3,5", "@you", "#tag", "\u65e5\u672c", "-")
vocabulary = st.sampled_from((*PLAIN, *CASED, *NAMES, *MARKS))
candidates = st.sets(st.sampled_from(LABELS.types), min_size=1, max_size=2).map(
    lambda types: tuple(sorted(types))
)
seeds = st.integers(0, 2**32)
few = settings(max_examples=25)
"""Documents are dear to draw, and each goes through all steps."""


@st.composite
def flat_documents(draw):
    """Annotations that are disjoint and cover whole words, as a tagger needs them.

    Half of the documents keep their words, some of which touch; the others are raw text.
    """
    surfaces = draw(st.lists(vocabulary, max_size=12))
    has_words = draw(st.booleans())
    gaps = [" ", "  ", "\t", "\n", *([""] if has_words else [])]
    text, words = draw(st.sampled_from(["", " "])), []
    for surface in surfaces:
        words.append(Span(len(text), len(text) + len(surface)))
        text += surface + draw(st.sampled_from([" "] * 6 + gaps))
    kept = st.lists(st.booleans(), min_size=len(words), max_size=len(words))
    # Never inside a mention: a sentence border there is no fault of augmentation.
    cuts = [0, *(i for i, cut in enumerate(draw(kept)) if cut and i), len(words)]
    runs = [(a, b) for a, b in pairwise(cuts) if a < b <= a + 4]
    marks = tuple(
        Annotation(
            words[first].start,
            words[end - 1].end,
            draw(candidates),
            draw(st.sampled_from(["", "lexicon:x"])),
            draw(st.sampled_from([1.0, 0.5])),
        )
        for first, end in runs
        if draw(st.integers(0, 2)) == 0
    )
    starts = tuple(c for c in dict.fromkeys(cuts) if c < len(words) and draw(st.booleans()))
    return Document(
        id=draw(st.sampled_from(["d", "a b", "\ud800"])),
        text=text,
        words=tuple(words) if has_words else None,
        sentence_starts=starts if has_words else (),
        annotations=marks,
        annotates=draw(st.none() | st.frozensets(st.sampled_from(LABELS.types))),
        weight=draw(st.sampled_from([0.5, 1.0, 3.0])),
        provenance=Provenance("a.conll", 7),
        dataset=draw(st.sampled_from(["", "wnut"])),
        group=draw(st.sampled_from(["", "report"])),
    )


@st.composite
def wild_documents(draw):
    """Annotations anywhere: nested, crossing, inside words, in white space, or none at all."""
    document = draw(flat_documents())
    length = len(document.text)
    spans = st.tuples(st.integers(0, length), st.integers(0, length)).filter(lambda s: s[0] < s[1])
    marks = draw(st.none() | st.lists(spans, max_size=5)) if length else None
    return Document(
        id=document.id,
        text=document.text,
        words=document.words,
        sentence_starts=document.sentence_starts,
        annotations=None if marks is None else tuple(Annotation(*s, ("PER",)) for s in marks),
    )


def a_document(marked: str, **fields) -> Document:
    """Build a document from words such as "we saw [Ada Byron|PER] ." ("A/B" for open types)."""
    text, words, annotations = "", [], []
    for part in marked.replace("[", "\0[").replace("]", "]\0").split("\0"):
        inner, _, label = (
            part.strip("[]").partition("|") if part.startswith("[") else (part, "", "")
        )
        first = len(words)
        for word in inner.split():
            words.append(Span(len(text), len(text) + len(word)))
            text += word + " "
        if label:
            labels = tuple(label.split("/"))
            annotations.append(Annotation(words[first].start, words[-1].end, labels))
    defaults = {"id": "d", "words": tuple(words), "annotations": tuple(annotations)}
    return Document(text=text.rstrip(), **(defaults | fields))


def surfaces_of(document: Document) -> list[str]:
    """The surfaces of the annotations, in their order."""
    return [document.text[mark.start : mark.end] for mark in document.annotations or ()]


def words_in(document: Document) -> list[str]:
    """The surfaces of the words."""
    return [document.text[word.start : word.end] for word in document.words or ()]


def text_outside(document: Document) -> str:
    """The text with a NUL in the place of each annotation; for documents that are flat."""
    parts, position = [], 0
    for mark in sorted(document.annotations or ()):
        parts.append(document.text[position : mark.start])
        position = mark.end
    return "\0".join([*parts, document.text[position:]])


def folded(text: str) -> str:
    """The text without its case, each character in its place."""
    return "".join(lower(character) for character in text)


BANK = EntityBank.from_documents(
    a_document(f"[{name}|{label}] [the {name}|{label}] [{name} {name}|{label}]", dataset=dataset)
    for dataset in ("", "wnut")
    for label in ("PER", "LOC", "WORK", "LOC/PER", "PER/WORK", "LOC/WORK")
    for name in ("Turing", "Lima", "grace hopper", "van der berg")
)

STEPS = {
    "replace": lambda d, rng, rate: replace_entities(d, rng, BANK, probability=rate),
    "drop": lambda d, rng, rate: drop_mentions(d, rng, probability=rate),
    "shuffle": lambda d, rng, rate: shuffle_context(d, rng, probability=rate),
    "synonyms": lambda d, rng, rate: substitute_synonyms(d, rng, english_synonyms(), rate=rate),
    "spaces": lambda d, rng, rate: change_spaces(d, rng, rate=rate),
    "spaces inside": lambda d, rng, rate: change_spaces(d, rng, rate=rate, inside_mentions=True),
    "typos": lambda d, rng, rate: add_typos(d, rng, rate=rate),
    "typos inside": lambda d, rng, rate: add_typos(d, rng, rate=rate, inside_mentions=True),
    "case": lambda d, rng, rate: change_case(d, rng, probability=rate),
}
"""Every augmentation, as a function of document, generator and rate."""


def apply(name: str, document: Document, seed: int, rate: float = 1.0) -> Document:
    """Run one augmentation with a generator of its own."""
    return STEPS[name](document, Random(seed), rate)
