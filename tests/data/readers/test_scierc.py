"""JSON lines of SciERC: mentions by words of the document, overlaps, and everything malformed."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ossamma.data.readers.scierc import SciercFormat, read_scierc
from ossamma.schema.errors import DataError, FormatError
from ossamma.schema.spans import Annotation, Document, Provenance, Span
from tests.data.readers.laws import check_laws, damaged, found, json_lines, read_or_refuse, reasons

RECORD = {
    "doc_key": "A-1",
    "sentences": [["We", "use", "CRFs", "."], ["They", "tag", "words"]],
    "ner": [[[2, 2, "Method"]], [[4, 4, "Generic"], [5, 6, "Task"]]],
    "relations": [[], [[4, 4, 5, 6, "USED-FOR"]]],
    "clusters": [[[2, 2], [4, 4]]],
}


@pytest.fixture
def read(reading):
    """Write records (objects or raw text) and read them."""
    read_file = reading("file.json", read_scierc, SciercFormat)
    return lambda *records, **options: read_file(json_lines(*records), **options)


def test_a_record_in_full(read, tmp_path):
    corpus = read(RECORD)
    assert corpus.format == "scierc"
    assert corpus.documents == (
        Document(
            id="A-1",
            text="We use CRFs .\nThey tag words",
            words=tuple(
                Span(*pair)
                for pair in [(0, 2), (3, 6), (7, 11), (12, 13), (14, 18), (19, 22), (23, 28)]
            ),
            sentence_starts=(0, 4),
            annotations=(
                Annotation(7, 11, ("Method",)),
                Annotation(14, 18, ("Generic",)),
                Annotation(19, 28, ("Task",)),
            ),
            provenance=Provenance(str(tmp_path / "file.json"), 1),
        ),
    )
    assert (corpus.report.sentences, corpus.report.words) == (2, 7)
    assert reasons(corpus) == {"one of the relations": 1, "one of the clusters": 1}
    check_laws(corpus)


def test_the_longest_of_overlapping_mentions_is_kept(read):
    ner = [[[0, 1, "A"], [1, 3, "B"], [1, 1, "C"]], []]
    corpus = read(RECORD | {"ner": ner, "relations": [], "clusters": []})
    assert found(corpus) == [("use CRFs .", "B")]
    assert reasons(corpus) == {"a mark that overlaps another (the longest is kept)": 2}


def test_without_mentions_it_is_unlabelled(read):
    assert read({"doc_key": "a", "sentences": [["x"]]}).documents[0].annotations is None


def test_empty_sentences_have_no_words(read):
    corpus = read({"doc_key": "a", "sentences": [[], ["x"], []], "ner": [[], [[0, 0, "A"]], []]})
    assert found(corpus) == [("x", "A")]
    assert corpus.documents[0].sentence_starts == (0,)


MALFORMED = {
    "no key": ({"sentences": [["x"]]}, 'with the key "doc_key"'),
    "no sentences": ({"doc_key": "a"}, 'with the key "sentences"'),
    "no words": ({"doc_key": "a", "sentences": [[]]}, "a document with words"),
    "sentence a string": ({"doc_key": "a", "sentences": ["x y"]}, "to be a list, got the string"),
    "word a number": ({"doc_key": "a", "sentences": [[1]]}, "to be a string"),
    "empty word": ({"doc_key": "a", "sentences": [["x", " "]]}, "item 2 .*to be a word"),
    "line end in a word": ({"doc_key": "a", "sentences": [["x\ny"]]}, "to be a word"),
    "lone surrogate": ('{"doc_key": "a", "sentences": [["\\ud800"]]}', "whole characters"),
    "lists of mentions": (RECORD | {"doc_key": "a", "ner": [[]]}, "each of 2 sentences, got 1"),
    "mention of two": (RECORD | {"doc_key": "a", "ner": [[[0, 1]], []]}, "got a list of 2"),
    "mention of words": (RECORD | {"doc_key": "a", "ner": [[["a", 1, "A"]], []]}, "an integer"),
    "other sentence": (
        RECORD | {"doc_key": "a", "ner": [[[4, 4, "A"]], []]},
        "the words 0 to 3 of the document, got .'4', '4'",
    ),
    "across sentences": (RECORD | {"doc_key": "a", "ner": [[[3, 4, "A"]], []]}, "in its sentence"),
    "negative": (RECORD | {"doc_key": "a", "ner": [[[-1, 0, "A"]], []]}, "in its sentence"),
    "backwards": (RECORD | {"doc_key": "a", "ner": [[[2, 1, "A"]], []]}, "in its sentence"),
    "endless": (RECORD | {"doc_key": "a", "ner": [[[0, 10**999, "A"]], []]}, "in its sentence"),
    "type O": (RECORD | {"doc_key": "a", "ner": [[[0, 0, "O"]], []]}, "not 'O'"),
    "key twice": (RECORD, "an id that no earlier document has, got 'A-1'"),
    "broken": ('{"doc_key": ', "bad JSON"),
}


@pytest.mark.parametrize(("line", "message"), MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_record_is_refused_by_its_line(read, line, message):
    with pytest.raises(FormatError, match=rf"file\.json:3: expected .*{message}") as caught:
        read(RECORD, "", line)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    ("content", "kind", "message"),
    [
        (b"", DataError, "the file is empty"),
        (b"\xef\xbb\xbf\n", DataError, "no document in the file"),
        (b'{"doc_key": "\xe9"}', FormatError, ":1: expected UTF-8"),
        (b"{}\n\0", FormatError, ":2: .*NUL"),
        (b'{"doc_key": "' + b"x" * 2000, FormatError, ":1: expected a line of at most 999"),
    ],
)
def test_hopeless_files(tmp_path, content, kind, message):
    path = tmp_path / "file.json"
    path.write_bytes(content)
    with pytest.raises(kind, match=message):
        read_scierc(path, SciercFormat(max_line_bytes=999))


def test_too_many_mentions(read):
    with pytest.raises(FormatError, match=":1: expected at most 5 marks"):
        read(RECORD | {"ner": [[[0, 0, "A"]] * 6, []]}, max_annotations=5)


words = st.text(st.characters(codec="utf-8"), min_size=1, max_size=5).filter(
    lambda word: bool(word.strip()) and "\n" not in word
)
sentences = st.lists(st.lists(words, min_size=1, max_size=5), min_size=1, max_size=4)


@settings(max_examples=40)
@given(drawn=sentences, data=st.data())
def test_what_is_written_is_read(tmp_path_factory, drawn, data):
    path = tmp_path_factory.getbasetemp() / "scierc-round.json"
    ner, expected, first = [], [], 0
    for sentence in drawn:
        cut = data.draw(st.integers(0, len(sentence)))
        ner.append([[first, first + cut - 1, "X"]] if cut else [])
        expected += [(" ".join(sentence[:cut]), "X")] if cut else []
        first += len(sentence)
    record = {"doc_key": "k", "sentences": drawn, "ner": ner}
    path.write_text(json.dumps(record, ensure_ascii=False), encoding="utf-8", newline="")
    corpus = read_scierc(path)
    assert found(corpus) == expected
    assert corpus.report.words == first


@settings(max_examples=80)
@given(content=damaged(json.dumps(RECORD).encode() + b'\n{"doc_key": "b", "sentences": [["x"]]}'))
def test_any_damage_is_read_or_refused(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "scierc-scraps.json"
    path.write_bytes(content)
    read_or_refuse(read_scierc, path)
