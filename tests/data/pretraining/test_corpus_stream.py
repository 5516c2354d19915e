"""Streams count what they give, and refuse what is damaged throughout."""

from __future__ import annotations

from pathlib import Path

import pytest

from ossamma.data.pretraining.corpus_stream import (
    CorpusFile,
    CorpusLimits,
    CorpusStream,
    LeftOutCounts,
)
from ossamma.schema.errors import ConfigurationError, DataError
from ossamma.schema.spans import Document


def stream_of(texts, faults=0, **limits):
    left_out = LeftOutCounts()
    for number in range(faults):
        left_out.fault("broken", f"line {number}")
    documents = (Document(str(n), text) for n, text in enumerate(texts))
    return CorpusStream(documents, left_out, CorpusFile(Path("c"), "c", CorpusLimits(**limits)))


def test_the_report_counts_what_came_out_and_what_did_not():
    stream = stream_of(["one", " \n", "", "x" * 50, "two"], max_document_characters=10)
    assert [document.text for document in stream] == ["one", "two"]
    report = stream.report
    assert (report.documents, report.characters) == (2, 6)
    assert report.left_out == {"empty": 2, "longer than 10 characters": 1}
    assert list(stream) == []  # asked again, it has still ended
    assert report.to_json()["left_out"] == report.left_out


def test_examples_are_few_however_many_there_are():
    left_out = LeftOutCounts()
    for number in range(1000):
        left_out.skip("a redirect", str(number))
    assert left_out.counts == {"a redirect": 1000}
    assert left_out.examples == {"a redirect": ("0", "1", "2", "3", "4")}


@pytest.mark.parametrize(
    ("faults", "share", "fits"), [(1, 0.1, True), (2, 0.1, False), (9, 0.5, True)]
)
def test_a_corpus_with_too_many_faults_is_refused(faults, share, fits):
    stream = stream_of(["text"] * 9, faults, max_fault_share=share)
    if fits:
        assert len(list(stream)) == 9
    else:
        with pytest.raises(DataError, match=r"2 of 11 .*broken: line 0"):
            list(stream)


def test_a_corpus_without_any_document_but_faults_is_refused():
    with pytest.raises(DataError, match="check the format"):
        list(stream_of([], 1))
    assert list(stream_of([])) == []


def test_a_long_corpus_is_refused_early():
    stream = stream_of(["text"] * 5000, 2000)
    with pytest.raises(DataError, match="2000 of 3000"):
        list(stream)


@pytest.mark.parametrize(
    "wrong", [{"max_line_bytes": 0}, {"max_fault_share": 1.5}, {"max_fault_share": float("nan")}]
)
def test_impossible_limits_are_refused(wrong):
    with pytest.raises(ConfigurationError):
        CorpusLimits(**wrong)
