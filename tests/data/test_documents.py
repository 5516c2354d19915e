"""Documents of the user: the same marks out of every format, and every fault with its place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossamma.data.documents import DocumentFormat, UnmarkedStream, read_marked
from ossamma.data.readers.markers import add_markers
from ossamma.data.text.extract import TextSettings
from ossamma.schema.errors import DataError, FormatError
from ossamma.schema.spans import Annotation, Provenance
from tests.data.text.files import make_docx, make_epub, make_pdf

TYPES = frozenset({"PERSON", "PLACE", "TIME"})
TAGS = "<PERSON>Ada</PERSON> met [[PERSON:Bob]] in <PLACE>Oslo</PLACE>."
ESCAPED = TAGS.replace("<", "&lt;").replace(">", "&gt;")
FORMATS = {
    "a.txt": TAGS.encode(),
    "a.md": f"# On *people*\n\n{TAGS}\n".encode(),
    "a.html": f"<html><body><TABLE><TR><TD>x</TD></TR></TABLE><p>{TAGS}</p></body></html>".encode(),
    "b.html": f"<html><body><p>{ESCAPED}</p></body></html>".encode(),
    "a.docx": make_docx("First.", TAGS),
    "a.pdf": make_pdf([["First page."], [TAGS]]),
    "a.epub": make_epub({"one.xhtml": f"<p>{ESCAPED}</p>"}),
}


@pytest.fixture
def read(tmp_path):
    """Write a file and read it."""

    def write_and_read(name, content, **options):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_marked(path, DocumentFormat(types=TYPES, **options), group="mine/" + name)

    return write_and_read


def marks(document):
    return [(document.text[a.start : a.end], a.label) for a in document.annotations]


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_the_same_marks(read, name):
    corpus = read(name, FORMATS[name])
    [document] = corpus.documents
    assert marks(document) == [("Ada", "PERSON"), ("Bob", "PERSON"), ("Oslo", "PLACE")]
    assert document.text.endswith("Ada met Bob in Oslo.")
    assert {a.origin for a in document.annotations} == {"marker"}
    assert (document.id, document.group) == (f"{name[0]}-1", f"mine/{name}")
    assert corpus.report.labels == {"PERSON": 2, "PLACE": 1}


def test_a_document_vouches_for_the_types_it_has_marks_of(read):
    assert read("a.txt", TAGS).documents[0].annotates == {"PERSON", "PLACE"}
    assert read("a.txt", "<PERSON|PLACE>Ada</PERSON|PLACE>").documents[0].annotates == frozenset()
    [stated] = read("a.txt", TAGS, annotates=frozenset({"TIME"})).documents
    assert stated.annotates == {"TIME"}


def test_a_document_without_marks_says_something_only_if_the_user_does(read):
    with pytest.raises(DataError, match=r"expected a marker such as <PERSON>.*--own-text"):
        read("a.txt", "Nothing here.")
    with pytest.raises(DataError, match="expected a marker"):
        read("a.txt", "Nothing here.", annotates=frozenset())
    [document] = read("a.txt", "Nothing here.", annotates=TYPES).documents
    assert (document.annotations, document.annotates) == ((), TYPES)


MISSPELT = "First line.\nThe <PERSN>Ada</PERSN> here."


@pytest.mark.parametrize(
    ("name", "content", "place"),
    [
        ("a.txt", MISSPELT, r"a\.txt:2: .*\(line 2, column 5, "),
        ("a.md", MISSPELT, r"a\.md: .*line 2 of the extracted text"),
        ("a.html", f"<p>x</p><p>{MISSPELT}</p>", r"a\.html: .*line 3 of the extracted text"),
        ("a.docx", make_docx(*MISSPELT.split("\n")), r"a\.docx: .*line 2 of the extracted text"),
        ("a.pdf", make_pdf([["One"], ["The <PERSN>Ada</PERSN>"]]), r"a\.pdf: .*\(page 2, line "),
    ],
)
def test_a_misspelt_type_is_named_with_its_place_and_the_nearest(read, name, content, place):
    with pytest.raises(FormatError, match=rf"{place}.*; did you mean PERSON\?") as caught:
        read(name, content)
    assert "got <PERSN>" in str(caught.value)


@pytest.mark.parametrize(
    "token", ["<Person>Ada</Person>", "[[PERSN:Ada]]", "[[person:Ada]]", "<PERSON|X>Ada</PERSON|X>"]
)
def test_other_ways_to_misspell_a_type(read, token):
    with pytest.raises(FormatError, match="expected a marker of one of the profile's 3 types"):
        read("a.txt", f"{TAGS} {token}")


@pytest.mark.parametrize(
    "text",
    [
        "copy <FILE> to <TARGET>",  # nothing ends
        r"\<CITY>Rome</CITY>",
        r"\[[CITY:Rome]]",
        "<EM>old</EM> <time>HTML</time>",
        "[[a link]] [[File:a.png]]",
        "a < b and c > d",
    ],
)
def test_what_is_no_marker_stays_text(read, text):
    [document] = read("a.txt", f"{TAGS}\n{text}").documents
    assert len(document.annotations) == 3
    assert document.text.endswith(f"\n{text}")


def test_a_marker_at_fault_is_found_on_its_page(read):
    pages = make_pdf([["One"], ["A <PERSON>Ada"]])
    with pytest.raises(FormatError, match=r"expected '</PERSON>' .* extracted text \(page 2\)"):
        read("a.pdf", pages)
    with pytest.raises(FormatError, match=r"a\.txt:2: expected '</PERSON>'"):
        read("a.txt", "One\nA <PERSON>Ada")


def test_what_the_text_does_not_hold_is_listed(read):
    [remark] = read("a.md", f"---\ntitle: x\n---\n{TAGS}").report.skipped
    assert "front matter" in str(remark)


def test_plain_text_knows_its_lines(read):
    content = f"{TAGS}\n\n{TAGS}\n"
    corpus = read("a.txt", content, text=TextSettings(max_document_characters=30))
    assert [d.provenance.line for d in corpus.documents] == [1, 3]
    assert {d.group for d in corpus.documents} == {"mine/a.txt"}
    assert {d.annotates for d in corpus.documents} == {frozenset({"PERSON", "PLACE"})}
    assert read("a.md", content).documents[0].provenance == Provenance(
        str(corpus.path.with_suffix(".md")), None
    )


@st.composite
def marked_texts(draw):
    """Words with blanks and line ends between them, some runs of which are marked."""
    words = draw(st.lists(st.text("abcé", min_size=1, max_size=6), min_size=1, max_size=30))
    blanks = draw(st.lists(st.sampled_from([" ", "\n", "\n\n"]), min_size=30, max_size=30))
    text, spans = "", []
    for word, blank in zip(words, blanks, strict=False):
        spans.append((len(text), len(text) + len(word)))
        text += word + blank
    annotations, first = [], 0
    while first < len(spans):
        last = min(first + draw(st.integers(0, 3)), len(spans) - 1)
        if draw(st.booleans()):
            label = draw(st.sampled_from(sorted(TYPES)))
            annotations.append(Annotation(spans[first][0], spans[last][1], (label,), "marker"))
        first = last + 1
    return text, annotations


@given(marked_texts(), st.integers(1, 40))
def test_pieces_of_any_length_keep_every_mark_whole(tmp_path_factory, marked, limit):
    text, annotations = marked
    path = tmp_path_factory.mktemp("pieces") / "a.txt"
    path.write_text(add_markers(text, annotations, TYPES), encoding="utf-8", newline="")
    settings = DocumentFormat(
        types=TYPES, annotates=TYPES, text=TextSettings(max_document_characters=limit)
    )
    documents = read_marked(path, settings, group="g").documents
    surfaces = [(text[a.start : a.end], a.label) for a in annotations]
    assert [mark for document in documents for mark in marks(document)] == surfaces
    assert "".join("".join(d.text for d in documents).split()) == "".join(text.split())
    assert all(len(d.text) <= limit or d.annotations for d in documents)


def test_unmarked_text_is_read_in_pieces_of_one_group(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("One two.\n\nThree four.\n")
    settings = DocumentFormat(types=TYPES, text=TextSettings(max_document_characters=12))
    stream = UnmarkedStream(path, settings, group="mine/a.txt")
    documents = list(stream)
    assert [(d.id, d.group) for d in documents] == [("a-1", "mine/a.txt"), ("a-2", "mine/a.txt")]
    assert {d.annotations for d in documents} == {None}
    assert stream.report.documents == 2


@pytest.mark.parametrize("name", FORMATS)
def test_marks_in_a_text_that_is_said_to_have_none_are_not_lost(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(FORMATS[name])
    with pytest.raises(DataError, match=r"got <PERSON> in .*with --own$"):
        list(UnmarkedStream(path, DocumentFormat(types=TYPES), group="g"))
