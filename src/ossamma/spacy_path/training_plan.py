"""The numbers of a training run, each derived from data, encoder and memory, with its reason."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from ossamma.schema.errors import ConfigurationError
from ossamma.spacy_path.docbin_facts import DocBinFacts
from ossamma.spacy_path.encoder_facts import EncoderFacts
from ossamma.spacy_path.hardware import GIB, Hardware
from ossamma.tokenization.alignment import MAX_PIECES_PER_WORD

EFFECTIVE_DOCUMENTS: Final = 128
"""Documents per step, as the plan of the NER11 profile wants it."""
_ASSUMED_WORDS: Final = 25
_PIECES_PER_WORD: Final = 1.5
_CONTEXT_GIB: Final = 0.75
_USABLE: Final = 0.85
_CPU_GIB: Final = 4.0
_MARGIN: Final = 16
_WINDOW: Final = 128
_EPOCHS: Final = 20
_LARGE_WIDTH: Final = 1024
_LARGEST_BATCH_WORDS: Final = 1000
"""To which spaCy's batches of words grow."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """A number, and why it is that."""

    value: int
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Length:
    """How long training runs, in steps unless said otherwise."""

    epochs: Chosen
    max_steps: Chosen
    """0 means that the epochs decide."""
    schedule_steps: Chosen
    warmup_steps: Chosen
    patience: Chosen
    evaluate_every: Chosen


def plan_length(data: DocBinFacts | None, *, has_encoder: bool) -> Length:
    """Plan by the size of the training data, or as the original run was if it is not known."""
    if not has_encoder:
        return _length_without_encoder(data)
    if data is None:
        unknown = "the original run's figure, for the size of the data was not given"
        return Length(
            epochs=Chosen(_EPOCHS, "the plan's 10 to 20 epochs; patience ends it earlier"),
            max_steps=Chosen(20_000, unknown),
            schedule_steps=Chosen(20_000, "so that the rate reaches 0 at max_steps"),
            warmup_steps=Chosen(250, unknown),
            patience=Chosen(5_000, unknown),
            evaluate_every=Chosen(200, unknown),
        )
    per_epoch = math.ceil(data.documents / EFFECTIVE_DOCUMENTS)
    total = _EPOCHS * per_epoch
    every = min(200, max(10, per_epoch // 2))
    return Length(
        epochs=Chosen(_EPOCHS, "the plan's 10 to 20 epochs; patience ends it earlier"),
        max_steps=Chosen(0, "no limit of its own: max_epochs is the limit"),
        schedule_steps=Chosen(
            total, f"{_EPOCHS} epochs of about {per_epoch} steps ({data.documents:,} documents)"
        ),
        warmup_steps=Chosen(max(1, min(250, total // 10)), "a tenth of the run, at most 250"),
        patience=Chosen(
            max(4 * per_epoch, 4 * every),
            "in steps: four epochs without a better dev F1. 0 would mean no patience at all",
        ),
        evaluate_every=Chosen(every, "twice per epoch, but every 10 to 200 steps"),
    )


def _length_without_encoder(data: DocBinFacts | None) -> Length:
    """As spaCy's own base, but that a large set is judged less often than every 200 steps.

    Batches grow from a hundred words to a thousand, so that epochs have no fixed length.
    """
    base = "as in spaCy's own base"
    unused = Chosen(0, "the rate is constant")
    per_epoch = data.words // _LARGEST_BATCH_WORDS if data else 0
    every = min(2_000, max(200, per_epoch // 4))
    why = base if every == 200 else f"four times per epoch of about {per_epoch:,} steps"
    return Length(
        epochs=Chosen(_EPOCHS, "the plan's 10 to 20 epochs; patience ends it earlier"),
        max_steps=Chosen(20_000, f"for very large data; {base}"),
        schedule_steps=unused,
        warmup_steps=unused,
        patience=Chosen(8 * every, "in steps: eight evaluations without a better dev F1"),
        evaluate_every=Chosen(every, why),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Batches:
    """How a step is laid out in memory."""

    words: Chosen
    """Padded size of a step's batch."""
    parts: Chosen
    """Into how many the batch is divided (`accumulate_gradient`)."""
    window: Chosen
    margin: Chosen
    pass_pieces: Chosen


def plan_batches(encoder: EncoderFacts, hardware: Hardware, data: DocBinFacts | None) -> Batches:
    """Plan batches of 128 documents that fit into memory."""
    window = min(_WINDOW, encoder.longest_window)
    margin = min(_MARGIN, max(0, (window - MAX_PIECES_PER_WORD) // 2))
    half = hardware.vram_gib is not None
    pieces, reason = _pieces_that_fit(encoder, hardware, window=window, half=half)
    mean = data.mean_words if data else float(_ASSUMED_WORDS)
    words = math.ceil(EFFECTIVE_DOCUMENTS * mean)
    if data:
        # A batch that is smaller than its longest document is that document alone.
        words = max(words, data.longest)
    known = "as counted" if data else "assumed"
    parts = max(1, math.ceil(words * _PIECES_PER_WORD / pieces))
    return Batches(
        words=Chosen(
            words,
            f"{EFFECTIVE_DOCUMENTS} documents per step, of {mean:.0f} words ({known}): spaCy "
            "divides this batch, it does not add batches up",
        ),
        parts=Chosen(
            parts,
            f"spaCy cuts each batch into so many parts by the number of documents: about "
            f"{math.ceil(words / parts):,} words of {_PIECES_PER_WORD} pieces in memory at once. "
            "After an out-of-memory error double this and leave the batch: the result is the same",
        ),
        window=Chosen(
            window,
            "pieces that the encoder sees at once: strided spans. The original's 64 cut entities; "
            "here windows tile the text, and each token is owned by one of them",
        ),
        margin=Chosen(margin, "context on either side, so the stride is window - 2 * margin"),
        pass_pieces=Chosen(pieces, reason),
    )


def _pieces_that_fit(
    encoder: EncoderFacts, hardware: Hardware, *, window: int, half: bool
) -> tuple[int, str]:
    """Return the most pieces of one pass, and how that was reckoned."""
    per_piece = encoder.bytes_per_piece(window, half=half)
    if hardware.vram_gib is None:
        free = _CPU_GIB * GIB
        budget = f"{_CPU_GIB:g} GiB of main memory for activations"
    else:
        total = hardware.vram_gib * _USABLE - _CONTEXT_GIB
        free = total * GIB - encoder.fixed_bytes
        budget = (
            f"{hardware.vram_gib:g} GiB ({hardware.said_by}) * {_USABLE} - {_CONTEXT_GIB} of "
            f"CUDA's own - {encoder.fixed_bytes / GIB:.1f} of {encoder.parameters / 1e6:.0f} M "
            f"parameters with Adam = {free / GIB:.1f} GiB"
        )
    if free < per_piece * (window + 2):
        raise ConfigurationError(
            f"the encoder {encoder.name!r} does not fit: {budget}; choose a smaller encoder, or a "
            "GPU with more memory"
        )
    pieces = max(window + 2, int(free / per_piece) // 64 * 64)
    return pieces, (
        f"{budget}, {per_piece / 1024:.0f} KiB for each piece. What does not fit is read in "
        "several passes and computed twice, so that one long document costs time, not memory"
    )


def learning_rate(encoder: EncoderFacts) -> tuple[float, str]:
    """Return the highest rate of the schedule, and why."""
    if encoder.width >= _LARGE_WIDTH:
        return 2e-5, "large encoders diverge at more; within the plan's 1e-5 to 5e-5"
    return 5e-5, "the upper end of the plan's 1e-5 to 5e-5, as in the original run"
