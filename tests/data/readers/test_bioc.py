"""BioC in XML and JSON: offsets through passages, hostile XML, and everything malformed."""

from __future__ import annotations

import json
from xml.sax.saxutils import escape, quoteattr

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ossamma.data.readers.bioc import BiocFormat, read_bioc
from ossamma.schema.errors import DataError, FormatError
from ossamma.schema.spans import Annotation, Document, Provenance
from tests.data.readers.laws import check_laws, damaged, found, read_or_refuse, reasons


def mark(offset, length, surface=None, label="Drug", *, more=()):
    """An annotation in the JSON form, from which `to_xml` makes the other."""
    places = [(offset, length), *more]
    return {
        "id": "1",
        "infons": {"type": label, "identifier": "D1"},
        "locations": [{"offset": start, "length": size} for start, size in places],
        **({} if surface is None else {"text": surface}),
    }


def passage(offset, text, *marks, **more):
    return {"offset": offset, "infons": {}, "text": text, "annotations": list(marks), **more}


def collection(*passages, identifier="12", **more):
    document = {"id": identifier, "infons": {}, "passages": list(passages), **more}
    return {"source": "test", "date": "", "key": "k", "documents": [document]}


def to_xml(value):
    """Write a collection as XML, one element a line."""
    lines = ["<?xml version='1.0' encoding='UTF-8'?>", '<!DOCTYPE collection SYSTEM "BioC.dtd">']
    lines.append("<collection><source>test</source><date></date><key>k</key>")
    for document in value["documents"]:
        lines.append(f"<document><id>{document['id']}</id>")
        for piece in document["passages"]:
            lines += _piece("passage", piece)
        lines += [_annotation(each) for each in document.get("annotations", [])]
        lines += ["<relation id='R'/>" for _ in document.get("relations", [])]
        lines.append("</document>")
    return "\n".join([*lines, "</collection>"])


def _piece(name, piece):
    yield f'<{name}><infon key="type">title</infon><offset>{piece["offset"]}</offset>'
    if piece["text"]:
        yield f"<text>{escape(piece['text'], {chr(13): '&#13;'})}</text>"
    yield from (_annotation(each) for each in piece["annotations"])
    for sentence in piece.get("sentences", []):
        yield from _piece("sentence", sentence)
    yield f"</{name}>"


def _annotation(each):
    infons = "".join(f"<infon key={quoteattr(k)}>{v}</infon>" for k, v in each["infons"].items())
    places = "".join(
        f'<location offset="{place["offset"]}" length="{place["length"]}"/>'
        for place in each["locations"]
    )
    surface = f"<text>{escape(each['text'])}</text>" if "text" in each else ""
    return f'<annotation id="1">{infons}{places}{surface}</annotation>'


@pytest.fixture(params=["xml", "json"])
def read(reading, request):
    """Write a collection in both forms and read it."""
    write = to_xml if request.param == "xml" else json.dumps
    read_file = reading(f"file.{request.param}", read_bioc, BiocFormat)
    return lambda value, **options: read_file(write(value), **options)


@pytest.fixture
def read_xml(reading):
    """Write XML and read it."""
    return reading("file.xml", read_bioc, BiocFormat)


TITLE = passage(0, "Aspirin.", mark(0, 7, "Aspirin"))
ABSTRACT = passage(9, "It helps Bob.", mark(18, 3, "Bob", "Person"))


def test_a_collection_in_full(read):
    corpus = read(collection(TITLE, ABSTRACT))
    (document,) = corpus.documents
    assert corpus.format == "bioc"
    line = 4 if corpus.path.suffix == ".xml" else 1
    assert document == Document(
        id="12",
        text="Aspirin.\nIt helps Bob.",
        annotations=(Annotation(0, 7, ("Drug",)), Annotation(18, 21, ("Person",))),
        provenance=Provenance(str(corpus.path), line),
    )
    check_laws(corpus)


def test_offsets_go_through_their_passage(read):
    corpus = read(
        collection(
            passage(100, "Aspirin.", mark(100, 7, "Aspirin")),
            passage(300, ""),
            passage(300, "\U0001f600 Bob", mark(302, 3, "Bob")),
            passage(300, "Ada", mark(300, 3, "Ada")),
        )
    )
    assert corpus.documents[0].text == "Aspirin.\n\U0001f600 Bob\nAda"
    assert found(corpus) == [("Aspirin", "Drug"), ("Bob", "Drug"), ("Ada", "Drug")]


def test_sentences_and_marks_of_the_whole(read):
    sentences = [passage(10, "Ada met.", mark(10, 3, "Ada")), passage(20, "Bob.")]
    corpus = read(
        collection(
            passage(0, "Title", sentences=[passage(0, "", mark(0, 5, "Title"))]),
            passage(10, "", mark(20, 3, "Bob"), sentences=sentences),
            annotations=[mark(14, 3, "met", "Act")],
        )
    )
    assert corpus.documents[0].text == "Title\nAda met. Bob."
    assert found(corpus) == [("Title", "Drug"), ("Ada", "Drug"), ("met", "Act"), ("Bob", "Drug")]


def test_discontinuous_marks_and_relations_are_counted(read):
    corpus = read(
        collection(passage(0, "a b c", mark(0, 1, "a c", more=[(4, 1)])), relations=[{"id": "R"}])
    )
    assert found(corpus) == []
    assert reasons(corpus) == {"a discontinuous mark": 1, "a relation": 1}


def test_the_type_may_stand_elsewhere(read):
    value = collection(TITLE)
    assert found(read(value, type_key="identifier")) == [("Aspirin", "D1")]
    with pytest.raises(FormatError, match=r"no type \(type_key says where it stands\)"):
        read(value, type_key="kind")


def test_offsets_that_count_bytes_are_refused(read):
    text = "Café Ada Café Bob"
    with pytest.raises(FormatError, match="got offsets that count the bytes of UTF-8"):
        read(collection(passage(0, text, mark(6, 3, "Ada"), mark(16, 3, "Bob"))))
    with pytest.raises(FormatError, match="got offsets that count the bytes of UTF-8"):
        read(collection(passage(0, text, mark(16, 3, "Bob"))), on_error="skip")
    assert found(read(collection(passage(0, text, mark(5, 3, "Ada"))))) == [("Ada", "Drug")]
    with pytest.raises(FormatError, match="the surface"):
        read(collection(passage(0, text, mark(4, 3, "Ada"))))


def test_a_mark_belongs_to_its_passage_alone(read):
    value = collection(passage(0, "Ada"), passage(4, "Bob", mark(2, 3), mark(4, 3)))
    with pytest.raises(FormatError, match=r"0 <= start < end <= 3.*got \[-2, 1\)"):
        read(value)
    corpus = read(value, on_error="skip")
    assert found(corpus) == [("Bob", "Drug")]
    with pytest.raises(FormatError, match=r"got \[2, 5\)"):
        read(collection(passage(0, "Ada", mark(2, 3)), passage(4, "Bob")))


def test_overlaps_follow_the_policy(read):
    value = collection(passage(0, "Ada Lovelace", mark(0, 12), mark(0, 3)))
    assert found(read(value)) == [("Ada Lovelace", "Drug")]
    assert found(read(value, keep="shortest")) == [("Ada", "Drug")]


MALFORMED = {
    "no id": (collection(TITLE, identifier=""), "a document with an id"),
    "no location": (collection(passage(0, "a", mark(0, 1) | {"locations": []})), "no location"),
    "no type": (collection(passage(0, "a", mark(0, 1, label=""))), "no type"),
    "homeless": (collection(passage(0, "a"), annotations=[mark(5, 1)]), "that begins in a passage"),
    "homeless, no place": (
        collection(passage(0, "a"), annotations=[mark(5, 1) | {"locations": []}]),
        "got no location",
    ),
    "empty": (collection(passage(0, "a", mark(0, 0))), r"got \[0, 0\)"),
    "far beyond": (collection(passage(0, "a", mark(10**17, 10**17))), "0 <= start < end <= 1"),
    "too many": (collection(passage(0, "a", *[mark(0, 1)] * 6)), "at most 5 marks"),
    "an id twice": (
        {"documents": collection(TITLE)["documents"] * 2},
        "an id that no earlier document has, got '12'",
    ),
}


@pytest.mark.parametrize(("value", "message"), MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_document_is_refused(read, value, message):
    with pytest.raises(FormatError, match=rf"file\.(xml|json):\d+: expected .*{message}"):
        read(value, max_annotations=5)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda value: value,
        lambda value: [value],
        lambda value: value["documents"][0],
        lambda value: value["documents"],
        lambda value: {"PubTator3": value["documents"]},
    ],
)
def test_json_comes_in_several_wrappings(tmp_path, wrap):
    path = tmp_path / "file.json"
    path.write_text("\ufeff " + json.dumps(wrap(collection(TITLE))), encoding="utf-8")
    assert found(read_bioc(path)) == [("Aspirin", "Drug")]


@pytest.mark.parametrize(
    ("content", "kind", "message"),
    [
        ('{"documents":\n[}', FormatError, ":2: expected JSON, got bad JSON"),
        ("[1]", FormatError, "item 1 of the file to be an object"),
        ("[]", DataError, "no document in the collection"),
        ("{}", FormatError, 'with the key "passages"'),
        ('{"id": "1", "passages": [{"text": "a"}]}', FormatError, 'with the key "offset"'),
        ('{"id": "1", "passages": [{"offset": 1.5}]}', FormatError, "to be an integer"),
        ('{"id": "1", "passages": [{"offset": 0, "text": "\\ud800"}]}', FormatError, "surrogate"),
        ("[" * 100_000, FormatError, "nested too deeply"),
        ('{"a": 1, "a": 2}', FormatError, "stands twice"),
    ],
)
def test_malformed_json(tmp_path, content, kind, message):
    path = tmp_path / "file.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(kind, match=message):
        read_bioc(path)


def test_deep_sentences_in_json_are_no_danger(tmp_path):
    inner = passage(0, "a")
    for _ in range(200):
        inner = passage(0, "a", sentences=[inner])
    path = tmp_path / "file.json"
    path.write_text(json.dumps(collection(inner)), encoding="utf-8")
    assert read_bioc(path).documents[0].text == "a"


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
HOSTILE = {
    "a billion laughs": (
        f'<!DOCTYPE c [<!ENTITY l0 "ha">{LAUGHS}]>\n<collection>&l9;</collection>',
        "EntitiesForbidden",
    ),
    "a file": (
        '<!DOCTYPE c [<!ENTITY x SYSTEM "file:///etc/passwd">]><collection>&x;</collection>',
        "EntitiesForbidden",
    ),
    "a parameter entity": (
        '<!DOCTYPE c [<!ENTITY % x SYSTEM "http://127.0.0.1:9/x"> %x;]><collection/>',
        "EntitiesForbidden",
    ),
    "an unknown entity": ("<collection><document>&nbsp;</document></collection>", "broken XML"),
    "an entity of the DTD": (
        '<!DOCTYPE c SYSTEM "BioC.dtd"><collection><document>&nbsp;</document></collection>',
        "plain characters, got the entity 'nbsp'",
    ),
    "depth": ("<a>" * 100_000, "elements nested at most 64 deep"),
    "no XML": ("12|t|Aspirin", "broken XML"),
    "not closed": ("<collection><document>", "broken XML"),
    "two roots": ("<collection/><collection/>", "broken XML"),
    "NUL": ("<collection>\0</collection>", "broken XML"),
    "a surrogate": ("<collection>&#xD800;</collection>", "broken XML"),
    "Latin-1 bytes": (b"<collection>caf\xe9</collection>", "broken XML"),
    "unknown encoding": ("<?xml version='1.0' encoding='xyzzy'?><collection/>", "expected"),
    "offset a word": (
        "<collection><document><id>1</id><passage><offset>x</offset></passage></document>"
        "</collection>",
        "a number in the passage .* got 'x'",
    ),
    "text without offset": (
        "<collection><document><id>1</id><passage><text>a</text></passage></document></collection>",
        "a number in the passage .* got ''",
    ),
    "endless number": (
        f"<collection><document><id>1</id><passage><offset>{'9' * 5000}</offset></passage>"
        "</document></collection>",
        "a number in the passage",
    ),
}


@pytest.mark.parametrize(("content", "message"), HOSTILE.values(), ids=HOSTILE)
def test_hostile_xml_is_refused(read_xml, content, message):
    with pytest.raises(FormatError, match=rf"file\.xml:\d+: .*{message}") as caught:
        read_xml(content)
    assert len(str(caught.value)) < 500


def test_other_encodings_of_xml_are_read(read_xml):
    content = to_xml(collection(passage(0, "Café", mark(0, 4, "Café"))))
    latin = content.replace("UTF-8", "ISO-8859-1").encode("latin-1")
    assert found(read_xml(latin)) == [("Café", "Drug")]


@pytest.mark.parametrize(
    ("content", "kind", "message"),
    [
        (b"", DataError, "the file is empty"),
        (b"<collection/>", DataError, "no document in the collection"),
        (b"<collection>" + b" " * 2000, FormatError, "a file of at most 999 bytes"),
    ],
)
def test_hopeless_files(read_xml, content, kind, message):
    with pytest.raises(kind, match=message):
        read_xml(content, max_file_bytes=999)


def test_a_document_larger_than_what_the_parser_is_fed_at_once(read_xml):
    text = "x" * 200_000 + " Bob"
    corpus = read_xml(to_xml(collection(passage(0, text, mark(200_001, 3, "Bob")))))
    assert found(corpus) == [("Bob", "Drug")]


letters = st.characters(codec="utf-8", categories=["L", "N", "P", "Z", "So"])
texts = st.text(letters | st.sampled_from("<&>\"' \n"), min_size=1, max_size=10)


@settings(max_examples=40)
@given(drawn=st.lists(texts, min_size=1, max_size=4), form=st.sampled_from(["xml", "json"]))
def test_what_is_written_is_read(tmp_path_factory, drawn, form):
    path = tmp_path_factory.getbasetemp() / f"bioc-round.{form}"
    passages, expected, offset = [], [], 0
    for text in drawn:
        visible = bool(text.strip())
        passages.append(passage(offset, text, *([mark(offset, len(text), text)] * visible)))
        expected += [(text, "Drug")] if visible else []
        offset += len(text) + 1
    value = collection(*passages)
    path.write_text(to_xml(value) if form == "xml" else json.dumps(value), encoding="utf-8")
    corpus = read_bioc(path)
    assert corpus.documents[0].text == "\n".join(drawn)
    assert found(corpus) == expected


GOOD = collection(TITLE, ABSTRACT)


@settings(max_examples=80)
@given(content=damaged(to_xml(GOOD).encode()) | damaged(json.dumps(GOOD).encode()))
def test_any_damage_is_read_or_refused(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "bioc-scraps.xml"
    path.write_bytes(content)
    read_or_refuse(read_bioc, path)
