"""Exports of Label Studio: both forms, several annotators, and what offsets count."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ossamma.data.readers.label_studio import LabelStudioFormat, read_label_studio
from ossamma.schema.errors import ConfigurationError, DataError, FormatError
from ossamma.schema.spans import Annotation, Document, Provenance
from tests.data.readers.laws import check_laws, damaged, found, read_or_refuse, reasons

TEXT = "Ada met Bob"
EMOJI = "\U0001f600 Ada met Bob"


@pytest.fixture
def read(reading):
    """Write tasks and read them."""
    read_file = reading("file.json", read_label_studio, LabelStudioFormat)
    return lambda *tasks, **options: read_file(json.dumps(list(tasks), indent=0), **options)


def region(start, end, *labels, **more):
    value = {"start": start, "end": end, "labels": list(labels) or ["PER"], **more}
    return {"value": value, "from_name": "label", "to_name": "text", "type": "labels"}


def task(*views, text=TEXT, **more):
    """A task with one annotation for each list of regions."""
    annotations = [{"result": view, "was_cancelled": False} for view in views]
    return {"data": {"text": text}, "annotations": annotations, "predictions": [1], **more}


def test_a_task_in_full(read, tmp_path):
    corpus = read(task([region(8, 11, text="Bob"), region(0, 3, "Threat Actor", "A")], id=5))
    assert corpus.format == "label_studio"
    assert corpus.documents == (
        Document(
            id="file-5",
            text=TEXT,
            annotations=(Annotation(0, 3, ("A", "Threat_Actor")), Annotation(8, 11, ("PER",))),
            provenance=Provenance(str(tmp_path / "file.json"), 2),
        ),
    )
    check_laws(corpus)


def test_tasks_without_an_annotation_are_unlabelled(read):
    cancelled = {"result": [region(0, 3)], "was_cancelled": True}
    skipped = {"result": [region(0, 3)], "skipped": True}
    corpus = read(
        {"data": {"text": TEXT}},
        {"data": {"text": TEXT}, "annotations": []},
        {"data": {"text": TEXT}, "annotations": [cancelled]},
        {"data": {"text": TEXT}, "completions": [skipped]},
        task([]),
    )
    assert [d.annotations for d in corpus.documents] == [None, None, None, None, ()]
    assert [d.id for d in corpus.documents] == [f"file-{n}" for n in range(1, 6)]
    assert reasons(corpus) == {"a cancelled annotation": 2}


def test_the_old_name_of_annotations(read):
    record = {"data": {"text": TEXT}, "completions": [{"result": [region(0, 3)]}]}
    assert found(read(record)) == [("Ada", "PER")]


def test_regions_that_are_no_marks_are_counted(read):
    other = {"type": "choices", "value": {"choices": ["good"]}}
    relation = {"type": "relation", "from_id": "a", "to_id": "b"}
    corpus = read(task([other, relation, region(0, 3)]))
    assert found(corpus) == [("Ada", "PER")]
    assert reasons(corpus) == {
        "a region of the type 'choices'": 1,
        "a region of the type 'relation'": 1,
    }


@pytest.mark.parametrize(
    ("fields", "options"),
    [
        ({"text": TEXT, "other": "x"}, {}),
        ({"body": TEXT, "number": 3}, {}),
        ({"body": TEXT, "other": "x"}, {"text_key": "body"}),
    ],
)
def test_the_text_is_found_or_named(read, fields, options):
    assert found(read({**task([region(0, 3)]), "data": fields}, **options)) == [("Ada", "PER")]


def test_several_annotators(read):
    same = task([region(0, 3), region(8, 11)], [region(8, 11), region(0, 3)])
    assert found(read(same)) == [("Ada", "PER"), ("Bob", "PER")]
    differing = task([region(0, 3), region(8, 11)], [region(0, 3), region(8, 11, "DOG")])
    with pytest.raises(FormatError, match=r":2: expected 2 annotators who agree, .* annotators"):
        read(differing)
    assert found(read(differing, annotators="first")) == [("Ada", "PER"), ("Bob", "PER")]
    agreed = read(differing, annotators="agree")
    assert found(agreed) == [("Ada", "PER")]
    assert reasons(agreed) == {
        "a mark that not all annotators set (PER)": 1,
        "a mark that not all annotators set (DOG)": 1,
    }


def test_the_surface_tells_what_offsets_count(read):
    points, units = region(2, 5, text="Ada"), region(3, 6, text="Ada")
    assert found(read(task([points], text=EMOJI))) == [("Ada", "PER")]
    assert found(read(task([units], text=EMOJI))) == [("Ada", "PER")]
    assert found(read(task([units], text=EMOJI), units="utf16")) == [("Ada", "PER")]
    with pytest.raises(FormatError, match="'Ada'"):
        read(task([points], text=EMOJI), units="utf16")
    with pytest.raises(FormatError, match=r"setting units, .*got no surface that tells"):
        read(task([region(2, 5)], text=EMOJI))
    with pytest.raises(FormatError, match="got surfaces that fit neither"):
        read(task([points, region(3, 6, text="Ada")], text=EMOJI))
    with pytest.raises(FormatError, match="got no surface that tells"):
        read(task([region(3, 4, text="a")], text="\U0001f600 aaa"))


def test_the_surface_is_checked(read):
    record = task([region(0, 3, text="Bob"), region(8, 11, text="Bob")])
    with pytest.raises(FormatError, match=r":2: expected the surface .*'Ada', got 'Bob'"):
        read(record)
    corpus = read(record, on_error="skip")
    assert found(corpus) == [("Bob", "PER")]
    assert len(corpus.report.skipped) == 1


def test_json_min(read):
    mark = {"start": 0, "end": 3, "text": "Ada", "labels": ["PER"]}
    corpus = read(
        {"id": 1, "text": TEXT, "label": [mark], "annotator": 1, "annotation_id": 4},
        {"id": 2, "text": TEXT, "annotator": 1, "tags": ["x"]},
        {"text": TEXT, "label": [mark]},
        {"id": 1, "text": TEXT, "label": [mark], "annotator": 2},
    )
    assert found(corpus) == [("Ada", "PER"), ("Ada", "PER")]
    assert [d.id for d in corpus.documents] == ["file-1", "file-2", "file-3"]
    assert corpus.documents[1].annotations == ()
    with pytest.raises(FormatError, match="2 annotators who agree"):
        read({"id": 1, "text": TEXT, "label": [mark]}, {"id": 1, "text": TEXT})
    with pytest.raises(FormatError, match="task 1 to have one text, got another one than on line"):
        read({"id": 1, "text": TEXT}, {"id": 1, "text": "other"})


MALFORMED = {
    "a number": (3, "the task to be an object .*got a number"),
    "no text": ({"data": {}}, 'a key "text", or only one string'),
    "two strings": ({"data": {"a": "x", "b": "y"}}, "got the strings 'a', 'b'"),
    "text a number": ({"data": {"text": 1}}, '"text" to be a string'),
    "lone surrogate": ({"data": {"text": "\ud800"}}, "whole characters"),
    "no result": ({"data": {"text": "a"}, "annotations": [{}]}, 'with the key "result"'),
    "result an object": ({"data": {"text": "a"}, "annotations": [{"result": {}}]}, "to be a list"),
    "markup": (task([region("/p[1]/text()[1]", 3, startOffset=0)]), "HyperText"),
    "hypertext": (task([{"value": {"hypertextlabels": ["A"]}}]), "HyperText"),
    "no end": (task([{"value": {"start": 0, "labels": ["A"]}}]), 'with the key "end"'),
    "labels a string": (task([{"value": {"start": 0, "end": 1, "labels": "A"}}]), "to be a list"),
    "no labels": (task([{"value": {"start": 0, "end": 1, "labels": []}}]), "with a type, got none"),
    "beyond": (task([region(0, 12)]), r"<= 11.*got \[0, 12\)"),
    "negative": (task([region(-1, 2)]), r"got \[-1, 2\)"),
    "an id twice": (task([], id=1), "an id that no earlier document has"),
}


@pytest.mark.parametrize(("record", "message"), MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_task_is_refused_by_its_line(tmp_path, record, message):
    path = tmp_path / "file.json"
    path.write_text(f"[\n{json.dumps(task([], id=1))},\n{json.dumps(record)}]", encoding="utf-8")
    with pytest.raises(FormatError, match=rf"file\.json:3: expected .*{message}"):
        read_label_studio(path)


@pytest.mark.parametrize(
    ("content", "kind", "message"),
    [
        (b"", DataError, "the file is empty"),
        (b"[]", DataError, "no task in the list"),
        (b"{}", FormatError, ":1: expected a JSON list"),
        (b'[{"data": {"text": "\xe9"}}]', FormatError, ":1: .*byte 0xe9"),
        (b"[\n\0]", FormatError, ":2: expected text, got a NUL"),
        (b"\xff\xfe[\0", FormatError, "UTF-16"),
        (b"[" + b" " * 2000 + b"]", FormatError, "a file of at most 999 bytes"),
    ],
)
def test_hopeless_files(tmp_path, content, kind, message):
    path = tmp_path / "file.json"
    path.write_bytes(content)
    with pytest.raises(kind, match=message):
        read_label_studio(path, LabelStudioFormat(max_file_bytes=999))


def test_too_many_marks(read):
    with pytest.raises(FormatError, match=":2: expected at most 5 marks"):
        read(task([region(0, 3)] * 6), max_annotations=5)


@pytest.mark.parametrize("options", [{"annotators": "vote"}, {"units": "bytes"}, {"keep": ""}])
def test_settings_that_do_not_exist(options):
    with pytest.raises(ConfigurationError, match=next(iter(options))):
        LabelStudioFormat(**options)


texts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=10)


@settings(max_examples=40)
@given(drawn=st.lists(texts, min_size=1, max_size=4), wide=st.booleans(), flat=st.booleans())
def test_what_is_written_is_read(tmp_path_factory, drawn, wide, flat):
    path = tmp_path_factory.getbasetemp() / "label-studio-round.json"
    tasks, expected = [], []
    for text in drawn:
        length = len(text.encode("utf-16-le")) // 2 if wide else len(text)
        visible = bool(text.strip())
        regions = [region(0, length, "X", text=text)] if visible else []
        expected += [(text, "X")] if visible else []
        marks = [each["value"] for each in regions]
        tasks.append({"text": text, "label": marks} if flat else task(regions, text=text))
    path.write_text(json.dumps(tasks), encoding="utf-8")
    corpus = read_label_studio(path)
    assert [document.text for document in corpus.documents] == drawn
    assert found(corpus) == expected


GOOD = json.dumps([task([region(0, 3, text="Ada")], id=1), {"id": 2, "text": "x"}]).encode()


@settings(max_examples=80)
@given(content=damaged(GOOD))
def test_any_damage_is_read_or_refused(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "label-studio-scraps.json"
    path.write_bytes(content)
    read_or_refuse(read_label_studio, path)
