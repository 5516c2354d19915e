from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from datasketch import MinHash
from hypothesis import given
from hypothesis import strategies as st

from ossamma.data.minhash import (
    Bands,
    MinHasher,
    choose_bands,
    jaccard_reference,
    normalise,
    shingle_hashes,
    shingle_hashes_reference,
    shingles_of_many,
    similarity,
    text_key,
    word_bytes,
    word_hashes,
)
from ossamma.schema.errors import ConfigurationError

ROOT = Path(__file__).resolve().parents[2]
word_lists = st.lists(st.binary(min_size=1, max_size=4), max_size=12)


@given(st.text())
def test_normalising_twice_is_normalising_once(text):
    once = normalise(text)
    assert normalise(once) == once


@given(st.text(st.characters(max_codepoint=127)))
def test_the_way_of_ascii_is_the_general_way(text):
    # The long s makes the text go the general way and is an s there.
    assert normalise("\u017f " + text) == normalise("s " + text)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("A  b\tC\n", "a b c"),
        ("STRASSE", "stra\u00dfe"),
        ("\ufb01le", "FILE"),
        ("caf\u00e9", "cafe\u0301"),
        ("a\u00a0b", "a b"),
    ],
)
def test_texts_that_are_called_equal(left, right):
    assert text_key(normalise(left)) == text_key(normalise(right))


@pytest.mark.parametrize(("left", "right"), [("a b", "ab"), ("a.", "a"), ("1.0", "10")])
def test_texts_that_are_not_called_equal(left, right):
    assert text_key(normalise(left)) != text_key(normalise(right))


@given(st.text(st.characters(codec="utf-8")))
def test_words_are_runs_of_letters_digits_and_underscores(text):
    normalised = normalise(text)
    # A Greek letter in front makes an ASCII text go the general way.
    assert word_bytes("\u03b1 " + normalised) == ["\u03b1".encode(), *word_bytes(normalised)]


def test_split_off_punctuation_makes_no_difference():
    assert word_bytes('he said : " go , now ! "') == word_bytes('he said: "go, now!"')


@given(word_lists, st.integers(1, 6))
def test_shingle_hashes_equal_their_definition(words, width):
    assert shingle_hashes(words, width).tolist() == shingle_hashes_reference(words, width)


@given(st.lists(word_lists, max_size=6), st.integers(1, 6))
def test_shingles_of_many_texts_are_those_of_each(texts, width):
    shingles, ends = shingles_of_many([word_hashes(words) for words in texts], width)
    starts = [0, *ends.tolist()]
    assert [shingles[a:b].tolist() for a, b in pairwise(starts)] == [
        shingle_hashes_reference(words, width) for words in texts
    ]
    assert len(shingles) == starts[-1]


def test_shingles_in_another_order_hash_differently():
    one, other = shingle_hashes([b"a", b"b"], 2), shingle_hashes([b"b", b"a"], 2)
    assert one.tolist() != other.tolist()


@given(st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=40), st.integers(0, 5))
def test_minima_equal_their_definition(shingles, seed):
    hasher = MinHasher(16, seed)
    minima = hasher.minima(np.array(shingles, dtype=np.uint32))
    assert minima.tolist() == hasher.minima_reference(shingles)


def test_minima_of_a_long_text_equal_their_definition():
    shingles = np.random.default_rng(0).integers(0, 2**32, 2500, dtype=np.uint32)
    hasher = MinHasher(4, 0)
    assert hasher.minima(shingles).tolist() == hasher.minima_reference(shingles.tolist())


@given(
    st.lists(st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=9), min_size=1, max_size=9)
)
def test_minima_of_many_texts_are_those_of_each(texts):
    hasher = MinHasher(8, 0)
    shingles = np.array([shingle for text in texts for shingle in text], dtype=np.uint32)
    minima = hasher.minima_of_many(shingles, np.cumsum([len(text) for text in texts]))
    assert minima.tolist() == [hasher.minima_reference(text) for text in texts]


@pytest.mark.parametrize("lengths", [[1023, 1, 1, 1024, 5], [3000, 2, 2100], [512] * 7])
def test_minima_of_texts_across_chunks_are_those_of_each(lengths):
    shingles = np.random.default_rng(0).integers(0, 2**32, sum(lengths), dtype=np.uint32)
    ends = np.cumsum(lengths)
    hasher = MinHasher(4, 0)
    parts = np.split(shingles, ends[:-1])
    assert (hasher.minima_of_many(shingles, ends) == [hasher.minima(part) for part in parts]).all()
    assert (hasher.sketches(shingles, ends) == [hasher.sketch(part) for part in parts]).all()


def pair_of_texts(generator: np.random.Generator, num_words: int, changed: float):
    vocabulary = [b"w%d" % number for number in range(5000)]
    left = [vocabulary[n] for n in generator.integers(0, 5000, num_words)]
    places = generator.random(num_words) < changed
    return left, [
        b"x" + word if is_changed else word for word, is_changed in zip(left, places, strict=True)
    ]


@pytest.mark.parametrize(("num_words", "width"), [(30, 3), (200, 5), (1500, 5)])
def test_similarity_estimates_jaccard_without_bias_and_as_well_as_it_can(num_words, width):
    generator = np.random.default_rng(num_words)
    hasher = MinHasher(128, 0)
    errors, variances = [], []
    for _ in range(150):
        left, right = pair_of_texts(generator, num_words, 0.04)
        truth = jaccard_reference(left, right, width)
        one, other = (hasher.sketch(shingle_hashes(words, width)) for words in (left, right))
        errors.append(similarity(one[None], other)[0] - truth)
        variances.append(truth * (1 - truth) / 128)
    assert abs(np.mean(errors)) < 4 * np.sqrt(np.mean(variances) / len(errors))
    assert np.sqrt(np.mean(np.square(errors))) < 1.25 * np.sqrt(np.mean(variances))


def test_similarity_agrees_with_an_independent_implementation():
    generator = np.random.default_rng(3)
    hasher = MinHasher(128, 0)
    ours, theirs = [], []
    for changed in np.linspace(0.0, 0.3, 40):
        pair = pair_of_texts(generator, 120, changed)
        one, other = (hasher.sketch(shingle_hashes(words, 3)) for words in pair)
        ours.append(similarity(one[None], other)[0])
        sketches = []
        for words in pair:
            sketch = MinHash(num_perm=128, seed=1)
            sketch.update_batch([b" ".join(words[n : n + 3]) for n in range(len(words) - 2)])
            sketches.append(sketch)
        theirs.append(sketches[0].jaccard(sketches[1]))
    assert np.corrcoef(ours, theirs)[0, 1] > 0.97
    assert abs(np.mean(ours) - np.mean(theirs)) < 0.03


def test_equal_sketches_have_similarity_one_and_strangers_none():
    generator = np.random.default_rng(0)
    sketches = generator.integers(0, 256, (20, 128), dtype=np.uint8)
    found = similarity(sketches, sketches[7])
    assert found[7] == 1.0
    assert np.delete(found, 7).max() < 0.05


@given(st.lists(st.sampled_from([b"a", b"b", b"c"]), max_size=9), st.integers(1, 4))
def test_true_jaccard_is_one_with_itself_if_there_is_a_shingle(words, width):
    assert jaccard_reference(words, words, width) == float(len(words) >= width)


@given(st.floats(0.3, 0.95), st.sampled_from([32, 64, 128, 256]), st.floats(0.5, 0.99))
def test_bands_find_what_they_promise_and_longer_ones_would_not(threshold, permutations, recall):
    bands = choose_bands(threshold, permutations, recall)
    assert bands.count * bands.rows <= permutations
    assert bands.chance_to_meet(threshold) >= recall
    longer = range(bands.rows + 1, permutations + 1)
    assert all(
        Bands(permutations // rows, rows).chance_to_meet(threshold) < recall for rows in longer
    )


def test_bands_that_cannot_be():
    with pytest.raises(ConfigurationError, match="cannot find 99%"):
        choose_bands(0.1, 8, 0.99)


def test_nothing_depends_on_the_hash_seed():
    code = (
        "from ossamma.data.minhash import *\n"
        "words = word_bytes(normalise('The quick brown fox is Stra\u00dfenkoter 42'))\n"
        "print(MinHasher(64, 7).sketch(shingle_hashes(words, 3)).tobytes().hex())"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT / "src")},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1
    # What other machines must get, too.
    assert hashlib.sha256(outputs.pop().encode()).hexdigest() == (
        "8875c8aba70266eeb757ee0bc6f06a04884f091858079144d0640fa1cad380b3"
    )
