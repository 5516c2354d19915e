"""Files with inline markers: documents, units, what is reported, and every fault with its line."""

from __future__ import annotations

from functools import partial

import pytest

from ossamma.data.readers.inline_markers import (
    InlineMarkersFormat,
    mark_document,
    read_inline_markers,
)
from ossamma.schema.errors import ConfigurationError, DataError, FormatError
from ossamma.schema.spans import Annotation, Document, Provenance, Span

TYPES = frozenset({"PERSON", "ORG"})


@pytest.fixture
def read(reading):
    """Write a file and read it."""
    return partial(reading("notes.txt", read_inline_markers, InlineMarkersFormat), types=TYPES)


def test_a_file_is_one_document(read, tmp_path):
    corpus = read("<PERSON>Ada</PERSON> met\n\n[[ORG:Acme]].\r\n")
    (document,) = corpus.documents
    assert document.text == "Ada met\n\nAcme.\n"
    assert document.annotations == (
        Annotation(0, 3, ("PERSON",), "marker"),
        Annotation(9, 13, ("ORG",), "marker"),
    )
    assert (document.id, document.group) == ("notes-1", "notes")
    assert document.annotates == TYPES
    assert document.provenance == Provenance(str(tmp_path / "notes.txt"), 1)
    assert (corpus.format, corpus.report.documents, corpus.report.entities) == (
        "inline_markers",
        1,
        2,
    )
    assert corpus.report.labels == {"PERSON": 1, "ORG": 1}


@pytest.mark.parametrize(
    ("unit", "texts", "lines"),
    [
        ("paragraph", ["a\nb", "c", "  d\n"], [2, 5, 8]),
        ("line", ["a", "b", "c", "  d"], [2, 3, 5, 8]),
        ("file", ["\na\nb\n\nc\n \n\n  d\n"], [1]),
    ],
)
def test_units(read, unit, texts, lines):
    documents = read("\na\nb\n\nc\n \n\n  d\n", unit=unit).documents
    assert [d.text.lstrip("\n") for d in documents] == [text.lstrip("\n") for text in texts]
    assert [d.id for d in documents] == [f"notes-{n}" for n in range(1, len(texts) + 1)]
    if unit != "file":
        assert [d.provenance.line for d in documents] == lines


def test_what_looks_like_a_marker_is_reported(read):
    corpus = read("<PERSN>x</PERSN>\n<b>y</b> <P> [[LOC:z]]\n<Person>w</Person> <ORG>v</ORG>")
    assert corpus.report.skipped == ()
    assert [(note.line, note.text.split()[0]) for note in corpus.report.notes] == [
        (1, "'<PERSN>'"),
        (2, "'[[LOC:'"),
        (3, "'<Person>'"),
    ]
    assert corpus.report.entities == 1


def test_silence_may_mean_nothing(read):
    assert read("x", exhaustive=False).documents[0].annotates == frozenset()


@pytest.mark.parametrize("unit", ["file", "paragraph", "line"])
def test_a_fault_has_its_line_in_the_file(read, unit):
    with pytest.raises(FormatError, match=r"line 4, column 3") as caught:
        read("a\n\nb\nc </ORG>\n", unit=unit)
    assert caught.value.line == 4


def test_a_marker_does_not_cross_units(read):
    with pytest.raises(FormatError, match="end of the text") as caught:
        read("x\n\n<ORG>a\n\nb</ORG>", unit="paragraph")
    assert caught.value.line == 3


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        (b"", DataError, "empty"),
        (b"  \n", DataError, "empty"),
        (b"a\ncaf\xe9", FormatError, ":2: .*0xe9"),
        (b"\xff\xfea\0", FormatError, "byte-order mark"),
        (b"a\0b", FormatError, "NUL"),
        (b"x" * 101, FormatError, "at most 100 bytes"),
    ],
)
def test_files_that_are_no_text(read, content, error, message):
    with pytest.raises(error, match=message):
        read(content, max_line_bytes=100)


@pytest.mark.parametrize("settings", [{"unit": "page"}, {"max_line_bytes": 0}])
def test_settings_are_checked_at_birth(settings):
    with pytest.raises(ConfigurationError, match=next(iter(settings))):
        InlineMarkersFormat(types=TYPES, **settings)
    with pytest.raises(ConfigurationError, match="a type in a marker"):
        InlineMarkersFormat(types=frozenset({"A B"}))


def test_an_extracted_document_is_marked():
    document = Document(id="x-1", text="a\n<ORG>Acme</ORG>", provenance=Provenance("x.pdf"))
    marked = mark_document(document, TYPES)
    assert (marked.text, marked.id) == ("a\nAcme", "x-1")
    assert marked.annotations == (Annotation(2, 6, ("ORG",), "marker"),)
    assert marked.annotates == TYPES
    broken = Document(id="x-1", text="a\n<ORG>", provenance=Provenance("x.txt", 11))
    with pytest.raises(FormatError, match=r"x\.txt:12: "):
        mark_document(broken, TYPES)


@pytest.mark.parametrize("known", [{"annotations": ()}, {"words": (Span(0, 1),)}])
def test_places_in_a_marked_text_would_shift(known):
    with pytest.raises(DataError, match="would shift"):
        mark_document(Document(id="x", text="a <ORG>b</ORG>", **known), TYPES)
