from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossamma.data.minhash import Bands, jaccard_reference, word_bytes, word_hashes
from ossamma.data.near_index import BandIndex, NearIndex, NearSettings
from ossamma.schema.errors import ConfigurationError

VOCABULARY = [f"word{number}" for number in range(3000)]


def random_text(generator: random.Random, num_words: int) -> str:
    return " ".join(generator.choices(VOCABULARY, k=num_words))


def with_changes(generator: random.Random, text: str, num_changes: int) -> str:
    words = text.split()
    for place in generator.sample(range(len(words)), num_changes):
        words[place] += "x"
    return " ".join(words)


def bands_in_common(left: np.ndarray, right: np.ndarray, bands: Bands) -> bool:
    used = bands.count * bands.rows
    one, other = (sketch[:used].reshape(bands.count, bands.rows) for sketch in (left, right))
    return bool((one == other).all(axis=1).any())


@pytest.mark.parametrize("num_texts", [1, 2, 700, 2500])
def test_all_sketches_with_a_band_in_common_are_candidates(num_texts):
    generator = np.random.default_rng(num_texts)
    bands = Bands(4, 2)
    # Few values make many common bands; nearly every pair of texts shares none.
    sketches = generator.integers(0, 40, (num_texts, 9), dtype=np.uint8)
    index = BandIndex(bands, 9, bucket_limit=255)
    given = index.sketches(sketches)
    for number, sketch in enumerate(given):
        assert index.add(sketch) == number
    for place in range(0, num_texts, max(1, num_texts // 40)):
        probe, candidates = sketches[place], index.candidates(given[place])
        brute = {n for n, s in enumerate(sketches) if bands_in_common(s, probe, bands)}
        assert candidates == brute


@pytest.mark.parametrize("num_copies", [3, 2000])
def test_of_a_full_bucket_the_first_are_found(num_copies):
    index = BandIndex(Bands(2, 2), 4, bucket_limit=3)
    [sketch] = index.sketches(np.array([[1, 2, 3, 4]], dtype=np.uint8))
    for _ in range(num_copies):
        index.add(sketch)
    assert index.candidates(sketch) == {0, 1, 2}
    assert len(index) == num_copies


@pytest.mark.parametrize(("num_texts", "permutations"), [(0, 9), (300, 9), (1500, 64)])
@pytest.mark.parametrize("threshold", [0.01, 0.2, 1.0])
def test_neighbours_equal_their_definition(num_texts, permutations, threshold):
    generator = np.random.default_rng(num_texts)
    values = generator.integers(0, 4, (num_texts + 1, permutations), dtype=np.uint8)
    # All bits of a byte count: 0 and 128 differ in the highest alone.
    values *= np.uint8(64)
    index = BandIndex(Bands(3, 3), permutations, bucket_limit=255)
    sketches = index.sketches(values)
    for sketch in sketches[:-1]:
        index.add(sketch)
    for probe in sketches[:: max(1, num_texts // 20)]:
        expected = index.neighbours_reference(probe, threshold)
        assert index.neighbours(probe, threshold) == expected


def test_fingerprints_of_many_texts_are_those_of_each():
    generator = random.Random(1)
    texts = [random_text(generator, num_words) for num_words in range(130)]
    index = NearIndex(NearSettings())
    found = index.fingerprints([word_hashes(word_bytes(text)) for text in texts])
    assert found == [index.fingerprint(text) for text in texts]
    kinds = {(short is not None, long is not None) for short, long in found}
    assert kinds == {(False, False), (True, False), (True, True), (False, True)}


@given(st.lists(st.integers(2, 80), max_size=8), st.integers(0, 99))
def test_a_text_with_shingles_finds_itself_first(lengths, seed):
    generator = random.Random(seed)
    index = NearIndex(NearSettings())
    texts = [random_text(generator, length) for length in lengths]
    for number, text in enumerate(texts):
        index.add(index.fingerprint(text), number)
    for text in texts:
        found = index.neighbours(index.fingerprint(text))
        if len(text.split()) < 3:
            assert found == []
        else:
            assert found[0] == (texts.index(text), 1.0)
        assert found == sorted(found, key=lambda item: (-item[1], item[0]))


@pytest.mark.parametrize("num_words", [20, 35, 41, 49, 51, 62, 64, 120])
def test_near_pairs_are_found_and_far_ones_are_not(num_words):
    """True Jaccard similarity decides, save for pairs near the threshold."""
    generator = random.Random(num_words)
    index = NearIndex(NearSettings())
    texts = [random_text(generator, num_words) for _ in range(60)]
    for number, text in enumerate(texts):
        index.add(index.fingerprint(text), number)
    missed = 0
    for number, text in enumerate(texts):
        # The last words change: a word in the middle costs a short text more than one shingle.
        near = text + " and" * (num_words // 25)
        far = with_changes(generator, text, num_words // 4)
        assert jaccard_reference(word_bytes(text), word_bytes(near), 5) > 0.9
        assert jaccard_reference(word_bytes(text), word_bytes(far), 3) < 0.6
        assert number not in dict(index.neighbours(index.fingerprint(far)))
        missed += number not in dict(index.neighbours(index.fingerprint(near)))
    assert missed == 0


def test_pairs_at_the_threshold_meet_as_often_as_promised():
    generator = random.Random(5)
    index = NearIndex(NearSettings(threshold=0.5, recall=0.9))
    met = 0
    for number in range(200):
        text = random_text(generator, 203)  # 199 shingles
        index.add(index.fingerprint(text), number)
        longer = text + " " + random_text(generator, 165)  # J = 199 / 364 = 0.547
        met += number in dict(index.neighbours(index.fingerprint(longer)))
    chance = index.bands.chance_to_meet(199 / 364)
    # Some of those that meet are estimated below the threshold: 1 standard error is 0.044.
    assert 0.75 * chance < met / 200 <= 1.0


def test_other_settings_of_the_border_find_the_pair_across_it():
    generator = random.Random(0)
    text = random_text(generator, 47)
    longer = text + " " + random_text(generator, 5)
    index = NearIndex(NearSettings(long_words=50))
    index.add(index.fingerprint(text), 7)
    assert [number for number, _ in index.neighbours(index.fingerprint(longer))] == [7]


def test_memory_for_a_text_is_bounded():
    generator = random.Random(0)
    index = NearIndex(NearSettings())
    for number in range(2048):
        index.add(index.fingerprint(random_text(generator, 100)), number)
    assert (index.num_bytes - NearIndex(NearSettings()).num_bytes) / 2048 < 310


@pytest.mark.parametrize(
    "wrong",
    [
        {"threshold": 0.0},
        {"threshold": 1.1},
        {"recall": float("nan")},
        {"permutations": 0},
        {"short_shingle": 0},
        {"bucket_limit": 256},
    ],
)
def test_impossible_settings(wrong):
    with pytest.raises(ConfigurationError, match=next(iter(wrong))):
        NearSettings(**wrong)
