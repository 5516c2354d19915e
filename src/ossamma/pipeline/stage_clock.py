"""Where the time of a recogniser goes: a clock of stages, and the hooks that run it.

The recogniser itself is not changed: hooks stand before and after its modules, and a few of its
methods are wrapped while the clock runs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from enum import StrEnum
from functools import wraps
from typing import Any

import torch
from torch import nn

from ossamma.inference.recogniser import OssammaRecogniser
from ossamma.inference.scorers import TorchScorer
from ossamma.model.modeling import OssammaForTokenClassification, OssammaModel


class Stage(StrEnum):
    """The stages from text to entities, in their order."""

    TOKENISE = "tokenise and align"
    BATCH = "cut and pad windows"
    EMBED = "embed"
    NORM = "norm and GLU"
    LINEAR = "linear attention"
    OSCILLATOR = "oscillator"
    WINDOW = "window attention"
    GATES = "gates and mixing"
    FFN = "FFN"
    ENCODER = "encoder of transformers"
    HEAD = "head"
    VITERBI = "CRF: best path"
    POSTERIOR = "CRF: posteriors"
    DECODE = "decode entities"
    OTHER = "other"


_OF_BLOCK = {
    "norm": Stage.NORM,
    "glu": Stage.NORM,
    "linear_attention": Stage.LINEAR,
    "oscillator_gate": Stage.OSCILLATOR,
    "window_attention": Stage.WINDOW,
    "feed_forward": Stage.FFN,
}
"""The parts of a block; what is left of it is gates and mixing."""


class StageClock:
    """Charges every moment to the innermost stage that is open, so that stages add up."""

    def __init__(
        self,
        now: Callable[[], float] = time.perf_counter,
        wait: Callable[[], None] = lambda: None,
    ) -> None:
        """Take a clock in seconds, and what waits for the device before the clock is read."""
        self.seconds = dict.fromkeys(Stage, 0.0)
        self._now = now
        self._wait = wait
        self._open: list[Stage] = []
        self._since = 0.0

    def enter(self, stage: Stage) -> None:
        """Open a stage inside the one that is open."""
        self._charge()
        self._open.append(stage)

    def leave(self) -> None:
        """Close the innermost stage."""
        self._charge()
        self._open.pop()

    def reset(self) -> dict[Stage, float]:
        """Return what was charged, and begin at 0."""
        assert not self._open, "no stage is open between two measurements"
        charged, self.seconds = self.seconds, dict.fromkeys(Stage, 0.0)
        return charged

    @contextmanager
    def stage(self, stage: Stage) -> Iterator[None]:
        """Have a stage open for the length of a block."""
        self.enter(stage)
        try:
            yield
        finally:
            self.leave()

    def _charge(self) -> None:
        self._wait()
        now = self._now()
        if self._open:
            self.seconds[self._open[-1]] += now - self._since
        self._since = now


@contextmanager
def clocked(recogniser: OssammaRecogniser, clock: StageClock) -> Iterator[None]:
    """Run the clock wherever the recogniser works, for the length of a block; use it alone."""
    model, scorer = recogniser.model, recogniser.scorer
    # What runs may be a settled copy of the model.
    running = scorer.model if isinstance(scorer, TorchScorer) else model
    with ExitStack() as stack:
        for module, stage in _modules(running):
            stack.enter_context(_hooked(module, stage, clock))
        for owner, method, stage in (
            (recogniser, "lay_out", Stage.TOKENISE),
            (recogniser, "encode", Stage.BATCH),
            (recogniser, "decode", Stage.DECODE),
            (model.crf, "viterbi", Stage.VITERBI),
            (model.crf, "span_log_probabilities", Stage.POSTERIOR),
        ):
            stack.enter_context(_wrapped(owner, method, stage, clock))
        yield


def waiter(device: torch.device) -> Callable[[], None]:
    """Return what waits until a device has done its work."""
    if device.type == "cuda":
        return lambda: torch.cuda.synchronize(device)
    return lambda: None


def _modules(model: OssammaForTokenClassification) -> Iterator[tuple[nn.Module, Stage]]:
    encoder = model.encoder
    yield model.head, Stage.HEAD
    if not isinstance(encoder, OssammaModel):
        yield encoder, Stage.ENCODER
        return
    yield encoder.embedding, Stage.EMBED
    yield encoder.time_embedding, Stage.EMBED
    yield encoder.norm, Stage.HEAD
    for block in encoder.blocks:
        yield block, Stage.GATES
        for name, stage in _OF_BLOCK.items():
            yield block.get_submodule(name), stage


@contextmanager
def _hooked(module: nn.Module, stage: Stage, clock: StageClock) -> Iterator[None]:
    before = module.register_forward_pre_hook(lambda *_: clock.enter(stage))
    after = module.register_forward_hook(lambda *_: clock.leave(), always_call=True)
    try:
        yield
    finally:
        before.remove()
        after.remove()


@contextmanager
def _wrapped(owner: object, name: str, stage: Stage, clock: StageClock) -> Iterator[None]:
    """Put a timed method in the place of the class's, on this one object."""
    method = getattr(owner, name)

    @wraps(method)
    def timed(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401  whatever the method takes
        with clock.stage(stage):
            return method(*args, **kwargs)

    setattr(owner, name, timed)
    try:
        yield
    finally:
        delattr(owner, name)
