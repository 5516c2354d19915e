"""The clock loses no moment: stages add up, whatever is nested, and nothing of it stays behind."""

from __future__ import annotations

from itertools import accumulate

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from ossamma.inference.settled import torch_scorer
from ossamma.pipeline.stage_clock import Stage, StageClock, clocked
from tests import tiny

TEXTS = ["Ada Lovelace met Alan Turing in Oslo .", "Grace Hopper waited .\nLima is old ."]


class Tick:
    """A clock that goes on only when it is told to."""

    def __init__(self):
        self.time = 0.0

    def __call__(self):
        return self.time


@given(st.lists(st.tuples(st.sampled_from([*Stage, None]), st.integers(0, 50)), max_size=40))
def test_every_moment_is_charged_to_the_innermost_open_stage(moves):
    """A slow twin adds each step of time to the top of a stack of its own."""
    tick, stack = Tick(), []
    clock, wanted = StageClock(now=tick), dict.fromkeys(Stage, 0.0)
    for stage, passes in moves:
        if stage is not None:
            clock.enter(stage)
            stack.append(stage)
        elif stack:
            clock.leave()
            stack.pop()
        tick.time += passes
        if stack:
            wanted[stack[-1]] += passes
    while stack:
        clock.leave()
        stack.pop()
    assert clock.reset() == wanted
    assert clock.reset() == dict.fromkeys(Stage, 0.0)


def test_a_stage_ends_with_its_block_even_if_the_block_fails():
    clock = StageClock()
    with pytest.raises(KeyError), clock.stage(Stage.EMBED), clock.stage(Stage.HEAD):
        raise KeyError
    clock.reset()
    with pytest.raises(AssertionError), clock.stage(Stage.EMBED):
        clock.reset()


def test_the_device_is_waited_for_before_the_clock_is_read():
    """With a device that needs 5 for everything, a stage is charged what it started."""
    tick = Tick()

    def wait():
        tick.time += 5.0

    clock = StageClock(now=tick, wait=wait)
    with clock.stage(Stage.FFN):
        tick.time += 1.0
    assert clock.reset()[Stage.FFN] == 6.0


class OtherEncoder(nn.Module):
    """An encoder that the clock does not know, around one that works."""

    def __init__(self, encoder):
        super().__init__()
        self.inner = encoder

    def forward(self, *arguments):
        return self.inner(*arguments)


def counting_clock():
    """A clock by which every reading comes a moment later: stages count their readings."""
    ticks = accumulate(iter(lambda: 1.0, None))
    return StageClock(now=lambda: next(ticks))


def stages_seen(recogniser):
    clock = counting_clock()
    with clocked(recogniser, clock):
        recogniser.recognise(TEXTS)
    return {stage for stage, spent in clock.reset().items() if spent}


@pytest.mark.parametrize("seed", [0, 1])
def test_every_stage_of_a_real_recogniser_is_seen(seed):
    assert stages_seen(tiny.recogniser(seed=seed)) == set(Stage) - {Stage.OTHER, Stage.ENCODER}


def test_the_copy_that_runs_is_watched_and_not_the_model_beside_it():
    recogniser = tiny.recogniser()
    recogniser.scorer = torch_scorer(recogniser.model)
    # Its oscillators and attention are others, its time is folded in.
    assert stages_seen(recogniser) >= set(Stage) - {Stage.OTHER, Stage.ENCODER}


def test_another_encoder_is_one_stage():
    recogniser = tiny.recogniser()
    recogniser.model.encoder = OtherEncoder(recogniser.model.encoder)
    seen = stages_seen(recogniser)
    assert {Stage.ENCODER, Stage.HEAD, Stage.VITERBI} <= seen
    assert seen.isdisjoint({Stage.EMBED, Stage.NORM, Stage.FFN})


def test_the_clock_changes_no_answer_and_leaves_nothing_behind():
    recogniser = tiny.recogniser()
    before = recogniser.recognise(TEXTS)
    assert any(before), "the model finds something"
    clock = counting_clock()
    with clocked(recogniser, clock):
        assert recogniser.recognise(TEXTS) == before
    clock.reset()
    assert recogniser.recognise(TEXTS) == before
    assert not any(clock.reset().values())
    own = {name for place in (recogniser, recogniser.model.crf) for name in vars(place)}
    assert own.isdisjoint({"lay_out", "encode", "decode", "viterbi", "span_log_probabilities"})
    assert not any(
        module._forward_hooks or module._forward_pre_hooks for module in recogniser.model.modules()
    )


def test_the_stages_of_more_blocks_count_more():
    """Each block passes through the same stages once."""
    counts = []
    for layers in (1, 3):
        recogniser = tiny.recogniser()
        blocks = recogniser.model.encoder.blocks
        blocks.extend(blocks[0] for _ in range(layers - 1))
        clock = counting_clock()
        with clocked(recogniser, clock), torch.inference_mode():
            recogniser.recognise(TEXTS[:1])
        counts.append(clock.reset())
    assert counts[1][Stage.WINDOW] > counts[0][Stage.WINDOW]
    assert counts[1][Stage.EMBED] == counts[0][Stage.EMBED]
