"""Words broken at line ends: which hyphens go, and that nothing else changes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossamma.data.text.hyphens import join_broken_words


@pytest.mark.parametrize(
    ("text", "joined"),
    [
        ("a mathe-\nmatician", "a mathematician"),
        ("mathe- \r\n  matician.", "mathematician."),
        ("CVE-\n2024-\n1234", "CVE-2024-1234"),
        ("Jean-\nPaul", "Jean-Paul"),
        ("state-\nof-the-art", "state-of-the-art"),
        ("a well-known one and a well-\nknown one", "a well-known one and a well-known one"),
        ("soft\u00ad\nWare", "softWare"),
        ("hyphen\u2010\nation", "hyphenation"),
        ("a list -\nof things", "a list -\nof things"),
        ("pages 3-\n4", "pages 3-4"),
        ("aa-\nbb-\ncc", "aabbcc"),
        ("end-\n\nnew", "end-\n\nnew"),
        ("end-\n", "end-\n"),
    ],
)
def test_which_words_are_joined(text, joined):
    assert join_broken_words(text) == joined


@given(st.text(alphabet="aB1- \n\u00ad.", max_size=60))
def test_only_hyphens_and_space_go(text):
    def kept(string):
        return [c for c in string if c not in "- \n\u00ad"]

    joined = join_broken_words(text)
    assert kept(joined) == kept(text)
    assert len(joined) <= len(text)


@given(st.text(alphabet="aB1- .", max_size=60))
def test_a_single_line_stays(text):
    assert join_broken_words(text) == text


def test_long_runs_take_linear_time():
    # Quadratic time would be minutes.
    assert join_broken_words("a" * 300_000 + "-\nb") == "a" * 300_000 + "b"
    assert len(join_broken_words("a-\n" * 50_000 + " " * 100_000)) > 0
    assert len(join_broken_words("-" * 100_000 + "\n" + "\n" * 100_000)) == 200_001
