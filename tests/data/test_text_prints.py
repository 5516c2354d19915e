from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossamma.data.near_index import NearIndex, NearSettings
from ossamma.data.text_prints import batches, print_of, prints_of
from ossamma.schema.spans import Document

# Repeated, a few words give texts of every kind: without shingles, short, both, long.
some_words = st.lists(
    st.sampled_from(["a", "B", "stra\u00dfe", "it\u2019s", "x-y"]), min_size=1, max_size=6
)
texts = st.text(max_size=30) | st.builds(
    lambda words, times: " ".join(words * times), some_words, st.integers(1, 30)
)


@given(st.lists(texts, max_size=6))
@pytest.mark.parametrize("near", [NearIndex(NearSettings()), None], ids=["near", "exact only"])
def test_prints_made_together_are_those_made_one_by_one(near, drawn):
    for text, one in zip(drawn, prints_of(drawn, near), strict=True):
        expected = print_of(text, near)
        assert one.key == expected.key
        assert one.fingerprint == expected.fingerprint
        assert np.array_equal(one.words_W, expected.words_W)


@given(
    st.lists(st.integers(0, 200_000), max_size=40) | st.integers(500, 1100).map(lambda n: [1] * n)
)
def test_batches_are_the_stream_cut_in_pieces(lengths):
    documents = [Document(str(number), "x" * length) for number, length in enumerate(lengths)]
    pieces = list(batches(documents))
    assert [document for piece in pieces for document in piece] == documents
    assert all(0 < len(piece) <= 512 for piece in pieces)
    for piece in pieces:
        assert sum(len(document.text) for document in piece[:-1]) < 2**18
