"""JSON lines of doccano: both forms of marks, what offsets count, and everything malformed."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ossamma.data.readers.doccano import DoccanoFormat, read_doccano
from ossamma.schema.errors import ConfigurationError, DataError, FormatError
from ossamma.schema.spans import Annotation, Document, Provenance
from tests.data.readers.laws import check_laws, damaged, found, json_lines, read_or_refuse, reasons

TEXT = "Ada met Bob"


@pytest.fixture
def read(reading):
    """Write records (objects or raw text) and read them."""
    read_file = reading("file.jsonl", read_doccano, DoccanoFormat)
    return lambda *records, **options: read_file(json_lines(*records), **options)


def test_a_record_in_full(read, tmp_path):
    corpus = read({"id": 7, "text": TEXT, "label": [[8, 11, "PER"], [0, 3, "PER"]], "meta": {}})
    assert corpus.format == "doccano"
    assert corpus.documents == (
        Document(
            id="file-7",
            text=TEXT,
            annotations=(Annotation(0, 3, ("PER",)), Annotation(8, 11, ("PER",))),
            provenance=Provenance(str(tmp_path / "file.jsonl"), 1),
        ),
    )
    check_laws(corpus)


@pytest.mark.parametrize(
    "marks",
    [
        {"label": [[0, 3, "A b"]]},
        {"labels": [[0, 3, "A b"]]},
        {"entities": [[0, 3, "A b"]]},
        {"entities": [{"id": 1, "label": "A b", "start_offset": 0, "end_offset": 3}]},
        {"labels": [[0, 3, "A b"]], "label": None},
    ],
)
def test_every_form_of_marks(read, marks):
    assert found(read({"text": TEXT, **marks})) == [("Ada", "A_b")]


def test_silence_differs_from_nothing_found(read):
    unlabelled, empty = read({"text": TEXT}, "", {"text": TEXT, "label": []}).documents
    assert (unlabelled.annotations, empty.annotations) == (None, ())
    assert (unlabelled.id, empty.id) == ("file-1", "file-3")


def test_relations_are_counted(read):
    corpus = read({"text": TEXT, "entities": [], "relations": [{"id": 1}, {"id": 2}]})
    assert reasons(corpus) == {"a relation": 2}


def test_overlaps_follow_the_policy(read):
    record = {"text": TEXT, "label": [[0, 7, "A"], [4, 11, "B"], [4, 7, "C"]]}
    assert found(read(record)) == [("Ada met", "A")]
    assert found(read(record, keep="shortest")) == [("met", "C")]


def test_offsets_behind_an_emoji_need_a_statement(read):
    record = {"text": "Ada \U0001f600 Bob", "label": [[7, 10, "PER"]]}
    with pytest.raises(FormatError, match=r':1: expected the setting units, "code_points"'):
        read(record)
    assert found(read(record, units="utf16")) == [("Bob", "PER")]
    with pytest.raises(FormatError, match=r"0 <= start < end <= 9"):
        read(record, units="code_points")
    record["label"] = [[6, 9, "PER"]]
    assert found(read(record, units="code_points")) == [("Bob", "PER")]
    record["label"] = [[0, 3, "PER"]]
    assert found(read(record)) == [("Ada", "PER")]
    record["label"] = [[5, 6, "X"]]  # half an emoji
    with pytest.raises(FormatError, match="0 <= start < end"):
        read(record, units="utf16")


MALFORMED = {
    "broken JSON": ('{"text": "a"', "bad JSON"),
    "a list": ([1], "the record to be an object .*got a list"),
    "no text": ({"data": "a"}, "the key \"text\", got one with 'data'"),
    "text a number": ({"text": 1}, '"text" to be a string, got a number'),
    "lone surrogate": ('{"text": "a\\ud83d"}', r"whole characters, got the lone surrogate U\+D83D"),
    "two keys": ({"text": "a", "label": [], "entities": []}, 'under one key, got "label" and "ent'),
    "classification": ({"text": "a", "label": ["good"]}, "sequence labelling"),
    "label ids": ({"text": "a", "label": [[0, 1, 5]]}, "item 3 .*to be a string, got a number"),
    "two parts": ({"text": "a", "label": [[0, 1]]}, r"to be \[start, end, type\], got a list"),
    "float": ({"text": "a", "label": [[0, 1.0, "A"]]}, "to be an integer, got a number"),
    "boolean": ({"text": "a", "label": [[False, 1, "A"]]}, "to be an integer, got false"),
    "no end": ({"text": "a", "entities": [{"start_offset": 0, "label": "A"}]}, '"end_offset"'),
    "beyond": ({"text": "a", "label": [[0, 2, "A"]]}, r"<= 1.*got \[0, 2\)"),
    "far beyond": ({"text": "a", "label": [[0, 10**40, "A"]]}, "more than 20 digits"),
    "white space": ({"text": "a ", "label": [[1, 2, "A"]]}, "only white space"),
    "empty type": ({"text": "a", "label": [[0, 1, ""]]}, "a type of 1-100"),
    "an id twice": ({"id": 1, "text": "a"}, "an id that no earlier document has, got 'file-1'"),
    "an id that is none": ({"id": [1], "text": "a"}, '"id" to be an integer, got a list'),
    "key twice": ('{"text": "a", "text": "b"}', "stands twice"),
    "too deep": ('{"meta": ' + "[" * 100_000, "nested too deeply"),
}


@pytest.mark.parametrize(("line", "message"), MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_record_is_refused_by_its_line(read, line, message):
    with pytest.raises(FormatError, match=rf"file\.jsonl:3: expected .*{message}") as caught:
        read({"id": 1, "text": "good"}, "", line)
    assert caught.value.line == 3


@pytest.mark.parametrize(
    ("content", "kind", "message"),
    [
        (b"", DataError, "the file is empty"),
        (b"\xef\xbb\xbf\n", DataError, "no record in the file"),
        (b'{"text": "caf\xe9"}', FormatError, ":1: expected UTF-8"),
        (b"{}\0", FormatError, ":1: .*NUL"),
        (b'{"text": "' + b"x" * 2000 + b'"}', FormatError, ":1: expected a line of at most 999"),
    ],
)
def test_hopeless_files(tmp_path, content, kind, message):
    path = tmp_path / "file.jsonl"
    path.write_bytes(content)
    with pytest.raises(kind, match=message):
        read_doccano(path, DoccanoFormat(max_line_bytes=999))


def test_too_many_marks(read):
    with pytest.raises(FormatError, match=":1: expected at most 5 marks"):
        read({"text": "a", "label": [[0, 1, "A"]] * 6}, max_annotations=5)


@pytest.mark.parametrize("units", ["graphemes", "", "utf-16"])
def test_units_that_do_not_exist(units):
    with pytest.raises(ConfigurationError, match="units must be 'code_points' or 'utf16'"):
        DoccanoFormat(units=units)


texts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)


@settings(max_examples=40)
@given(
    drawn=st.lists(texts, min_size=1, max_size=4), units=st.sampled_from(["code_points", "utf16"])
)
def test_what_is_written_is_read(tmp_path_factory, drawn, units):
    path = tmp_path_factory.getbasetemp() / "doccano-round.jsonl"
    expected = []
    with path.open("w", encoding="utf-8", newline="") as file:
        for text in drawn:
            visible = bool(text.strip())
            length = len(text) if units == "code_points" else len(text.encode("utf-16-le")) // 2
            marks = [[0, length, "X"]] if visible else []
            file.write(json.dumps({"text": text, "label": marks}, ensure_ascii=False) + "\n")
            expected += [(text, "X")] if visible else []
    corpus = read_doccano(path, DoccanoFormat(units=units))
    assert [document.text for document in corpus.documents] == drawn
    assert found(corpus) == expected


GOOD = (
    b'{"id": 1, "text": "Ada met Bob", "label": [[0, 3, "PER"]]}\n{"text": "x", "relations": []}\n'
)


@settings(max_examples=80)
@given(content=damaged(GOOD))
def test_any_damage_is_read_or_refused(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "doccano-scraps.jsonl"
    path.write_bytes(content)
    read_or_refuse(read_doccano, path)
