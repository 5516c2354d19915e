"""The watch speaks when training has gone wrong, and only then."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossamma.pipeline.supervision.progress import Evaluation
from ossamma.pipeline.supervision.watch import (
    WatchSettings,
    divergence,
    mean_losses,
    overfitting,
)
from ossamma.schema.errors import ConfigurationError

WATCH = WatchSettings()


def evaluations(losses, scores):
    return [
        Evaluation(step=10 * n, epoch=0, score=score, losses={"ner": loss * (10 if n else 1)})
        for n, (loss, score) in enumerate(zip(losses, scores, strict=True))
    ]


@given(st.lists(st.floats(0.01, 1e6), min_size=1, max_size=12))
def test_a_run_whose_score_never_falls_neither_diverges_nor_overfits(losses):
    made = evaluations(losses, [n / len(losses) for n in range(len(losses))])
    assert divergence(made, WATCH) is None
    assert overfitting(made, WATCH) is None
    assert mean_losses(made) == pytest.approx(losses)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_loss_that_is_no_number_is_divergence_at_once(bad):
    assert "no number" in divergence(evaluations([1.0, bad], [0.5, 0.6]), WATCH)
    assert "no number" in divergence(evaluations([1.0, 1.0], [0.5, math.nan]), WATCH)


def test_a_loss_that_rises_while_the_score_falls_is_divergence_if_it_lasts():
    losses, scores = [9, 2, 1, 11, 12, 13], [0.1, 0.5, 0.8, 0.2, 0.1, 0.1]
    for length in range(1, len(losses)):
        assert divergence(evaluations(losses[:length], scores[:length]), WATCH) is None
    assert "13.0 times its lowest" in divergence(evaluations(losses, scores), WATCH)


def test_a_score_that_falls_while_the_loss_does_is_overfitting_if_it_lasts():
    losses, scores = [9, 8, 7, 6, 5], [0.5, 0.8, 0.7, 0.6, 0.5]
    assert overfitting(evaluations(losses[:4], scores[:4]), WATCH) is None
    assert "overfitting" in overfitting(evaluations(losses, scores), WATCH)
    assert overfitting(evaluations(losses, [0.5, 0.8, 0.7, 0.75, 0.5]), WATCH) is None


def test_impossible_settings_are_refused():
    for wrong in ({"stall_seconds": 0.0}, {"patience": 0}):
        with pytest.raises(ConfigurationError):
            WatchSettings(**wrong)
