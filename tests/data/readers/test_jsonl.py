"""JSON lines: round trips, and every way to be malformed with its file and line."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ossamma.data.readers.jsonl import (
    document_from_json,
    document_to_json,
    parse_object,
    read_jsonl,
    read_predictions_jsonl,
    stream_jsonl,
    stream_texts,
    write_jsonl,
)
from ossamma.schema.errors import DataError, FormatError, OssammaError, SpanError
from ossamma.schema.spans import Annotation, Document, Entity, Provenance, Span

TEXT = "Ada Lovelace met Bob."


@pytest.fixture
def read(tmp_path):
    """Write lines (objects or raw text) and read them."""

    def write_and_read(*lines):
        path = tmp_path / "file.jsonl"
        texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
        path.write_text("\n".join(texts), encoding="utf-8")
        return read_jsonl(path)

    return write_and_read


@pytest.fixture
def read_predictions(tmp_path):
    """Write objects and read them as predictions."""

    def write_and_read(*lines):
        path = tmp_path / "file.jsonl"
        path.write_text("\n".join(json.dumps(line) for line in lines), encoding="utf-8")
        return list(read_predictions_jsonl(path))

    return write_and_read


def record(**changes):
    """A good record of TEXT with changes."""
    return {"text": TEXT, "entities": [{"start": 0, "end": 12, "label": "PER"}], **changes}


def with_entity(**changes):
    """A good record of TEXT with changes in its only entity; None takes a key away."""
    entity = {"start": 0, "end": 12, "label": "PER", **changes}
    return record(entities=[{key: value for key, value in entity.items() if value is not None}])


def test_a_document_in_full(read, tmp_path):
    corpus = read(
        {
            "id": "a",
            "text": TEXT,
            "entities": [
                {"start": 17, "end": 20, "label": ["PER", "DOG"], "text": "Bob"},
                {
                    "start": 0,
                    "end": 12,
                    "label": "PER",
                    "confidence": 0.5,
                    "origin": "lexicon",
                    "meta": [1],
                },
            ],
            "annotates": ["PER", "DOG"],
            "weight": 3,
            "dataset": "letters",
            "group": "a-b",
            "words": [[0, 3], [4, 12], [13, 16], [17, 20], [20, 21]],
            "sentence_starts": [0, 3],
            "meta": {"anything": None},
            "source": "somewhere",
        }
    )
    assert corpus.path == tmp_path / "file.jsonl"
    assert corpus.format == "jsonl"
    assert corpus.documents == (
        Document(
            id="a",
            text=TEXT,
            words=(Span(0, 3), Span(4, 12), Span(13, 16), Span(17, 20), Span(20, 21)),
            sentence_starts=(0, 3),
            annotations=(
                Annotation(0, 12, ("PER",), confidence=0.5, origin="lexicon"),
                Annotation(17, 20, ("DOG", "PER")),
            ),
            annotates=frozenset({"PER", "DOG"}),
            weight=3.0,
            provenance=Provenance(str(tmp_path / "file.jsonl"), 1),
            dataset="letters",
            group="a-b",
        ),
    )
    report = corpus.report
    assert (report.documents, report.sentences, report.words, report.entities) == (1, 2, 5, 2)
    assert report.labels == {"PER": 1, "DOG|PER": 1}
    assert report.scheme is None


def test_only_the_text_is_required(read, tmp_path):
    corpus = read("", {"text": "x"}, "  ", {"text": ""}, "")
    source = str(tmp_path / "file.jsonl")
    assert corpus.documents == (
        Document(id="file-2", text="x", provenance=Provenance(source, 2)),
        Document(id="file-4", text="", provenance=Provenance(source, 4)),
    )


def test_silence_differs_from_nothing_found(read):
    unlabelled, empty = read({"text": "x"}, {"text": "x", "entities": []}).documents
    assert unlabelled.annotations is None
    assert empty.annotations == ()


def test_tokens_are_words(read):
    corpus = read({"text": "a b", "tokens": [[0, 1], [2, 3]]})
    assert corpus.documents[0].words == (Span(0, 1), Span(2, 3))


@pytest.mark.parametrize("label", ["A|B", "B|A", ["A", "B"], ["B", "A", "B"], ["A|B"]])
def test_candidates_in_any_spelling(read, label):
    assert read(with_entity(label=label)).documents[0].annotations[0].labels == ("A", "B")


@pytest.mark.parametrize("text", ["\u2028\x85\x0b x", "tab\tnew\nline", "\U0001f600", "\ufeff"])
def test_only_a_line_feed_ends_a_line(read, text):
    assert read(json.dumps({"text": text}, ensure_ascii=False)).documents[0].text == text


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_line_ends_and_a_byte_order_mark(tmp_path, end):
    path = tmp_path / "file.jsonl"
    path.write_bytes(f'\ufeff{{"text": "a"}}{end}{{"text": "b"}}{end}'.encode())
    assert [document.text for document in read_jsonl(path).documents] == ["a", "b"]


MALFORMED = {
    "broken JSON": ('{"text": "a"', "bad JSON: Expecting ',' delimiter at column 13"),
    "not JSON": ("text", "bad JSON: Expecting value at column 1"),
    "two objects": ("{} {}", "Extra data at column 4"),
    "key twice": ('{"text": "a", "text": "b"}', "the key 'text' stands twice"),
    "NaN": ('{"text": "a", "weight": NaN}', "NaN is not JSON"),
    "infinity": ('{"text": "a", "weight": 1e999}', "weight.* to be finite"),
    "too deep": ('{"meta": ' + "[" * 100_000, "nested too deeply"),
    "endless number": ('{"text": "a", "weight": 1' + "0" * 5000 + "}", "bad JSON: Exceeds"),
    "absurd number": ('{"text": "a", "weight": 1' + "0" * 400 + "}", "absurd length"),
    "a list": ([1], "a record to be an object .*got a list"),
    "a number": (3, "got the number 3"),
    "no text": ({"id": "a"}, 'the key "text", got a record with id'),
    "no key at all": ({}, "got a record with no keys"),
    "text of a wrong type": (record(text=3), '"text" to be a string, got the number 3'),
    "text null": (record(text=None), '"text" to be a string, got null'),
    "id of a wrong type": (record(id=7), '"id" to be a string, got the number 7'),
    "empty id": (record(id=""), 'a non-empty "id"'),
    "unknown key": (record(entity=[], spans=[]), "only the keys id, text,.*got 'entity', 'spans'"),
    "entities null": (record(entities=None), "list .or absent: unlabelled., got null"),
    "entities an object": (record(entities={}), "to be a list .*got an object"),
    "entity a list": (record(entities=[[0, 1, "PER"]]), "entity 1 to be an object .*got a list"),
    "second entity": (record(entities=[{"start": 0, "end": 1, "label": "A"}, 1]), "entity 2"),
    "unknown entity key": (with_entity(type="PER"), "start, end,.* in entity 1, got 'type'"),
    "no start": (with_entity(start=None), "with start, end and label, got one without start"),
    "no label": (with_entity(label=None), "got one without label"),
    "start a boolean": (with_entity(start=False), "to be an integer, got the boolean false"),
    "end a boolean": (with_entity(end=True), "the end of entity 1 .*got the boolean true"),
    "end a float": (with_entity(end=12.0), "to be an integer, got the number 12.0"),
    "start a string": (with_entity(start="0"), "to be an integer, got the string '0'"),
    "empty span": (with_entity(end=0), r"0 <= start < end <= 21.*got \[0, 0\)"),
    "backward span": (with_entity(start=5, end=2), r"got \[5, 2\)"),
    "negative start": (with_entity(start=-3), r"got \[-3, 12\)"),
    "end beyond": (with_entity(end=22), r"<= 21, the length of the text .*got \[0, 22\)"),
    "end far beyond": (with_entity(end=10**30), "a number of more than 20 digits"),
    "white space": (with_entity(start=3, end=4), r"only white space at \[3, 4\)"),
    "other text": (
        with_entity(text="Ada L"),
        "what the document has at its place, 'Ada Lovelace', got 'Ada L'; offsets count char",
    ),
    "text a number": (with_entity(text=1), "the text of entity 1 to be a string"),
    "label a number": (with_entity(label=1), "the label of entity 1 to be a string"),
    "label in a list a number": (with_entity(label=["A", 1]), "to be a string, got the number 1"),
    "no candidates": (with_entity(label=[]), "at least one candidate type"),
    "empty label": (with_entity(label=""), "without white space.* in entity 1, got ''"),
    "empty candidate": (with_entity(label="A|"), "without white space"),
    "spaced label": (with_entity(label="a b"), "got 'a b'"),
    "label O": (with_entity(label="O"), "not 'O'"),
    "confidence beyond": (with_entity(confidence=1.5), "at least 0 and at most 1, got the numb"),
    "confidence negative": (with_entity(confidence=-0.1), "confidence of entity 1"),
    "confidence a boolean": (with_entity(confidence=True), "to be a number, got the boolean"),
    "weight negative": (record(weight=-1), '"weight" to be finite, at least 0, got the number -1'),
    "weight a string": (record(weight="1"), "to be a number, got the string"),
    "annotates a string": (record(annotates="PER"), '"annotates" to be a list, got the string'),
    "annotates numbers": (record(annotates=[1]), 'a type in "annotates" to be a string'),
    "annotates nonsense": (record(annotates=["a b"]), "without white space"),
    "words and tokens": (record(words=[], tokens=[]), 'either "words" or "tokens", got both'),
    "words of strings": (record(words=["Ada"]), r"word 1 to be \[start, end\], got the string"),
    "words of three": (record(words=[[0, 1, 2]]), r"word 1 to be \[start, end\], got a list"),
    "overlapping words": (record(words=[[0, 3], [2, 4]]), "word 2 to begin at 3 or later.*got 2"),
    "word beyond": (record(words=[[0, 99]]), r"word 1 to satisfy .*got \[0, 99\)"),
    "empty word": (record(words=[[1, 1]]), r"got \[1, 1\)"),
    "word of booleans": (record(words=[[False, True]]), "the start of word 1 to be an integer"),
    "starts without words": (record(sentence_starts=[0]), '"words" beside "sentence_starts"'),
    "start beyond words": (
        record(words=[[0, 3]], sentence_starts=[0, 1]),
        "sentence starts from 0 to 0, got 1",
    ),
    "descending starts": (
        record(words=[[0, 3], [4, 5]], sentence_starts=[1, 0]),
        "ascending sentence starts",
    ),
}


@pytest.mark.parametrize(("line", "message"), MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_line_is_refused_by_its_number(read, line, message):
    with pytest.raises(FormatError, match=rf"file\.jsonl:3: expected .*{message}") as caught:
        read({"text": "good"}, "", line)
    assert caught.value.line == 3
    assert len(str(caught.value)) < 500


def test_an_id_stands_once(read):
    with pytest.raises(FormatError, match=r":3: expected an id that no earlier.*'x', .*line 1"):
        read({"id": "x", "text": "a"}, {"text": "b"}, {"id": "x", "text": "c"})
    with pytest.raises(FormatError, match=r":2: .*'file-2', the id of line 1"):
        read({"id": "file-2", "text": "a"}, {"text": "b"})


@pytest.mark.parametrize(
    ("content", "kind", "message"),
    [
        (b"", DataError, "the file is empty"),
        (b" \n", DataError, "the file is empty"),
        (b"\xef\xbb\xbf\n", DataError, "no document in the file"),
        (b'{"text": "caf\xe9"}', FormatError, ":1: expected UTF-8 text, got byte 0xe9 at byte 14"),
        (b'{"text": "\xed\xa0\x80"}', FormatError, ":1: expected UTF-8 text"),
        (b"{}\n\0", FormatError, ":2: .*NUL"),
        (b"\xff\xfe{\0", FormatError, "UTF-16"),
    ],
)
@pytest.mark.parametrize("reader", [read_jsonl, read_predictions_jsonl])
def test_hopeless_files(tmp_path, reader, content, kind, message):
    path = tmp_path / "file.jsonl"
    path.write_bytes(content)
    with pytest.raises(kind, match=message):
        reader(path)


labels = st.sampled_from(["PER", "creative-work", "É/x", "DATE"])
# A high surrogate before a low one is left out: JSON cannot tell the two from one character.
texts = st.text(st.characters() | st.sampled_from("\ud800\ud8ff \n\0\u2028"), max_size=30)


@st.composite
def documents(draw: st.DrawFn, identifier: str = "doc") -> Document:
    text = draw(texts)
    cuts = st.integers(0, len(text))
    bounds = draw(st.lists(cuts, max_size=10, unique=True).map(sorted))
    words = tuple(Span(*pair) for pair in zip(bounds[::2], bounds[1::2], strict=False))
    spans = draw(st.lists(st.tuples(cuts, cuts), max_size=4))
    visible = [(a, b) for a, b in spans if a < b and text[a:b].strip()]
    found = sorted(
        Annotation(
            a,
            b,
            tuple(sorted(draw(st.sets(labels, min_size=1)))),
            origin=draw(st.sampled_from(["", "lexicon"])),
            confidence=draw(st.floats(0, 1)),
        )
        for a, b in visible
    )
    starts = draw(st.sets(st.integers(0, len(words) - 1))) if words else set()
    return Document(
        id=identifier,
        text=text,
        words=draw(st.sampled_from([words, None])) if not starts else words,
        sentence_starts=tuple(sorted(starts)),
        annotations=draw(st.sampled_from([tuple(found), None])),
        annotates=draw(st.none() | st.frozensets(labels)),
        weight=draw(st.floats(0, 1e300)),
        dataset=draw(st.sampled_from(["", "letters"])),
        group=draw(st.sampled_from(["", "g"])),
    )


@given(document=documents())
def test_from_json_inverts_to_json(document):
    table = document_to_json(document)
    assert document_from_json(table) == document
    assert document_from_json(json.loads(json.dumps(table))) == document


@settings(max_examples=40)
@given(drawn=st.lists(documents(), min_size=1, max_size=4))
def test_what_is_written_is_read(tmp_path_factory, drawn):
    path = tmp_path_factory.getbasetemp() / "round.jsonl"
    written = [
        Document(**{name: getattr(document, name) for name in FIELDS}, id=f"d{number}")
        for number, document in enumerate(drawn)
    ]
    assert write_jsonl(path, written) == len(written)
    content = path.read_bytes()
    assert content.isascii()
    assert content.count(b"\n") == len(written)
    read_back = read_jsonl(path).documents
    assert [document.provenance.line for document in read_back] == [
        number + 1 for number in range(len(written))
    ]
    assert list(stream_jsonl(path)) == list(read_back)
    for before, after in zip(written, read_back, strict=True):
        assert all(getattr(before, name) == getattr(after, name) for name in ("id", *FIELDS))


@settings(max_examples=40)
@given(drawn=st.lists(documents(), min_size=1, max_size=4))
def test_texts_are_read_without_what_else_there_is(tmp_path_factory, drawn):
    path = tmp_path_factory.getbasetemp() / "texts.jsonl"
    write_jsonl(path, drawn)
    lines, texts = zip(*stream_texts(path), strict=True)
    assert list(lines) == path.read_text().splitlines()
    for whole, text in zip(stream_jsonl(path), texts, strict=True):
        names = ("id", "text", "dataset", "group", "provenance")
        assert text == Document(**{name: getattr(whole, name) for name in names})


def test_records_that_are_not_wanted_are_not_looked_at(tmp_path):
    path = tmp_path / "a.jsonl"
    lines = [{"text": "Ada", "weight": 2.0}, {"text": 1}, {"text": "Bob", "weight": 2.0}]
    path.write_text("\n".join(map(json.dumps, lines)))
    stream = stream_jsonl(path, where=lambda record: record.get("weight") == 2.0)
    assert [document.id for document in stream] == ["a-1", "a-3"]
    path.write_text("[]")
    with pytest.raises(FormatError, match="an object"):
        next(stream_jsonl(path, where=lambda record: False))


@pytest.mark.parametrize(
    "line", ["[]", "{", '{"id": "a"}', '{"text": "a", "group": 1}', '{"x": 1}']
)
def test_a_faulty_line_of_texts_is_named(tmp_path, line):
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "Ada"}\n' + line)
    texts = stream_texts(path)
    assert next(texts)[1].text == "Ada"
    with pytest.raises(FormatError, match=r"a.jsonl:2: expected "):
        next(texts)


FIELDS = (
    "text",
    "words",
    "sentence_starts",
    "annotations",
    "annotates",
    "weight",
    "dataset",
    "group",
)


@settings(max_examples=40)
@given(document=documents(), data=st.data())
def test_predictions_keep_their_confidence(tmp_path_factory, document, data):
    entities = sorted(
        Entity(a.start, a.end, a.labels[0], document.text[a.start : a.end], confidence)
        for a in document.annotations or ()
        for confidence in [data.draw(st.floats(0, 1))]
    )
    path = tmp_path_factory.getbasetemp() / "predictions.jsonl"
    write_jsonl(path, [document], entities=[entities])
    assert list(read_predictions_jsonl(path)) == [("doc", document.text, entities)]
    for _, text, found in read_predictions_jsonl(path):
        assert all(text[entity.start : entity.end] == entity.text for entity in found)


def test_predictions_are_sorted_and_certain_by_default(read_predictions):
    entities = [{"start": 17, "end": 20, "label": "PER"}, {"start": 0, "end": 3, "label": "PER"}]
    assert read_predictions({"text": TEXT, "entities": entities}) == [
        ("file-1", TEXT, [Entity(0, 3, "PER", "Ada", 1.0), Entity(17, 20, "PER", "Bob", 1.0)])
    ]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ({"text": "a"}, 'expected the key "entities"'),
        (with_entity(label="A|B"), "one type per predicted entity, got A|B"),
        (with_entity(end=99), r"got \[0, 99\)"),
    ],
)
def test_malformed_predictions(read_predictions, line, message):
    with pytest.raises(FormatError, match=rf"file\.jsonl:2: .*{message.replace('|', '.')}"):
        read_predictions(record(), line)


def test_predictions_have_unique_ids(read_predictions):
    with pytest.raises(FormatError, match=":2: expected an id that no earlier line has"):
        read_predictions(record(id="a"), record(id="a"))


def test_lone_surrogates_survive_and_pairs_are_refused(tmp_path):
    path = tmp_path / "file.jsonl"
    write_jsonl(path, [Document(id="\udc00", text="a\ud800 \udc00b")])
    document = read_jsonl(path).documents[0]
    assert (document.id, document.text) == ("\udc00", "a\ud800 \udc00b")
    before = path.read_bytes()
    with pytest.raises(DataError, match="two surrogates side by side"):
        write_jsonl(path, [Document(id="a", text="\ud83d\ude00")])
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("document", "entities", "kind", "message"),
    [
        (Document(id="a", text="x", weight=math.inf), None, DataError, "'a': cannot be written"),
        (Document(id="a", text="x"), [], DataError, "'a' is number 1, without predictions"),
        (Document(id="a", text="x"), [[], []], DataError, "more predictions than documents"),
        (
            Document(id="a", text="Ada"),
            [[Entity(0, 3, "PER", "Bob")]],
            SpanError,
            "'a': entity .0, 3. has the text 'Bob', but the document has 'Ada'",
        ),
    ],
)
def test_what_cannot_be_written_leaves_nothing(tmp_path, document, entities, kind, message):
    with pytest.raises(kind, match=message):
        write_jsonl(tmp_path / "file.jsonl", [document], entities=entities)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ['{"a": 1, "b": {"a": 2}}', "[]", '"\\ud800"', "1.5"])
def test_strict_parsing_agrees_with_json_on_json(text):
    assert parse_object(text) == json.loads(text)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["start", "end", "label", "text"]), inner, max_size=4)
    ),
    max_leaves=10,
)
KEYS = ["id", "text", "entities", "annotates", "weight", "words", "tokens", "sentence_starts"]
near_records = st.dictionaries(st.sampled_from([*KEYS, "x"]), values | st.just(TEXT), max_size=5)
entity_values = st.fixed_dictionaries(
    {"start": st.integers(-1, 25), "end": st.integers(-1, 25), "label": labels | values},
    optional={"text": st.text(max_size=3), "confidence": st.floats() | values},
)


def result_or_refusal(function, *arguments):
    try:
        return function(*arguments)
    except OssammaError as error:
        return error


@given(table=near_records | entity_values.map(lambda entity: record(entities=[entity])))
def test_any_object_is_read_or_refused(table):
    outcome = result_or_refusal(document_from_json, table)
    if isinstance(outcome, OssammaError):
        assert isinstance(outcome, FormatError)
        assert "<record>: expected " in str(outcome)
    else:
        assert outcome.text == table["text"]
        for annotation in outcome.annotations or ():
            assert outcome.text[annotation.start : annotation.end].strip()


@pytest.mark.parametrize(
    "reader", [lambda path: read_jsonl(path).documents, read_predictions_jsonl]
)
@given(
    content=st.binary(max_size=60) | st.text('{}[]":, textidn1.\\u\n', max_size=60).map(str.encode)
)
def test_any_bytes_are_read_or_refused(tmp_path_factory, reader, content):
    path = tmp_path_factory.getbasetemp() / "scraps.jsonl"
    path.write_bytes(content)
    outcome = result_or_refusal(lambda: list(reader(path)))
    if isinstance(outcome, OssammaError):
        assert str(path) in str(outcome)
    else:
        assert outcome


def test_a_stream_names_its_faulty_line(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"text": "Ada"}\r\n\n{"text": 1}\n')
    stream = stream_jsonl(path)
    assert next(stream).text == "Ada"
    with pytest.raises(FormatError, match=r"a.jsonl:3: expected "):
        next(stream)


def test_a_stream_needs_a_file(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        next(stream_jsonl(tmp_path / "none.jsonl"))
