"""Column files: the reader gives back what was written, or the writer refuses."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ossamma.data.readers.conll import read_conll
from ossamma.data.writers.conll import ConllOutput, write_conll
from ossamma.schema.errors import ConfigurationError, DataError, OssammaError
from ossamma.schema.spans import Annotation, Document, Span
from tests.data.writers.test_words import documents as any_documents

WORD = st.one_of(
    st.sampled_from(["#", "-", "O", "B-X", "|", "\xa0x", "\u2028", "\x0b", "1", "=", "newdoc"]),
    st.text(
        st.characters(exclude_categories=["Cs"], exclude_characters=" \t\n\r\0"),
        min_size=1,
        max_size=6,
    ),
)
LABELS = st.sets(st.sampled_from(["PER", "ORG", "X-Y"]), min_size=1, max_size=2)


@st.composite
def documents(draw, number):
    """A document as a column file spells it: words joined by spaces, sentences by line ends."""
    sentences = draw(st.lists(st.lists(WORD, min_size=1, max_size=6), min_size=1, max_size=3))
    words, starts, annotations, position = [], [], [], 0
    for sentence in sentences:
        starts.append(len(words))
        first = len(words)
        for word in sentence:
            words.append(Span(position, position + len(word)))
            position += len(word) + 1
        borders = sorted(draw(st.sets(st.integers(first, len(words)), max_size=4)))
        for left, right in zip(borders[::2], borders[1::2], strict=False):
            annotations.append((left, right, tuple(sorted(draw(LABELS)))))
    text = "\n".join(" ".join(sentence) for sentence in sentences)
    return Document(
        id=f"x-{number}",
        text=text,
        words=tuple(words),
        sentence_starts=tuple(starts),
        annotations=tuple(
            Annotation(words[left].start, words[right - 1].end, labels)
            for left, right, labels in annotations
            if "".join(text[w.start : w.end] for w in words[left:right]).strip()
        ),
    )


def ends_in_white_space(document):
    """The writer trims such entities, and the reader refuses blank ones."""
    surfaces = [document.text[a.start : a.end] for a in document.annotations]
    return any(surface != surface.strip() for surface in surfaces)


@settings(max_examples=50)
@given(st.integers(1, 3).flatmap(lambda n: st.tuples(*(documents(i + 1) for i in range(n)))))
def test_the_reader_gives_back_what_was_written(tmp_path_factory, case):
    assume(not any(map(ends_in_white_space, case)))
    path = tmp_path_factory.mktemp("conll") / "x.conll"
    report = write_conll(path, case)
    corpus = read_conll(path)
    found = [(d.id, d.text, d.words, d.sentence_starts, d.annotations) for d in corpus.documents]
    assert found == [(d.id, d.text, d.words, d.sentence_starts, d.annotations) for d in case]
    assert corpus.report.repaired_tags == 0
    assert (report.documents, report.words, report.entities, report.sentences) == (
        corpus.report.documents,
        corpus.report.words,
        corpus.report.entities,
        corpus.report.sentences,
    )


@settings(max_examples=50)
@given(any_documents(alphabet="ab \n\xa0é."))
def test_any_document_is_written_so_that_it_reads_or_refused(tmp_path_factory, document):
    path = tmp_path_factory.mktemp("conll") / "x.conll"
    try:
        report = write_conll(path, [document], ConllOutput(on_space="split"))
    except OssammaError:
        assert not path.exists()
        return
    if report.words == 0:
        return
    (again,) = read_conll(path).documents
    surfaces = [document.text[a.start : a.end].split() for a in document.annotations]
    labels = [a.labels for a in document.annotations]
    assert [a.labels for a in again.annotations] == labels
    for annotation, surface in zip(again.annotations, surfaces, strict=True):
        # Text between the words is not written.
        assert set(again.text[annotation.start : annotation.end].split()) <= set(
            "".join(surface)
        ) | set(surface) | {p for s in surface for p in _parts(s)}


def _parts(string):
    return {string[i:j] for i in range(len(string)) for j in range(i + 1, len(string) + 1)}


def lines(tmp_path, *docs, **options):
    path = tmp_path / "x.conll"
    write_conll(path, docs, ConllOutput(**options))
    return path.read_text(encoding="utf-8").split("\n")


def simple(**changes):
    fields = {
        "id": "d",
        "text": "Ada Lovelace left",
        "words": (Span(0, 3), Span(4, 12), Span(13, 17)),
        "annotations": (Annotation(0, 12, ("ORG", "PER")),),
    }
    return Document(**(fields | changes))


def test_the_form_of_the_file(tmp_path):
    assert lines(tmp_path, simple(), simple(annotations=(), sentence_starts=(0, 2))) == [
        *("-DOCSTART-\tO", ""),
        *("Ada\tB-ORG|PER", "Lovelace\tI-ORG|PER", "left\tO", ""),
        *("-DOCSTART-\tO", ""),
        *("Ada\tO", "Lovelace\tO", "", "left\tO", "", ""),
    ]


def test_a_sentence_border_inside_an_entity_is_left_out_and_counted(tmp_path):
    path = tmp_path / "x.conll"
    report = write_conll(path, [simple(sentence_starts=(0, 1, 2))])
    assert (report.joined_sentences, report.sentences) == (1, 2)
    (document,) = read_conll(path).documents
    assert [document.text[a.start : a.end] for a in document.annotations] == ["Ada Lovelace"]


def test_partly_annotated_documents(tmp_path):
    document = simple(annotates=frozenset({"PER", "ORG"}))
    assert lines(tmp_path, document)[1] == "# annotates = ORG PER"
    (again,) = read_conll(tmp_path / "x.conll").documents
    assert again.annotations == document.annotations
    assert lines(tmp_path, document, partial="plain")[1] == ""
    with pytest.raises(DataError, match="got one of ORG, PER"):
        lines(tmp_path, document, partial="raise")


def test_a_word_with_a_space_is_cut_on_demand(tmp_path):
    document = simple(words=(Span(0, 12), Span(13, 17)))
    with pytest.raises(DataError, match="'Ada Lovelace'"):
        lines(tmp_path, document)
    cut = lines(tmp_path, document, on_space="split")
    assert cut[2:5] == ["Ada\tB-ORG|PER", "Lovelace\tI-ORG|PER", "left\tO"]


@pytest.mark.parametrize("word", ["a\0b", "-DOCSTART-", "<DOCSTART>", "\ud800", "a\rb", "a\tb"])
def test_words_that_columns_cannot_hold(tmp_path, word):
    document = Document(id="d", text=word, words=(Span(0, len(word)),), annotations=())
    (tmp_path / "x.conll").write_text("old", encoding="utf-8")
    with pytest.raises(DataError, match="'d'"):
        lines(tmp_path, document)
    assert (tmp_path / "x.conll").read_text(encoding="utf-8") == "old"
    assert len(list(tmp_path.iterdir())) == 1


def test_unlabelled_documents_are_refused(tmp_path):
    with pytest.raises(DataError, match="unlabelled"):
        lines(tmp_path, simple(annotations=None))


def test_empty_documents_are_counted(tmp_path):
    report = write_conll(
        tmp_path / "x", [Document(id="e", text=" ", words=(), annotations=()), simple()]
    )
    assert (report.empty_documents, report.documents) == (1, 1)


@pytest.mark.parametrize("wrong", [{"on_space": "keep"}, {"partial": "x"}])
def test_settings_are_checked_at_birth(wrong):
    with pytest.raises(ConfigurationError, match=next(iter(wrong))):
        ConllOutput(**wrong)


@pytest.mark.data
@pytest.mark.parametrize(
    "name", ["wnut17/wnut17train.conll", "conll2003/corpus/CoNLL-2003/eng.testa"]
)
def test_real_files_come_back(tmp_path, name):
    before = read_conll(Path(os.environ["OSSAMMA_MIRROR"], name)).documents
    report = write_conll(tmp_path / "x.conll", before, ConllOutput(on_space="split"))
    after = read_conll(tmp_path / "x.conll").documents
    assert report.empty_documents == 0
    assert [d.text for d in after] == [d.text for d in before]
    assert [d.words for d in after] == [d.words for d in before]
    assert [d.annotations for d in after] == [d.annotations for d in before]
