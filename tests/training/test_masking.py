"""Masked batches: nothing shows what is hidden, and the same rows give the same batch."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ossamma.tokenization.token_store import NOT_IN_A_WORD, TextRow
from ossamma.training.masking import Masking
from ossamma.training.noise import NoiseSettings

PAD, CLS, SEP, MASK = 0, 2, 3, 4


def row(number: int, words: list[int], seed: int = 0) -> TextRow:
    """[CLS], words of so many pieces, [SEP]; the features of a word are made from all of it."""
    generator = np.random.default_rng((seed, number))
    pieces = [generator.integers(5, 90, size=length) for length in words]
    ids = [CLS, *(int(piece) for word in pieces for piece in word), SEP]
    # Numbers of words need not begin at 0: a row may be the middle of a document.
    owner = [word + 7 for word, length in enumerate(words) for _ in range(length)]
    feature = [1 + int(word.sum()) % 50 for word in pieces for _ in word]
    return TextRow(
        number,
        np.array(ids, dtype=np.int64),
        np.array([NOT_IN_A_WORD, *owner, NOT_IN_A_WORD], dtype=np.int64),
        np.array([0, *feature, 0], dtype=np.int64)[:, None].repeat(2, axis=1),
    )


def masking(**changes: object) -> Masking:
    return Masking(settings=NoiseSettings(**changes), mask_id=MASK, pad_id=PAD)  # type: ignore[arg-type]


SENTENCES = st.lists(st.lists(st.integers(1, 4), min_size=1, max_size=9), min_size=1, max_size=6)


@settings(deadline=None)
@given(sentences=SENTENCES, seed=st.integers(0, 2**40))
def test_a_batch_hides_some_pieces_and_leaves_all_others(
    sentences: list[list[int]], seed: int
) -> None:
    rows = [row(number, words) for number, words in enumerate(sentences)]
    batch = masking().mask(rows, seed)
    for b, text in enumerate(rows):
        length = len(text.input_ids)
        hidden = batch["labels"][b, :length] != -100
        original = torch.from_numpy(text.input_ids)
        seen = batch["input_ids"][b, :length]
        assert torch.equal(torch.where(hidden, batch["labels"][b, :length], seen), original)
        assert (seen[hidden] == MASK).all()
        assert not hidden[torch.from_numpy(text.words) == NOT_IN_A_WORD].any()
        assert batch["attention_mask"][b].tolist() == [t < length for t in range(len(seen))] + [
            False
        ] * (batch["input_ids"].shape[1] - length)
        assert (batch["labels"][b, length:] == -100).all()
        assert (batch["input_ids"][b, length:] == PAD).all()


@settings(deadline=None)
@given(sentences=SENTENCES, seed=st.integers(0, 2**40))
def test_features_stand_at_words_that_hide_nothing_and_nowhere_else(
    sentences: list[list[int]], seed: int
) -> None:
    rows = [row(number, words) for number, words in enumerate(sentences)]
    batch = masking(time_sampling="bell").mask(rows, seed)
    for b, text in enumerate(rows):
        spoilt = {
            int(word)
            for word, label in zip(text.words, batch["labels"][b].tolist(), strict=False)
            if label != -100
        }
        for t, word in enumerate(text.words):
            wanted = [0, 0] if int(word) in spoilt else text.features[t].tolist()
            assert batch["word_features"][b, t].tolist() == wanted


def test_the_same_rows_and_seed_give_the_same_batch_and_others_do_not() -> None:
    rows = [row(number, [2, 1, 3] * 20) for number in range(4)]
    one, again, other = (masking().mask(rows, seed) for seed in (1, 1, 2))
    for name in one:
        assert torch.equal(one[name], again[name])  # type: ignore[literal-required]
    assert not torch.equal(one["labels"], other["labels"])
    moved = [row(number + 1, [2, 1, 3] * 20, seed=0) for number in range(4)]
    assert not torch.equal(one["time"], masking().mask(moved, 1)["time"])


def test_the_rows_of_a_batch_cover_the_whole_range_of_times() -> None:
    batch = masking(num_timesteps=0).mask([row(n, [1] * 5) for n in range(10)], 3)
    assert sorted((batch["time"] * 10).floor().int().tolist()) == list(range(10))


def test_weights_are_divided_by_the_pieces_that_can_be_masked_or_by_a_fixed_number() -> None:
    rows = [row(n, [2, 1, 1]) for n in range(3)]
    own = masking().mask(rows, 5)
    fixed = Masking(settings=NoiseSettings(), mask_id=MASK, pad_id=PAD, num_pieces=120)
    # 3 rows of 4 pieces each.
    torch.testing.assert_close(own["weights"], fixed.mask(rows, 5)["weights"] * (120 / 12))


@pytest.mark.parametrize("schedule", ["cosine", "linear"])
@pytest.mark.parametrize("sampling", ["uniform", "bell"])
def test_a_model_that_knows_nothing_has_the_bound_of_a_uniform_guess(
    schedule: str, sampling: str
) -> None:
    # Every masked piece costs log V, so the bound per piece is log V whatever the schedule.
    make = masking(schedule=schedule, time_sampling=sampling, num_timesteps=0)
    total = 0.0
    for step, chunk in enumerate(pairwise(range(0, 6401, 64))):
        batch = make.mask([row(n, [1] * 40) for n in range(*chunk)], step)
        hidden_B = (batch["labels"] != -100).sum(1)
        total += float((batch["weights"] * hidden_B).sum()) / 100
    assert total == pytest.approx(1.0, rel=0.03)


def test_pieces_are_hidden_at_the_rate_of_their_row() -> None:
    rows = [row(n, [3] * 20_000) for n in range(3)]
    for rate in (0.05, 0.15, 0.9, 1.0):
        make = masking(num_timesteps=0)
        batch = make.mask_at(rows, rate, 1)
        shares = (batch["labels"][:, 1:-1] != -100).double().mean(1)
        # Five standard deviations of a binomial share.
        assert (torch.abs(shares - rate) <= 5 * (rate * (1 - rate) / 60_000) ** 0.5 + 1e-12).all()
        torch.testing.assert_close(batch["weights"], torch.full((3,), 1 / 180_000))
