"""Windows that tile: any number of words laid out so that each is owned by exactly one window.

A window is a core, which it owns, between two margins, which it only reads. Cores tile the text;
nothing is decided twice and nothing is lost. Pure arithmetic over piece counts.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from ossamma.schema.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Window:
    """Words [start, end) are read, words [core_start, core_end) are owned."""

    start: int
    core_start: int
    core_end: int
    end: int

    def __post_init__(self) -> None:
        assert self.start <= self.core_start < self.core_end <= self.end


def tile_words(
    pieces_per_word: Sequence[int],
    *,
    max_pieces: int,
    margin: int,
    cuts: Sequence[int] = (),
) -> list[Window]:
    """Lay windows of at most `max_pieces` pieces over the words.

    Args:
        pieces_per_word: number of pieces of each word, at least 1.
        max_pieces: most pieces that a window may read, margins included.
        margin: pieces of context that a window may read on either side of its core.
        cuts: ascending word indices where a core had better begin (sentence starts). One is
            taken if a core that ends there is more than half full.

    Returns:
        Windows in order. Cores are disjoint, ascending and cover all words. A text that fits into
        one window gets one window.

    Raises:
        ConfigurationError: margins leave no room for a core, or the text needs several windows
            and a word has more pieces than a core, max_pieces - 2 * margin.
    """
    if margin < 0 or 2 * margin >= max_pieces:
        raise ConfigurationError(
            f"margin must satisfy 0 <= 2 * margin < max_pieces, got {margin} and {max_pieces}"
        )
    num_words = len(pieces_per_word)
    if num_words == 0:
        return []
    before = [0, *accumulate(pieces_per_word)]
    if before[-1] <= max_pieces:
        return [Window(0, 0, num_words, num_words)]
    room = max_pieces - 2 * margin
    if max(pieces_per_word) > room:
        raise ConfigurationError(
            f"a word of {max(pieces_per_word)} pieces does not fit into the core of a window of "
            f"{max_pieces} pieces with margins of {margin}; raise max_pieces or lower the margin"
        )
    return [
        Window(
            bisect_left(before, before[start] - margin),
            start,
            end,
            _last_within(before, before[end] + margin),
        )
        for start, end in pairwise(_core_borders(before, room, cuts))
    ]


def _core_borders(before: Sequence[int], room: int, cuts: Sequence[int]) -> list[int]:
    """Fill each core as far as it goes, or to the last cut in its second half if there is one."""
    num_words = len(before) - 1
    borders = [0]
    while borders[-1] < num_words:
        start = borders[-1]
        end = _last_within(before, before[start] + room)
        last_cut = bisect_right(cuts, end) - 1
        if end < num_words and last_cut >= 0 and before[cuts[last_cut]] - before[start] > room // 2:
            end = cuts[last_cut]
        borders.append(end)
    return borders


def _last_within(before: Sequence[int], num_pieces: int) -> int:
    """Return the last word border with at most `num_pieces` pieces before it."""
    return bisect_right(before, num_pieces) - 1
