"""Where the time of a bundle goes: latency by length, throughput, memory, and each stage's part.

Whole calls are timed undisturbed. The stages come from further calls under a clock (see
`stage_clock`), which costs something itself: both sums are told, so that a reader sees how much.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any, Final

import numpy as np

from ossamma.data.demo_corpus import DemoSizes, generate_demo_corpus
from ossamma.data.readers.detect import read_documents
from ossamma.export.bundle import load
from ossamma.export.manifest import own_version, read_metadata, resolve
from ossamma.inference.recogniser import OssammaRecogniser
from ossamma.inference.settings import InferenceSettings
from ossamma.pipeline.memory import peak_memory
from ossamma.pipeline.speed import hardware_of, seconds_of_calls, text_of
from ossamma.pipeline.stage_clock import Stage, StageClock, clocked, waiter
from ossamma.schema.errors import ConfigurationError
from ossamma.schema.spans import Document
from ossamma.tokenization.alignment import align, words_of

FORMAT: Final = "ossamma-profile/1"
LENGTHS: Final = (32, 64, 128, 256, 512, 1024, 2048)
_SHORTEST: Final = 4  # [CLS], [SEP] and a word of two pieces
_PERCENTILES: Final = (50, 90, 95, 99)
_DEMO: Final = DemoSizes(train=1, dev=1, test=200)
_DEMO_SEED: Final = 1
_BUSY: Final = 0.5
"""Of the cores; from here on other work disturbs the timing."""


@dataclass(frozen=True, slots=True)
class Target:
    """A figure of the training plan, section 5.2: told beside what was measured, and no verdict."""

    title: str
    unit: str
    at_most: float | None = None
    at_least: float | None = None

    def is_met(self, value: float) -> bool:
        """Whether a measured value is on the right side."""
        above = self.at_least is None or value > self.at_least
        return above and (self.at_most is None or value < self.at_most)


PLAN_LENGTH: Final = 512
LATENCY: Final = Target("latency of one text of 512 pieces (median)", "ms", at_most=50)
THROUGHPUT: Final = Target("texts of 512 pieces in a batch", "sequences/s", at_least=100)


@dataclass(frozen=True, kw_only=True, slots=True)
class ProfileRequest:
    """What is timed, and how long."""

    bundle: Path
    """A bundle, or the folder of a finished run."""
    lengths: tuple[int, ...] = LENGTHS
    """Lengths of the texts in pieces, those at the ends included."""
    batch: int = 16
    """Texts in a call, where throughput is measured."""
    runs: int = 20
    """Calls of one text that are timed; of batches it is a quarter, but at least 3."""
    device: str = "cpu"
    """Where the model runs, in torch's words: "cpu", "cuda", "cuda:1" ..."""
    text: Path | None = None
    """A file of documents to take the words from; None takes the demonstration corpus."""

    def __post_init__(self) -> None:
        if not self.lengths or min(self.lengths) < _SHORTEST:
            raise ConfigurationError(
                f"lengths must be numbers of pieces from {_SHORTEST} on, got {self.lengths}"
            )
        for name in ("batch", "runs"):
            if getattr(self, name) < 1:
                raise ConfigurationError(f"{name} must be at least 1, got {getattr(self, name)}")

    @property
    def batch_runs(self) -> int:
        """Calls of batches that are timed."""
        return max(self.runs // 4, 3)


@dataclass(frozen=True, kw_only=True, slots=True)
class CallProfile:
    """Calls of one kind. Times are in milliseconds a call."""

    percentiles: Mapping[int, float]
    """Of undisturbed calls; 50 is the median."""
    mean: float
    """Of undisturbed calls."""
    best: float
    """The fastest of the undisturbed calls."""
    worst: float
    """The slowest of the undisturbed calls."""
    clocked: float
    """The call of the median length among those under the clock, measured around it."""
    stages: Mapping[Stage, float]
    """Each stage of that call: so they add up, and a disturbed call does not show."""

    @property
    def sum_of_stages(self) -> float:
        """All stages together, "other" included; `clocked` but for rounding."""
        return sum(self.stages.values())

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return {
            "ms": {f"p{point}": value for point, value in self.percentiles.items()},
            "mean_ms": self.mean,
            "best_ms": self.best,
            "worst_ms": self.worst,
            "clocked_ms": self.clocked,
            "sum_of_stages_ms": self.sum_of_stages,
            "stages_ms": {stage.value: value for stage, value in self.stages.items()},
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class LengthProfile:
    """Texts of one length."""

    length: int
    """The length that was asked for, in pieces."""
    pieces: int
    """Real length of a text, the special pieces at its ends included."""
    words: int
    """Words of a text."""
    alone: CallProfile
    """One text a call."""
    together: CallProfile
    """A batch of texts a call."""
    batch: int
    """Texts in a batch."""
    peak_bytes: int | None
    """Most memory held meanwhile; None where nobody can tell."""

    @property
    def sequences_per_second(self) -> float:
        """Texts a second, in batches."""
        return 1_000.0 * self.batch / self.together.percentiles[50]

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON types."""
        rate = self.sequences_per_second
        return {
            "length": self.length,
            "pieces": self.pieces,
            "words": self.words,
            "sequences_per_second": rate,
            "pieces_per_second": rate * self.pieces,
            "words_per_second": rate * self.words,
            "peak_mib": None if self.peak_bytes is None else self.peak_bytes / 2**20,
            "alone": self.alone.to_json(),
            "together": self.together.to_json(),
        }


def profile_bundle(
    request: ProfileRequest, on_length: Callable[[int], None] | None = None
) -> dict[str, Any]:
    """Profile a bundle; return plain JSON types.

    Args:
        request: what to time.
        on_length: is told of each length before it is timed.

    Raises:
        BundleError: not a bundle, or a damaged one.
        ConfigurationError: there is no such device.
        DataError, FormatError: the file of documents cannot be read, or has no word.
    """
    notes = list(_notes_on_load())
    recogniser, documents = load(request.bundle, device=request.device), _documents(request)
    lengths = []
    for length in sorted(set(request.lengths)):
        if on_length is not None:
            on_length(length)
        lengths.append(profile_length(recogniser, documents, length, request))
    metadata = read_metadata(resolve(request.bundle))
    return {
        "format": FORMAT,
        "ossamma": own_version(),
        "hardware": hardware_of(recogniser),
        "bundle": str(request.bundle),
        "checksum": metadata["checksum"],
        "parameters": metadata["num_parameters"],
        "text": str(request.text) if request.text else "demonstration corpus",
        "batch": request.batch,
        "runs": request.runs,
        "batch_runs": request.batch_runs,
        "window_pieces": InferenceSettings().window_pieces,
        "notes": notes,
        "lengths": [each.to_json() for each in lengths],
        "plan": list(_plan(lengths)),
    }


def profile_length(
    recogniser: OssammaRecogniser,
    documents: Sequence[Document],
    length: int,
    request: ProfileRequest,
) -> LengthProfile:
    """Profile texts of one length, made of the words of the documents.

    Raises:
        DataError: the documents have no word.
    """
    text = text_of(recogniser, documents, pieces=length)
    document = Document(id="profile", text=text)
    words = words_of(document)
    pieces = sum(align(document, words, recogniser.tokenizer, recogniser.features).num_pieces)
    with peak_memory(recogniser.model.device) as peak:
        alone = profile_calls(recogniser, [text], request.runs)
        together = profile_calls(recogniser, [text] * request.batch, request.batch_runs)
    return LengthProfile(
        length=length,
        pieces=pieces + 2,
        words=len(words),
        alone=alone,
        together=together,
        batch=request.batch,
        peak_bytes=peak.bytes,
    )


def profile_calls(recogniser: OssammaRecogniser, texts: Sequence[str], runs: int) -> CallProfile:
    """Time calls that read all texts: undisturbed ones, then as many under the clock."""
    undisturbed = 1_000.0 * np.array(seconds_of_calls(recogniser, texts, runs))
    wait = waiter(recogniser.model.device)
    clock = StageClock(wait=wait)
    with clocked(recogniser, clock):
        recogniser.recognise(texts)
        clock.reset()
        timer, calls = StageClock(wait=wait), []
        for _ in range(runs):
            with timer.stage(Stage.OTHER), clock.stage(Stage.OTHER):
                recogniser.recognise(texts)
            calls.append((timer.reset()[Stage.OTHER], clock.reset()))
    seconds, stages = sorted(calls, key=itemgetter(0))[(runs - 1) // 2]
    points = np.percentile(undisturbed, _PERCENTILES).tolist()
    return CallProfile(
        percentiles=dict(zip(_PERCENTILES, points, strict=True)),
        mean=float(undisturbed.mean()),
        best=float(undisturbed.min()),
        worst=float(undisturbed.max()),
        clocked=1_000.0 * seconds,
        stages={stage: 1_000.0 * spent for stage, spent in stages.items()},
    )


def _documents(request: ProfileRequest) -> Sequence[Document]:
    if request.text is not None:
        return read_documents(request.text).documents
    return generate_demo_corpus(_DEMO_SEED, _DEMO).test


def _notes_on_load() -> Iterator[str]:
    """Say so if the machine has other work: the figures will be too slow."""
    try:
        load_average, cores = os.getloadavg()[0], os.cpu_count()
    except (OSError, AttributeError):  # not every system can tell
        return
    if cores and load_average > _BUSY * cores:
        yield (
            f"the machine was busy before the timing began (load {load_average:.1f} on {cores} "
            "cores): the figures are slower than what it can do"
        )


def _plan(lengths: Sequence[LengthProfile]) -> Iterator[dict[str, Any]]:
    """The plan's figures beside the measured ones, where its length was measured."""
    for each in lengths:
        if each.length != PLAN_LENGTH:
            continue
        measured = (
            (LATENCY, each.alone.percentiles[50]),
            (THROUGHPUT, each.sequences_per_second),
        )
        for target, value in measured:
            yield {
                "figure": target.title,
                "measured": value,
                "unit": target.unit,
                "plan": f"> {target.at_least}" if target.at_most is None else f"< {target.at_most}",
                "met": target.is_met(value),
            }
