"""Windows tile: every word is owned once, and no window reads more than it may."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossamma.schema.errors import ConfigurationError
from ossamma.tokenization.windows import Window, tile_words


@st.composite
def layouts(draw):
    """Piece counts, limits under which every word fits into a core, and welcome cuts."""
    pieces = draw(st.lists(st.integers(1, 6), max_size=60))
    margin = draw(st.integers(0, 8))
    room = draw(st.integers(max(pieces, default=1), 30))
    cuts = draw(st.sets(st.integers(0, max(len(pieces) - 1, 0))))
    return pieces, room + 2 * margin, margin, sorted(cuts)


def size(pieces, start, end):
    return sum(pieces[start:end])


@given(layouts())
def test_cores_tile_the_words(case):
    pieces, max_pieces, margin, cuts = case
    windows = tile_words(pieces, max_pieces=max_pieces, margin=margin, cuts=cuts)
    owned = [word for w in windows for word in range(w.core_start, w.core_end)]
    assert owned == list(range(len(pieces)))


@given(layouts())
def test_no_window_reads_more_than_it_may(case):
    pieces, max_pieces, margin, cuts = case
    for window in tile_words(pieces, max_pieces=max_pieces, margin=margin, cuts=cuts):
        assert size(pieces, window.start, window.end) <= max_pieces
        assert 0 <= window.start <= window.core_start < window.core_end <= window.end <= len(pieces)


@given(layouts())
def test_margins_are_as_wide_as_they_may_be(case):
    pieces, max_pieces, margin, cuts = case
    windows = tile_words(pieces, max_pieces=max_pieces, margin=margin, cuts=cuts)
    for w in windows if len(windows) > 1 else []:
        assert size(pieces, w.start, w.core_start) <= margin
        assert size(pieces, w.core_end, w.end) <= margin
        assert w.start == 0 or size(pieces, w.start - 1, w.core_start) > margin
        assert w.end == len(pieces) or size(pieces, w.core_end, w.end + 1) > margin


@given(layouts())
def test_a_text_that_fits_gets_one_window(case):
    pieces, max_pieces, margin, cuts = case
    windows = tile_words(pieces, max_pieces=max_pieces, margin=margin, cuts=cuts)
    if not pieces:
        assert windows == []
    elif sum(pieces) <= max_pieces:
        assert windows == [Window(0, 0, len(pieces), len(pieces))]
    else:
        assert len(windows) > 1


@given(layouts())
def test_a_core_ends_at_the_last_welcome_cut_in_its_second_half_or_is_full(case):
    pieces, max_pieces, margin, cuts = case
    room = max_pieces - 2 * margin
    windows = tile_words(pieces, max_pieces=max_pieces, margin=margin, cuts=cuts)
    for window in windows[:-1] if len(windows) > 1 else []:
        start, end = window.core_start, window.core_end
        reachable = [i for i in range(start + 1, len(pieces) + 1) if size(pieces, start, i) <= room]
        welcome = [i for i in cuts if i in reachable and size(pieces, start, i) > room // 2]
        assert end == (welcome[-1] if welcome else reachable[-1])


def test_a_cut_is_respected_where_it_can_be():
    # A sentence border behind word 7: both cores could hold 10 words.
    windows = tile_words([1] * 14, max_pieces=10, margin=0, cuts=[7])
    assert [(w.core_start, w.core_end) for w in windows] == [(0, 7), (7, 14)]


@pytest.mark.parametrize("cut", [3, 5])
def test_a_cut_that_would_leave_a_core_half_empty_is_not_taken(cut):
    windows = tile_words([1] * 14, max_pieces=10, margin=0, cuts=[cut])
    assert [(w.core_start, w.core_end) for w in windows] == [(0, 10), (10, 14)]


@pytest.mark.parametrize(("max_pieces", "margin"), [(10, 5), (10, 6), (10, -1), (0, 0)])
def test_margins_that_leave_no_room_are_refused(max_pieces, margin):
    with pytest.raises(ConfigurationError, match=rf"2 \* margin.*{margin} and {max_pieces}"):
        tile_words([1], max_pieces=max_pieces, margin=margin)


def test_a_word_larger_than_a_core_is_refused_where_several_windows_are_needed():
    assert len(tile_words([7], max_pieces=10, margin=2)) == 1
    with pytest.raises(ConfigurationError, match=r"7 pieces does not fit.*raise max_pieces"):
        tile_words([7, 1, 1, 1, 1], max_pieces=10, margin=2)
