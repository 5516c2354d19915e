"""The door to data files: formats by content, and advice instead of tracebacks."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ossamma.data.readers.conll import ConllFormat
from ossamma.data.readers.corpus import Corpus
from ossamma.data.readers.detect import detect_format, read_documents
from ossamma.data.readers.jsonl import write_jsonl
from ossamma.schema.errors import ConfigurationError, DataError, FormatError, OssammaError

CONLL = "Ada\tB-PER\nmet\tO\n"
JSONL = '{"text": "Ada met", "entities": [{"start": 0, "end": 3, "label": "PER"}]}\n'


@pytest.fixture
def file(tmp_path):
    """Write a file and return its path."""

    def write(content, name="file.txt"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (CONLL, "conll"),
        (JSONL, "jsonl"),
        ("\n \n" + JSONL, "jsonl"),
        ("\ufeff" + JSONL, "jsonl"),
        ("\ufeff\n" + CONLL, "conll"),
        (JSONL.replace("\n", "\r\n"), "jsonl"),
        ("{}\n", "jsonl"),
        ("[1, 2]\n", "jsonl"),
        ("[ O\nAda B-PER\n", "conll"),
        # A brace may be a word.
        ("{\tO\nx\tO\n}\tO\n", "conll"),
        ("{ O\n", "conll"),
        ("{}\tO\n", "conll"),
        ('{"a":1} O\n', "conll"),
        ('{"a":1}\tB-CODE\r\n', "conll"),
        ("[1]\n", "jsonl"),
        # Broken JSON is still meant to be JSON.
        ('{"text": "Ada\n', "jsonl"),
        ('{"text": "Ada", \n', "jsonl"),
        ('{ "id" : O\n', "conll"),
        ('{"text": "caf\n', "jsonl"),
    ],
)
def test_the_content_decides(file, content, expected):
    path = file(content, "misleading.conll" if expected == "jsonl" else "misleading.jsonl")
    assert detect_format(path) == expected


@pytest.mark.parametrize("chosen", ["auto", None])
@pytest.mark.parametrize(("content", "kind"), [(CONLL, "conll"), (JSONL, "jsonl")])
def test_both_formats_give_the_same_documents(file, content, kind, chosen):
    corpus = read_documents(file(content), format=chosen or kind)
    assert corpus.format == kind
    (document,) = corpus.documents
    assert document.id == "file-1"
    assert document.text == "Ada met"
    assert [(a.start, a.end, a.label) for a in document.annotations] == [(0, 3, "PER")]
    assert str(document.provenance) == f"{corpus.path}:1"


def test_column_settings_are_passed_on(file):
    path = file("Ada\tB-PER\tx\nmet\tO\ty\n")
    with pytest.raises(FormatError):
        read_documents(path)
    corpus = read_documents(str(path), conll=ConllFormat(tag_column=1))
    assert corpus.report.labels == {"PER": 1}


def test_a_column_file_survives_as_json_lines(file, tmp_path):
    before = read_documents(file("-DOCSTART- O\n\nAda B-PER\nmet O\n\nBob B-PER|DOG\n"))
    path = tmp_path / "again.jsonl"
    write_jsonl(path, before.documents)
    after = read_documents(path)
    assert after.format == "jsonl"
    for name in ("documents", "sentences", "words", "entities", "labels"):
        assert getattr(after.report, name) == getattr(before.report, name)
    for old, new in zip(before.documents, after.documents, strict=True):
        assert (old.id, old.text, old.words) == (new.id, new.text, new.words)
        assert (old.annotations, old.sentence_starts) == (new.annotations, new.sentence_starts)


def test_broken_json_is_reported_as_json(file):
    with pytest.raises(FormatError, match=r"file\.txt:2: .*bad JSON: Unterminated.* at column 10"):
        read_documents(file('\n{"text": "Ada\n'))


@pytest.mark.parametrize("file_format", ["auto", "conll", "jsonl"])
class TestNothingToRead:
    """Every reader refuses these with advice."""

    @pytest.mark.parametrize("content", [b"", b"\n\n \t\r\n"])
    def test_an_empty_file(self, file, file_format, content):
        with pytest.raises(DataError, match=r"file\.txt: the file is empty; give a file"):
            read_documents(file(content), format=file_format)

    def test_a_missing_file(self, file, file_format):
        near = file(CONLL, "train.conll")
        with pytest.raises(DataError, match=r"no such file; did you mean train\.conll\?"):
            read_documents(near.with_name("trian.conll"), format=file_format)
        with pytest.raises(DataError, match="no such file; look into"):
            read_documents(near.with_name("0123456789"), format=file_format)

    def test_a_missing_folder(self, tmp_path, file_format):
        with pytest.raises(DataError, match=r"the folder .*nowhere does not exist"):
            read_documents(tmp_path / "nowhere" / "file", format=file_format)

    def test_a_folder(self, tmp_path, file_format):
        with pytest.raises(DataError, match="this is a folder; give one file of it"):
            read_documents(tmp_path, format=file_format)

    @pytest.mark.parametrize("name", ["nul\0", "n" * 300])
    def test_an_impossible_name(self, tmp_path, file_format, name):
        with pytest.raises(DataError, match="check the name"):
            read_documents(tmp_path / name, format=file_format)

    @pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read every file")
    def test_a_forbidden_file(self, file, file_format):
        path = file(CONLL)
        path.chmod(0)
        with pytest.raises(DataError, match="no permission to read it"):
            read_documents(path, format=file_format)


def test_an_unknown_format_is_refused(file):
    with pytest.raises(ConfigurationError, match="'auto', 'conll' or 'jsonl', got 'csv'"):
        read_documents(file(CONLL), format="csv")


def read_or_refusal(path: Path) -> Corpus | OssammaError:
    try:
        return read_documents(path)
    except OssammaError as error:
        return error


@given(
    content=st.binary(max_size=200) | st.text('{}":\tO B-X\n# \ufeff', max_size=40).map(str.encode)
)
@example(content=b"\x1f\x8b\x08\x00compressed")
@example(content=b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")
@example(content=b"{" * 10_000)
@example(content=b'{"a":' * 10_000)
@example(content=b"{\xff")
def test_any_bytes_are_read_or_refused(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "anything"
    path.write_bytes(content)
    outcome = read_or_refusal(path)
    if isinstance(outcome, OssammaError):
        assert str(path) in str(outcome)
    else:
        assert len(outcome.documents) == outcome.report.documents > 0


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("wnut17/emerging.dev.conll", {}),
        ("conll2003/corpus/CoNLL-2003/eng.testa", {}),
        ("uner_ewt/en_ewt-ud-dev.iob2", {"tag_column": 2}),
        ("aptner/APTNERdev.txt", {"on_error": "skip"}),
    ],
)
def test_real_files_survive_as_json_lines(tmp_path, name, settings):
    before = read_documents(Path(os.environ["OSSAMMA_MIRROR"], name), conll=ConllFormat(**settings))
    path = tmp_path / "again.jsonl"
    assert write_jsonl(path, before.documents) == before.report.documents
    assert all(json.loads(line)["text"] for line in path.read_text("ascii").splitlines())
    after = read_documents(path)
    assert after.format == "jsonl"
    for old, new in zip(before.documents, after.documents, strict=True):
        assert (old.id, old.text, old.words) == (new.id, new.text, new.words)
        assert (old.annotations, old.sentence_starts) == (new.annotations, new.sentence_starts)
