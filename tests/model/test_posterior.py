"""The posterior of a run of O is that of the enumeration, and what supervision says it is."""

from __future__ import annotations

import pytest
import torch

from tests.model.test_crf import LENGTHS, enumerate_rows, make_batch, make_crf


def runs():
    return [
        (row, first, last)
        for row, length in enumerate(LENGTHS)
        for first in range(length)
        for last in range(first, length)
    ]


@pytest.mark.parametrize("num_types", [1, 2, 3])
def test_run_of_o_is_that_of_the_enumeration(num_types):
    crf = make_crf(num_types)
    emissions, mask, _ = make_batch(crf)
    paths_of = {row: (paths, scores) for row, paths, scores in enumerate_rows(crf, emissions)}
    expected = []
    for row, first, last in runs():
        paths, scores = paths_of[row]
        holds = (paths[:, first : last + 1] == 0).all(dim=1)
        expected.append(scores[holds].logsumexp(0) - scores.logsumexp(0))
    found = crf.outside_log_probabilities(emissions, mask, torch.tensor(runs()))
    torch.testing.assert_close(found, torch.stack(expected))
    assert crf.outside_log_probabilities(emissions, mask, torch.zeros(0, 3).long()).shape == (0,)


def test_run_of_o_is_the_share_of_the_partition_that_allows_nothing_else():
    crf = make_crf(2).float()
    generator = torch.Generator().manual_seed(4)
    emissions = torch.randn(1, 400, crf.labels.num_tags, generator=generator) * 4
    emissions[..., 0] += 6.0
    mask = torch.ones(1, 400, dtype=torch.bool)
    chosen = [(0, 0, 0), (0, 10, 13), (0, 200, 260), (0, 399, 399), (0, 0, 399)]
    expected = []
    for _, first, last in chosen:
        allowed = torch.ones_like(emissions, dtype=torch.bool)
        allowed[:, first : last + 1, 1:] = False
        held = crf.log_partition(emissions.double(), mask, allowed)
        expected.append((held - crf.log_partition(emissions.double(), mask)).item())
    found = crf.outside_log_probabilities(emissions, mask, torch.tensor(chosen))
    torch.testing.assert_close(found, torch.tensor(expected), rtol=1e-4, atol=1e-4)


def test_one_word_is_its_marginal():
    crf = make_crf(3)
    emissions, mask, _ = make_batch(crf)
    single = [run for run in runs() if run[1] == run[2]]
    found = crf.outside_log_probabilities(emissions, mask, torch.tensor(single)).exp()
    marginals = crf.marginals(emissions, mask)
    expected = torch.stack([marginals[row, word, 0] for row, word, _ in single])
    torch.testing.assert_close(found, expected)
