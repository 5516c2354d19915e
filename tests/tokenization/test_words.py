"""The word splitter owns every character once, and splits as the corpora do."""

from __future__ import annotations

import itertools
import os
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ossamma.schema.errors import ConfigurationError
from ossamma.tokenization.words import split_words

CORPUS = "conll2003/corpus/CoNLL-2003/eng.testb"

any_text = st.text(st.characters(exclude_categories=()), max_size=60)  # surrogates included
fragments = st.lists(
    st.sampled_from(
        [
            *" \t\n\u00a0\u2028.,:;'\u2019\"-/&$%#@+()_",
            *"aNt1s\u0301\u200d\ufe0f\u00ad\u6f22\u00bd\x00\x1c\x85\ud800\u0e32\U0001f44d\U0001f3fd",
            *["n't", "'s", "Mr.", "No.", "U.S.", "http://", "www.", "a@b.c", "...", "\U0001f1e9"],
        ]
    ),
    max_size=12,
).map("".join)


def surfaces(text: str, max_length: int = 128) -> list[str]:
    return [text[word.start : word.end] for word in split_words(text, max_length)]


def is_mark(character: str) -> bool:
    return unicodedata.category(character).startswith("M")


@given(any_text | fragments, st.integers(1, 12) | st.just(128))
@example("".join(map(chr, range(0x3000))), 128)
@example("", 1)
def test_every_character_but_white_space_is_owned_once(text: str, max_length: int) -> None:
    owners = [0] * len(text)
    end = 0
    for word in split_words(text, max_length):
        assert end <= word.start < word.end <= word.start + max_length
        end = word.end
        for index in range(word.start, word.end):
            owners[index] += 1
    assert owners == [int(not character.isspace()) for character in text]


def test_every_single_character_is_a_word_or_white_space() -> None:
    # Left out: most ideographs and Hangul, the private planes and what Unicode leaves empty.
    codes = [range(0x3400), range(0xD700, 0x1_0000), range(0x1_0000, 0x2_0000, 7)]
    codes += [range(0x1_F000, 0x2_0000), range(0xE_0000, 0xE_0200), range(sys.maxunicode, 0x110000)]
    for character in map(chr, itertools.chain(*codes)):
        expected = [] if character.isspace() else [(0, 1)]
        assert [(word.start, word.end) for word in split_words(character)] == expected, hex(
            ord(character)
        )


@given(any_text | fragments)
@example("\x00\u0301\ud800\u0301")
def test_marks_stay_with_their_base_and_controls_alone(text: str) -> None:
    for word in split_words(text, max_length=1000):
        surface = text[word.start : word.end]
        if any(unicodedata.category(character) in {"Cc", "Cs"} for character in surface):
            assert len(surface) == 1
        if is_mark(surface[0]) and word.start:
            before = text[word.start - 1]
            assert before.isspace() or unicodedata.category(before) in {"Cc", "Cs"}


@given(any_text | fragments, st.integers(1, 8))
def test_a_smaller_limit_only_cuts(text: str, max_length: int) -> None:
    """Every word of the wide split is tiled by words of the narrow one."""
    narrow = split_words(text, max_length)
    starts, ends = {word.start for word in narrow}, {word.end for word in narrow}
    for word in split_words(text, max_length=1000):
        assert word.start in starts
        assert word.end in ends


@pytest.mark.parametrize(
    ("text", "max_length", "expected"),
    [
        ("abcdefgh", 3, ["abc", "def", "gh"]),
        ("abe\u0301cd", 3, ["ab", "e\u0301c", "d"]),
        ("a\u0301\u0301\u0301", 2, ["a\u0301", "\u0301\u0301"]),
        (
            "\U0001f469\u200d\U0001f467\U0001f469",
            2,
            ["\U0001f469\u200d", "\U0001f467", "\U0001f469"],
        ),
    ],
)
def test_long_runs_are_cut_before_a_base(text: str, max_length: int, expected: list[str]) -> None:
    assert surfaces(text, max_length) == expected


@pytest.mark.parametrize("max_length", [0, -1])
def test_an_impossible_limit_is_refused(max_length: int) -> None:
    with pytest.raises(ConfigurationError, match="at least 1 character"):
        split_words("a", max_length)


@pytest.mark.parametrize(
    "marked",  # the text, with a bar where two words meet without white space
    [
        "Ada Lovelace joined Acme Ltd. in 1842|.",
        "He left Acme Inc|.",
        "U.S. and U.N. forces|, the U.S.-led ones|, and the U.S.",
        "J. K. Rowling|, J.K. Rowling and J.|Smith",
        "Mr. Smith|, Dr. Jones|, St. Louis|, Jan. 5|, INC. said",
        "No. 5 and No.5|; he said no|.",
        "1,234.5 and $|500|, US$|3.2|, 10|%|, .500|, +44|, 6-4|, 1/2|, 10:30|, 1996-08-22",
        "the EU-wide al-Qaeda AT&T X.509 F-16 34-year-old --|rule",
        "John|'s dog do|n't like O'Brien|'s|.",
        "It ca|n't|; they|'ve|, I|'m|, we|\u2019re|, WO|N'T|, do|n\u2019t",
        "rock'n'roll in the '90s|, boys|' toys",
        '"|Hi|,|" (|he|) [|said|] ...|!',
        "see http://x.org/a?b=c#d|, (|www.foo.com|) or ftp://y.z/%20|.",
        "mail a.b+c@d-e.co.uk|, @user_1|: #tag|!",
        "evil.exe from 192.168.1.1 by CVE-2024-1234|, T1059.001",
        "Ph.D.|, e.g. this|, i.e.|, at 5 p.m. today",
        "end|.|Next|, a|/ b",
        "C|# dev",
        "1|+|1 are two|:|2|, or a|,|2",
        "\U0001f469\u200d\U0001f469\u200d\U0001f467|\U0001f44d\U0001f3fd|\u2764\ufe0f|\u263a",
        "\U0001f1e9\U0001f1ea|\U0001f1eb\U0001f1f7 1\ufe0f\u20e3|2\ufe0f\u20e3 #\ufe0f\u20e3",
        "e\u0301tude \u0939\u093f\u0928\u094d\u0926\u0940|, \u0e20\u0e32\u0e29\u0e32",
        "\u6f22|\u5b57|\u304b\u306a|\u3002 \ud55c\uad6d\uc5b4",
        "a|\x00|b|\ud800|\x07\u00a0c\u2028d",
    ],
)
def test_examples(marked: str) -> None:
    assert surfaces(marked.replace("|", "")) == marked.replace("|", " ").split()


ORDINARY_TEXT = """
Mr. Smith 's don't (the U.S.-led "Acme Inc. Corp. said, 5.2% of $1,200 users' No. 7) a.b@c.org;
https://x.org/y?z=1, @me #tag J. R. O'Neil well-known e.g. etc. they're ... end. '90s AT&T 10:30
-- 1996-12-06 na\u00efve \U0001f44d\U0001f3fd! \u6f22\u5b57
"""
ordinary_words = st.lists(st.sampled_from(ORDINARY_TEXT.split()), max_size=12)


@given(ordinary_words, st.sampled_from([" ", "  ", "\n", "\u00a0"]))
def test_splitting_the_split_changes_nothing(words: list[str], white_space: str) -> None:
    once = surfaces(white_space.join(words))
    assert surfaces(" ".join(once)) == once


NASTY_UNITS = (
    *["a", "1,", "a.", '"', "'", "n't", "n't-", "a-", "a'", "a..", "a.a.ab", "www.,", "http://"],
    *["a@", "@", "+1", "Mr. ", "Inc.", "A&", "\u6f22", "\u0301", "\U0001f469\u200d", "\x00", " "],
    *["Mr." + " " * 999, "a" * 70 + "."],
)


def assert_owned(unit: str, length: int) -> None:
    text = (unit * (length // len(unit) + 1))[:length]
    owned = sum(word.end - word.start for word in split_words(text))
    assert owned == sum(not character.isspace() for character in text)


@pytest.mark.timeout(20)
@pytest.mark.parametrize("unit", NASTY_UNITS)
def test_nasty_texts_are_split(unit: str) -> None:
    assert_owned(unit, 20_000)


@pytest.mark.slow
@pytest.mark.timeout(60)
@pytest.mark.parametrize("unit", NASTY_UNITS)
def test_no_text_takes_more_than_linear_time(unit: str) -> None:
    """Only the generous timeout would notice: a quadratic rule takes an hour on a megabyte."""
    assert_owned(unit, 1_000_000)


def conll_sentences(path: Path) -> Iterator[list[str]]:
    words: list[str] = []
    for line in [*path.read_text(encoding="utf-8").splitlines(), ""]:
        word = line.split(" ")[0].strip()
        if word and word != "-DOCSTART-":
            words.append(word)
        elif words:
            yield words
            words = []


@pytest.mark.data
def test_conll_words_are_recovered() -> None:
    root = os.environ.get("OSSAMMA_MIRROR")
    if root is None or not (Path(root) / CORPUS).is_file():
        pytest.skip(f"OSSAMMA_MIRROR is not set to a folder with {CORPUS}")
    num_words = num_recovered = 0
    for words in conll_sentences(Path(root) / CORPUS):
        found = {(word.start, word.end) for word in split_words(" ".join(words))}
        start = 0
        for word in words:
            num_recovered += (start, start + len(word)) in found
            start += len(word) + 1
        num_words += len(words)
    assert num_words == 46_435
    assert num_recovered / num_words >= 0.994
