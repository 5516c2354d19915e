"""Paragraphs are those of the plain reader, or joined without loss."""

from __future__ import annotations

import lzma

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ossamma.data.pretraining.corpus_stream import CorpusFile, CorpusLimits, LeftOutCounts
from ossamma.data.pretraining.paragraphs import Paragraphs, read_paragraphs
from ossamma.data.text.paragraphs import ParagraphStream
from ossamma.schema.errors import ConfigurationError

lines = st.text(st.characters(codec="utf-8", exclude_characters="\n\r\0\ufeff"), max_size=8)


def read(path, left_out=None, *, limits=None, **options):
    file = CorpusFile(path, path.name.partition(".")[0], limits or CorpusLimits())
    return list(read_paragraphs(file, Paragraphs(**options), left_out or LeftOutCounts()))


@settings(max_examples=60)
@given(content=st.lists(lines, max_size=12))
def test_documents_are_those_of_the_plain_reader(tmp_path_factory, content):
    folder = tmp_path_factory.getbasetemp()
    plain, packed = folder / "a.txt", folder / "a.txt.xz"
    plain.write_bytes("\n".join(content).encode())
    packed.write_bytes(lzma.compress(plain.read_bytes()))
    expected = [(document.id, document.text) for document in ParagraphStream(plain)]
    for path in (plain, packed):
        assert [(document.id, document.text) for document in read(path)] == expected


@settings(max_examples=60)
@given(content=st.lists(lines, max_size=12), join=st.integers(1, 30))
def test_joining_loses_nothing_and_fills_every_document_but_the_last(
    tmp_path_factory, content, join
):
    path = tmp_path_factory.getbasetemp() / "b.txt"
    path.write_bytes("\n".join(content).encode())
    joined = read(path, join_characters=join)
    assert "\n".join(d.text for d in joined) == "\n".join(d.text for d in read(path))
    for document in joined[:-1]:
        assert len(document.text.replace("\n", "")) >= join - document.text.count("\n")


def test_a_damaged_line_costs_its_paragraph_alone(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"one\n\ntwo\nbad\xff\ntwo\n\nthree\n\nfour\n")
    left_out = LeftOutCounts()
    assert [d.text for d in read(path, left_out)] == ["one", "three", "four"]
    assert [d.id for d in read(path)] == ["a-1", "a-3", "a-4"]
    assert left_out.num_faults == 1
    assert [d.text for d in read(path, join_characters=6)] == ["one", "three\nfour"]


def test_lines_without_blank_ones_are_cut_and_too_long_runs_given_up(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("\n".join(str(number) for number in range(7)))
    assert [d.text for d in read(path, max_lines=3)] == ["0\n1\n2", "3\n4\n5", "6"]
    path.write_text("short\n\n" + "long line\n" * 9 + "\nend\n")
    left_out = LeftOutCounts()
    limits = CorpusLimits(max_document_characters=40)
    assert [d.text for d in read(path, left_out, limits=limits)] == ["short", "end"]
    assert left_out.counts == {"longer than 40 characters": 1}


def test_impossible_settings_are_refused():
    with pytest.raises(ConfigurationError, match="join_characters"):
        Paragraphs(join_characters=-1)
