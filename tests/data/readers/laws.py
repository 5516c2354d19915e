"""What holds for the corpus of every reader, and ways to damage a file."""

from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise
from pathlib import Path

from hypothesis import strategies as st

from ossamma.data.readers.corpus import Corpus
from ossamma.schema.errors import OssammaError


def found(corpus: Corpus) -> list[tuple[str, str]]:
    """The surface and type of every annotation."""
    return [
        (document.text[a.start : a.end], a.label)
        for document in corpus.documents
        for a in document.annotations or ()
    ]


def reasons(corpus: Corpus) -> Counter[str]:
    """How often each reason stands in the report."""
    return Counter(item.text for item in corpus.report.skipped)


def check_laws(corpus: Corpus) -> None:
    """What holds for the corpus of every reader."""
    assert corpus.documents or corpus.report.skipped
    identifiers = [document.id for document in corpus.documents]
    assert len(set(identifiers)) == len(identifiers)
    for document in corpus.documents:
        assert document.text.encode().decode() == document.text  # whole characters only
        marks = document.annotations or ()
        assert all(document.text[mark.start : mark.end].strip() for mark in marks)
        assert all(left.end <= right.start for left, right in pairwise(marks))
        assert document.provenance is not None
        assert document.provenance.line >= 1
    assert corpus.report.documents == len(corpus.documents)
    assert corpus.report.entities == len(found(corpus)) == sum(corpus.report.labels.values())


def read_or_refuse(reader, path: Path) -> Corpus | OssammaError:
    """Read a file that may be anything: it is lawful, or refused with its name in one line."""
    try:
        outcome = reader(path)
    except OssammaError as error:
        outcome = error
    if isinstance(outcome, Corpus):
        check_laws(outcome)
    else:
        assert path.stem in str(outcome)
        assert len(str(outcome)) < 700
    return outcome


@st.composite
def damaged(draw: st.DrawFn, content: bytes) -> bytes:
    """A file that was cut off, overwritten in places, or put together wrongly."""
    cut = st.integers(0, len(content))
    first, last = sorted((draw(cut), draw(cut)))
    junk = draw(
        st.binary(max_size=6)
        | st.sampled_from([b"\0", b"\xff", b"\r", b"\n", b"\t", b"\xed\xa0\x80", b'"', b"(", b")"])
        | st.sampled_from([b"9" * 30, b"-1", b"\xc2\x85", b"\xe2\x80\xa8", b"\xf0\x9f\x98\x80"])
    )
    how = draw(st.sampled_from(["cut", "replace", "insert", "repeat"]))
    if how == "cut":
        return content[:first]
    if how == "replace":
        return content[:first] + junk + content[last:]
    if how == "insert":
        return content[:first] + junk + content[first:]
    return content[:last] + content[first:]


def json_lines(*records: object) -> str:
    """Write records, one a line; a string stands for itself."""
    return "\n".join(each if isinstance(each, str) else json.dumps(each) for each in records)
