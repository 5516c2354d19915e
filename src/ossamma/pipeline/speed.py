"""How fast a recogniser is on this machine, from text to entities."""

from __future__ import annotations

import platform
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from statistics import median
from typing import Final

import torch

from ossamma.inference.recogniser import OssammaRecogniser
from ossamma.schema.errors import DataError
from ossamma.schema.spans import Document
from ossamma.tokenization.alignment import align, words_of

PIECES: Final = 512
_SPECIAL: Final = 2  # pieces that stand around every window
_CPU_INFO: Final = Path("/proc/cpuinfo")


@dataclass(frozen=True, kw_only=True, slots=True)
class Speed:
    """Medians of several runs, tokenizer and CRF included.

    `latency_ms` is that of one text alone, in milliseconds, by its pieces;
    `sequences_per_second` is of such texts in one call of `batch`.
    """

    hardware: str
    latency_ms: dict[int, float]
    sequences_per_second: float
    batch: int
    runs: int

    def to_json(self) -> dict[str, object]:
        """Plain JSON with fixed keys."""
        return {
            "hardware": self.hardware,
            "latency_ms": {str(pieces): value for pieces, value in self.latency_ms.items()},
            "sequences_per_second": self.sequences_per_second,
            "batch": self.batch,
            "runs": self.runs,
        }


def measure_speed(
    recogniser: OssammaRecogniser,
    documents: Sequence[Document],
    *,
    batch: int = 16,
    runs: int = 5,
) -> Speed:
    """Time a recogniser on text of the documents; it should have read some already.

    Raises:
        DataError: the documents have no word.
    """
    text = text_of(recogniser, documents, pieces=PIECES)
    alone = median(seconds_of_calls(recogniser, [text], runs))
    together = median(seconds_of_calls(recogniser, [text] * batch, runs))
    return Speed(
        hardware=hardware_of(recogniser),
        latency_ms={PIECES: 1_000.0 * alone},
        sequences_per_second=batch / together,
        batch=batch,
        runs=runs,
    )


def text_of(recogniser: OssammaRecogniser, documents: Sequence[Document], *, pieces: int) -> str:
    """Return text of the documents that is as long as can be within so many pieces.

    The special pieces at its ends count. Short documents are strung together, and repeated.
    """
    words = [word for document in documents for word in document.text.split()[:pieces]][:pieces]
    if not words:
        raise DataError("expected documents with at least one word to time on, got none")
    text = " ".join((words * pieces)[:pieces])
    document = Document(id="speed", text=text)
    aligned = align(document, words_of(document), recogniser.tokenizer, recogniser.features)
    lengths = accumulate(aligned.num_pieces)
    fitting = sum(length <= pieces - _SPECIAL for length in lengths)
    return text[: aligned.words[max(fitting, 1) - 1].end]


def hardware_of(recogniser: OssammaRecogniser) -> str:
    """Name what the model runs on, and the version of torch."""
    device = recogniser.model.device
    if device.type == "cuda":
        return f"{torch.cuda.get_device_name(device)}, torch {torch.__version__}"
    threads = torch.get_num_threads()
    plural = "" if threads == 1 else "s"
    return f"{_processor()}, {threads} thread{plural}, torch {torch.__version__}"


def _processor() -> str:
    """Name the processor: Linux says its model in a file, others in the platform's own words."""
    try:
        lines = _CPU_INFO.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return next(filter(None, models), platform.processor() or platform.machine())


def seconds_of_calls(recogniser: OssammaRecogniser, texts: Sequence[str], runs: int) -> list[float]:
    """Time so many calls, after one that warms up; each reads all texts."""
    seconds = []
    for _ in range(runs + 1):
        begin = time.perf_counter()
        recogniser.recognise(texts)  # its answer lies in main memory: the device is done
        seconds.append(time.perf_counter() - begin)
    return seconds[1:]
