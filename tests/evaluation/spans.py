"""Random marks and predictions of one short text: overlapping, repeated, open and left out."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

from hypothesis import strategies as st

from ossamma.schema.spans import Annotation, Document, Entity

TEXT = "ab cd efg"
TYPES = ("A", "B", "C")

Case = tuple[Document, list[Entity]]

_borders = st.tuples(st.integers(0, 8), st.integers(1, 9)).filter(lambda x: x[0] < x[1])
_few_borders = st.sampled_from([(0, 2), (0, 5), (3, 5), (3, 9)])
borders = st.one_of(_few_borders, _borders)
types = st.sampled_from(TYPES)
candidates = st.one_of(
    types.map(lambda name: (name,)),
    st.sets(types, min_size=1).map(lambda names: tuple(sorted(names))),
)


def claim(start: int, end: int, label: str, confidence: float = 1.0) -> Entity:
    return Entity(start, end, label, TEXT[start:end], confidence)


def document(*marks: Annotation, annotates: str | None = None) -> Document:
    known = None if annotates is None else frozenset(annotates)
    return Document("d", TEXT, annotations=marks, annotates=known)


def mark(start: int, end: int, labels: str) -> Annotation:
    return Annotation(start, end, tuple(labels))


claims = st.builds(
    lambda span, label, confidence: claim(*span, label, confidence),
    borders,
    types,
    st.sampled_from([0.25, 0.5, 1.0]),
)
marks = st.builds(lambda span, labels: Annotation(*span, labels), borders, candidates)
sole_marks = st.builds(lambda span, label: Annotation(*span, (label,)), borders, types)


def cases(
    gold: st.SearchStrategy[Annotation] = marks, most: int = 4, *, complete: bool = False
) -> st.SearchStrategy[Case]:
    """A document with at most so many marks, and as many predictions; `complete`: it has all."""
    annotates = st.none() if complete else st.none() | st.frozensets(types)
    return st.tuples(
        st.builds(
            lambda found, known: Document("d", TEXT, annotations=tuple(found), annotates=known),
            st.lists(gold, max_size=most),
            annotates,
        ),
        st.lists(claims, max_size=most),
    )


def shuffled(case: Case, seed: int) -> Case:
    """The same case in another order."""
    generator = random.Random(seed)
    gold = list(case[0].annotations or ())
    generator.shuffle(gold)
    return replace(case[0], annotations=tuple(gold)), generator.sample(case[1], len(case[1]))


def swapped(case: Case) -> Case:
    """Predictions as marks and marks, of one type each, as predictions."""
    gold, found = case
    return (
        replace(gold, annotations=tuple(Annotation(e.start, e.end, (e.label,)) for e in found)),
        [claim(a.start, a.end, a.label) for a in gold.annotations or ()],
    )


def disjoint(generator: random.Random, length: int, most: int) -> list[tuple[int, int]]:
    """Borders of at most so many spans that do not overlap, ascending."""
    found = []
    start = generator.randrange(4)
    while start < length and len(found) < most:
        end = min(length, start + generator.randint(1, 4))
        found.append((start, end))
        start = end + generator.randrange(4)
    return found


def tags_of(spans: Sequence[tuple[int, int, str]], length: int) -> list[str]:
    """BIO tags of spans that do not overlap."""
    tags = ["O"] * length
    for start, end, label in spans:
        tags[start:end] = [f"B-{label}", *[f"I-{label}"] * (end - start - 1)]
    return tags


def random_tags(generator: random.Random, length: int, types: Sequence[str]) -> list[str]:
    """Well-formed BIO tags: every entity begins with B-."""
    spans = [(*span, generator.choice(types)) for span in disjoint(generator, length, length)]
    return tags_of(spans, length)


def corrupted(generator: random.Random, tags: Sequence[str], types: Sequence[str]) -> list[str]:
    """Other well-formed tags of the same length, most of them alike."""
    other = random_tags(generator, len(tags), types)
    first, last = sorted(generator.randint(0, len(tags)) for _ in range(2))
    mixed = [*tags[:first], *other[first:last], *tags[last:]]
    fixed: list[str] = []
    for tag in mixed:
        previous = fixed[-1][2:] if fixed else ""
        fixed.append(f"B-{tag[2:]}" if tag[0] == "I" and tag[2:] != previous else tag)
    return fixed
