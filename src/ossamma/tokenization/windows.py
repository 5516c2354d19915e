"""Windows that tile: any number of words laid out so that each is owned by exactly one window.

A window is a core, which it owns, between two margins, which it only reads. Cores tile the text;
nothing is decided twice and nothing is lost. Pure arithmetic over piece counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

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
        pieces_per_word: number of pieces of each word, each at most `max_pieces`.
        max_pieces: most pieces that a window may read, margins included.
        margin: pieces of context that a window may read on either side of its core.
        cuts: ascending word indices where a cut between cores is welcome (sentence starts).

    Returns:
        Windows in order. Cores are disjoint, ascending and cover all words. A text that fits into
        one window gets one window.

    Raises:
        ConfigurationError: margins leave no room for a core, or a word alone is too large.
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
    borders = _core_borders(before, room, cuts)
    return [
        Window(
            _reach_back(before, start, margin),
            start,
            end,
            _reach_on(before, end, margin),
        )
        for start, end in zip(borders, borders[1:], strict=False)
    ]


def _core_borders(before: Sequence[int], room: int, cuts: Sequence[int]) -> list[int]:
    """Greedy borders; the last welcome cut in the second half of a core is taken if there is one."""
    num_words = len(before) - 1
    borders = [0]
    next_cut = 0
    while borders[-1] < num_words:
        start = borders[-1]
        end = start + 1
        while end < num_words and before[end + 1] - before[start] <= room:
            end += 1
        best = end
        while next_cut < len(cuts) and cuts[next_cut] <= end:
            if end < num_words and before[cuts[next_cut]] - before[start] > room // 2:
                best = cuts[next_cut]
            next_cut += 1
        borders.append(best)
        while next_cut > 0 and cuts[next_cut - 1] > best:
            next_cut -= 1
    return borders


def _reach_back(before: Sequence[int], word: int, margin: int) -> int:
    start = word
    while start > 0 and before[word] - before[start - 1] <= margin:
        start -= 1
    return start


def _reach_on(before: Sequence[int], word: int, margin: int) -> int:
    end = word
    while end < len(before) - 1 and before[end + 1] - before[word] <= margin:
        end += 1
    return end
