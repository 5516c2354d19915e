"""DocBin: what spaCy says of a text, and what is made of files that spaCy did not write."""

from __future__ import annotations

import random
import zlib

import pytest
import srsly
from spacy.tokens import Doc, DocBin, Span
from spacy.vocab import Vocab

from ossamma.data.readers.docbin import DocBinFormat, read_docbin
from ossamma.schema.errors import ConfigurationError, DataError, FormatError, OssammaError
from ossamma.schema.spans import Annotation, Provenance
from ossamma.schema.spans import Span as Characters


@pytest.fixture
def vocab():
    return Vocab()


@pytest.fixture
def make(vocab):
    """A spaCy document `Ada met<line end>Bob Lee.` with changes to its entities."""

    def doc(**entities):
        made = Doc(
            vocab,
            words=["Ada", "met", "\n", "Bob", "Lee", "."],
            spaces=[True, False, False, True, False, False],
            sent_starts=[True, False, True, False, False, False],
        )
        ents = [Span(made, *ent[:2], label=ent[2]) for ent in entities.pop("ents", ())]
        kinds = {kind: [Span(made, *pair) for pair in pairs] for kind, pairs in entities.items()}
        made.set_ents(ents, **kinds)
        return made

    return doc


@pytest.fixture
def read(tmp_path):
    """Write spaCy documents and read them."""

    def write_and_read(*docs, **options):
        path = tmp_path / "train.spacy"
        DocBin(docs=docs, **options).to_disk(path)
        return read_docbin(path)

    return write_and_read


def test_a_document_in_full(read, make, tmp_path):
    corpus = read(make(ents=[(0, 1, "PER"), (3, 5, "PER")]), make())
    first, second = corpus.documents
    assert first.text == "Ada met\nBob Lee."
    assert first.words == (
        *(Characters(0, 3), Characters(4, 7), Characters(8, 11)),
        *(Characters(12, 15), Characters(15, 16)),
    )
    assert first.sentence_starts == (0, 2)
    assert first.annotations == (Annotation(0, 3, ("PER",)), Annotation(8, 15, ("PER",)))
    assert (first.annotates, second.annotations) == (None, ())
    assert [d.id for d in corpus.documents] == ["train-1", "train-2"]
    assert first.provenance == Provenance(str(tmp_path / "train.spacy"))
    assert (corpus.format, corpus.report.entities, corpus.report.labels) == (
        "docbin",
        2,
        {"PER": 2},
    )
    assert (corpus.report.words, corpus.report.sentences) == (10, 4)


@pytest.mark.parametrize(
    ("entities", "annotations", "annotates"),
    [
        ({"missing": [(0, 6)]}, None, None),
        ({"missing": [(0, 2), (3, 6)]}, None, None),
        ({"missing": [(3, 6)]}, 0, frozenset()),
        ({"ents": [(0, 1, "PER")], "missing": [(1, 6)]}, 1, frozenset()),
        ({"ents": [(0, 6, "PER")]}, 1, None),
        ({"blocked": [(0, 2)]}, 0, None),
        ({"missing": [(2, 3)]}, 0, None),
    ],
)
def test_what_spacy_does_not_know(read, make, entities, annotations, annotates):
    (document,) = read(make(**entities)).documents
    found = document.annotations
    assert (found if found is None else len(found)) == annotations
    assert document.annotates == annotates


def test_a_document_that_nothing_was_said_of(read, vocab):
    (document,) = read(Doc(vocab, words=["a", "b"])).documents
    assert (document.annotations, document.sentence_starts, document.text) == (None, (), "a b")


def test_candidates_come_apart(read, make):
    (document,) = read(make(ents=[(0, 1, "B|A")])).documents
    assert document.annotations == (Annotation(0, 3, ("A", "B")),)


def test_blank_tokens_at_the_border_of_an_entity(read, make):
    corpus = read(make(ents=[(1, 3, "X"), (3, 4, "Y")]), make(ents=[(2, 3, "X")]))
    assert corpus.documents[0].annotations == (Annotation(4, 7, ("X",)), Annotation(8, 11, ("Y",)))
    assert corpus.documents[1].annotations == ()
    assert [s.text for s in corpus.report.skipped] == ["1 entities of white space left out"]


def test_what_is_left_out_is_counted(read, make):
    doc = make()
    doc.set_ents([Span(doc, 0, 1, label="PER", kb_id="Q7259"), Span(doc, 3, 5, label="PER")])
    doc.spans["sc"] = [Span(doc, 0, 2, label="X"), Span(doc, 1, 2, label="Y")]
    corpus = read(doc)
    assert corpus.report.entities == 2
    assert [s.text for s in corpus.report.skipped] == [
        "1 knowledge-base ids left out",
        "2 spans of span groups left out",
    ]


def test_an_unknown_spacing_ends_without_a_space(read, vocab):
    doc = Doc(vocab, words=["a", "b"])
    doc.has_unknown_spaces = True
    assert read(doc).documents[0].text == "a b"


def test_trees_and_user_data_do_not_matter(read, vocab):
    doc = Doc(
        vocab, words=["a", "b", "c"], heads=[1, 1, 1], deps=["x", "ROOT", "y"], tags=["A"] * 3
    )
    doc.user_data["key"] = "value"
    (document,) = read(doc, store_user_data=True).documents
    assert document.sentence_starts == (0,)


def test_a_folder_of_files(tmp_path, make):
    folder = tmp_path / "dev.spacy"
    folder.mkdir()
    DocBin(docs=[make()] * 2).to_disk(folder / "part-00001.spacy")
    DocBin(docs=[make(ents=[(0, 1, "PER")])]).to_disk(folder / "part-00002.spacy")
    corpus = read_docbin(folder)
    assert [d.id for d in corpus.documents] == ["dev-1", "dev-2", "dev-3"]
    assert corpus.documents[2].provenance == Provenance(str(folder / "part-00002.spacy"))


@pytest.mark.parametrize("part", [0.1, 0.5, 0.99])
def test_a_truncated_file_is_refused(tmp_path, make, part):
    path = tmp_path / "x.spacy"
    raw = DocBin(docs=[make()]).to_bytes()
    path.write_bytes(raw[: int(len(raw) * part)])
    with pytest.raises(FormatError, match=r"x\.spacy: .*truncated"):
        read_docbin(path)


@pytest.mark.parametrize(
    ("raw", "error"),
    [
        (b"", DataError),
        (b"no zip", FormatError),
        (zlib.compress(b"no message"), FormatError),
        (zlib.compress(srsly.msgpack_dumps({"attrs": []})), FormatError),
        (zlib.compress(srsly.msgpack_dumps([1, 2])), FormatError),
        (DocBin().to_bytes(), DataError),
    ],
    ids=str,
)
def test_files_that_are_none(tmp_path, raw, error):
    path = tmp_path / "x.spacy"
    path.write_bytes(raw)
    with pytest.raises(error, match=r"x\.spacy"):
        read_docbin(path)


def test_a_zip_bomb_is_refused(tmp_path):
    path = tmp_path / "x.spacy"
    path.write_bytes(zlib.compress(bytes(20_000_000)))
    with pytest.raises(FormatError, match="at most 1000000 bytes"):
        read_docbin(path, DocBinFormat(max_unpacked_bytes=1_000_000))
    with pytest.raises(ConfigurationError, match="max_unpacked_bytes"):
        DocBinFormat(max_unpacked_bytes=0)


def test_no_file(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        read_docbin(tmp_path / "x.spacy")
    with pytest.raises(DataError, match=r"no \.spacy file"):
        read_docbin(tmp_path)


def test_a_label_that_no_label_set_can_hold(read, make):
    with pytest.raises(FormatError, match="'WORK OF ART'"):
        read(make(ents=[(0, 1, "WORK OF ART")]))


@pytest.mark.parametrize(
    "changes",
    [
        {"lengths": b"abc"},
        {"spaces": b"\1"},
        {"tokens": b"\xff" * 6 * 13 * 8},
        {"tokens": b"\xff" * 7},
        {"attrs": [1, 2]},
        {"attrs": "x"},
        {"attrs": [65, 65, 65]},
        {"strings": []},
        {"strings": [1, 2]},
        {"flags": []},
        {"cats": None},
        {"span_groups": [b"\xff\xff"]},
    ],
    ids=str,
)
def test_hostile_contents_end_in_a_clear_error(tmp_path, make, changes):
    path = tmp_path / "x.spacy"
    message = srsly.msgpack_loads(zlib.decompress(DocBin(docs=[make()]).to_bytes()))
    path.write_bytes(zlib.compress(srsly.msgpack_dumps(message | changes)))
    with pytest.raises(FormatError, match=r"x\.spacy: expected a DocBin"):
        read_docbin(path)


@pytest.mark.parametrize("seed", range(25))
def test_damage_ends_in_a_clear_error_or_in_documents(tmp_path, make, seed):
    rng = random.Random(seed)
    path = tmp_path / "x.spacy"
    raw = bytearray(zlib.decompress(DocBin(docs=[make(ents=[(0, 1, "PER")])]).to_bytes()))
    for _ in range(rng.randint(1, 4)):
        raw[rng.randrange(len(raw))] = rng.randrange(256)
    path.write_bytes(zlib.compress(bytes(raw)))
    try:
        named = len(read_docbin(path).documents) >= 1
    except OssammaError as error:
        named = "x.spacy" in str(error)
    assert named
