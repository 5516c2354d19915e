from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ossamma.data.text.paragraphs import iter_paragraph_documents
from ossamma.schema.errors import DataError, FormatError

lines = st.text(st.characters(codec="utf-8", exclude_characters="\n\r\0"), min_size=1, max_size=8)
paragraphs = st.lists(lines.filter(str.strip), min_size=1, max_size=3)


@settings(max_examples=50)
@given(texts=st.lists(paragraphs, min_size=1, max_size=5), gap=st.integers(1, 3))
def test_documents_come_back_with_their_lines(tmp_path_factory, texts, gap):
    path = tmp_path_factory.getbasetemp() / "many.txt"
    path.write_bytes(("\n" * (gap + 1)).join("\n".join(text) for text in texts).encode())
    found = list(iter_paragraph_documents(path))
    expected = ["\n".join(text) for text in texts]
    expected[0] = expected[0].removeprefix("\ufeff")  # a byte-order mark is no text
    assert [document.text for document in found] == expected
    assert [document.id for document in found] == [f"many-{n + 1}" for n in range(len(texts))]
    content = path.read_bytes().decode().split("\n")
    for document in found:
        first = content[document.provenance.line - 1].removeprefix("\ufeff")
        assert first == document.text.split("\n")[0]


def test_documents_are_read_one_by_one(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"one\n\n\xff\n")
    documents = iter_paragraph_documents(path)
    assert next(documents).text == "one"
    with pytest.raises(FormatError, match=r"a.txt:3: expected UTF-8"):
        next(documents)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        next(iter_paragraph_documents(tmp_path / "none.txt"))
