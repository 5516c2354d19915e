from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossamma.data.findings import (
    Finding,
    Kind,
    findings_of,
    loose_edges,
    word_ranges,
    words_touched,
)
from ossamma.schema.spans import Annotation, Document, Span

TEXT = "The U.S. firm Acme Ltd, of York, said so"


def kinds(document: Document, **bounds: int) -> list[tuple[Kind, str]]:
    return [(finding.kind, finding.text) for finding in findings_of(document, **bounds)]


def marked(text: str, *surfaces: str, **fields) -> Document:
    marks = [(text.index(surface), surface) for surface in surfaces]
    annotations = tuple(Annotation(at, at + len(surface), ("T",)) for at, surface in marks)
    return Document("d", text, annotations=annotations, **fields)


def test_a_sound_document_has_no_findings():
    assert kinds(marked(TEXT, "U.S.", "Acme Ltd", "York")) == []


@pytest.mark.parametrize(
    ("surface", "expected"),
    [
        ("Acme Ltd,", [Kind.PUNCTUATION]),
        (" York", [Kind.SPACE]),
        (" York, ", [Kind.SPACE, Kind.PUNCTUATION]),
        ("cme Ltd", [Kind.MISALIGNED]),
        ("Acme Lt", [Kind.MISALIGNED]),
        (" ", [Kind.SPACE]),
        ("U.S", []),
    ],
)
def test_spans_with_faulty_borders(surface, expected):
    assert kinds(marked(TEXT, surface)) == [(kind, surface) for kind in expected]


def test_the_document_s_own_words_decide():
    text = "Acme Ltd, said"
    words = (Span(0, 4), Span(5, 9), Span(10, 14))
    assert kinds(marked(text, "Acme Ltd", words=words)) == [(Kind.MISALIGNED, "Acme Ltd")]


@pytest.mark.parametrize(
    ("surface", "edges"),
    [
        ("York,", (0, 1)),
        ("Project .", (0, 1)),
        ("St .", (0, 0)),
        ("Inc.", (0, 0)),
        ("Calif.", (0, 0)),
        ("J.R.R.", (0, 0)),
        ("Bahrain.", (0, 1)),
        ('"York', (1, 0)),
        ('"York"', (0, 0)),
        ("\u201cYork,", (1, 1)),
        ("(Quasar RAT", (1, 0)),
        ("(R) Co", (0, 0)),
        (",", (0, 0)),
        ('"', (0, 0)),
        ('",', (0, 0)),
    ],
)
def test_what_hangs_on_the_edges(surface, edges):
    assert loose_edges(surface) == edges


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        ([(0, 3, "A"), (4, 7, "A")], []),
        ([(0, 3, "A"), (0, 3, "A")], [Kind.DUPLICATE]),
        ([(0, 3, "A"), (0, 3, "B")], [Kind.CONTRADICTION]),
        ([(0, 7, "A"), (4, 11, "A")], [Kind.OVERLAP]),
        ([(0, 11, "A"), (0, 3, "A"), (4, 7, "A")], [Kind.OVERLAP, Kind.OVERLAP]),
        ([(0, 7, "A"), (0, 3, "A"), (4, 11, "A")], [Kind.OVERLAP, Kind.OVERLAP]),
    ],
)
def test_spans_that_meet(spans, expected):
    marks = tuple(Annotation(start, end, (label,)) for start, end, label in spans)
    document = Document("d", "one two three four five", annotations=marks)
    assert [kind for kind, _ in kinds(document) if kind is not Kind.MISALIGNED] == expected


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 4), st.sampled_from("AB")), max_size=6))
def test_meetings_are_found_exactly_where_spans_overlap(spans):
    marks = tuple(Annotation(start, start + size, (label,)) for start, size, label in spans)
    document = Document("d", "x" * 13, annotations=marks)
    met = {Kind.DUPLICATE, Kind.CONTRADICTION, Kind.OVERLAP}
    found = sum(kind in met for kind, _ in kinds(document))
    ordered = sorted(marks)
    brute = sum(
        any(other.end > mark.start for other in ordered[:place])
        for place, mark in enumerate(ordered)
    )
    assert found == brute


def test_long_spans_and_types_that_were_not_promised():
    document = marked("one two three", "one two three", annotates=frozenset({"U"}))
    assert kinds(document, max_words=2) == [
        (Kind.LONG, "one two three"),
        (Kind.NOT_ANNOTATED, "one two three"),
    ]
    assert kinds(document, max_words=3) == [(Kind.NOT_ANNOTATED, "one two three")]
    promised = marked("one two three", "one", annotates=frozenset({"T"}))
    assert kinds(promised) == []


@pytest.mark.parametrize(("surfaces", "found"), [(["a b", "c d"], 1), (["a b", "d"], 0), ([], 0)])
def test_documents_of_nothing_but_entities(surfaces, found):
    assert kinds(marked("a b c d", *surfaces)) == [(Kind.ALL_ENTITY, "a b c d")] * found
    assert kinds(marked("a b c d", *surfaces), all_entity_words=5) == []


@pytest.mark.parametrize("text", ["", " \n"])
def test_empty_documents(text):
    assert kinds(Document("d", text)) == [(Kind.EMPTY, text)]


@pytest.mark.parametrize(
    "original", ["caf\u00e9", "\u00fcber", "it\u2019s", "\u201cyes\u201d", "5\u00a0km", "\ufeffx"]
)
@pytest.mark.parametrize("wrong", ["latin-1", "cp1252"])
def test_text_decoded_by_the_wrong_table(original, wrong):
    mangled = original.encode().decode(wrong, errors="replace")
    assert Kind.ENCODING in [kind for kind, _ in kinds(Document("d", mangled))]
    assert kinds(Document("d", original)) == []


@pytest.mark.parametrize(
    "text",
    [
        "S\u00c3O PAULO",
        "\u00c2ngela",
        "p\u00e2t\u00e9",
        "na\u00efve \u00bb",
        "\u00ab \u00c0 \u00bb",
        "a\x85b",
    ],
)
def test_sound_text_with_suspicious_letters(text):
    assert kinds(Document("d", text)) == []


def test_an_encoding_finding_shows_its_surroundings():
    finding = next(findings_of(Document("d", "x" * 50 + "\ufffd" + "y" * 50)))
    assert finding == Finding(Kind.ENCODING, 30, 71, "x" * 20 + "\ufffd" + "y" * 20)


@given(st.text(st.sampled_from("ab .,\u00e9")), st.integers(0, 9), st.integers(1, 9))
def test_touched_words_are_those_with_a_character_in_common(text, start, size):
    words = word_ranges(Document("d", text))
    first, end = words_touched(words, start, start + size)
    brute = [n for n, word in enumerate(words) if word[0] < start + size and start < word[1]]
    assert list(range(first, end)) == brute
