"""InferenceSettings: how texts are cut into windows and batches, and which entities are kept."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ossamma.inference.calibration import ThresholdPolicy
from ossamma.inference.passes import PASS_OVERHEAD
from ossamma.schema.errors import ConfigurationError
from ossamma.tokenization.alignment import MAX_PIECES_PER_WORD

_LONGEST_WORD = MAX_PIECES_PER_WORD + 1  # with the [SEP] before it


@dataclass(frozen=True, kw_only=True, slots=True)
class InferenceSettings:
    """Sizes of windows and batches, in pieces unless said otherwise, and what is left out.

    None of the sizes changes what is found in a text that fits into one window.
    """

    window_pieces: int = 510
    """Most pieces that a window reads, margins included, special tokens at its ends not; fewer
    where the encoder has fewer positions."""
    margin_pieces: int = 32
    """Context that a window reads on either side of the words it owns: as far as one layer of the
    default model looks around. More costs time and was not better (docs/results.md)."""
    batch_pieces: int = 8_192
    """Most pieces, padding included, that one forward pass reads."""
    pass_overhead: int = PASS_OVERHEAD
    """What a forward pass costs whatever is in it, in pieces: short windows are padded to long ones
    only where that is cheaper than a pass of their own."""
    pending_pieces: int = 262_144
    """Texts are gathered up to this many pieces before they are batched by length."""
    decode_words: int = 65_536
    """Most words, padding included, in one pass of the CRF."""
    calibrated: bool = True
    """Confidence is calibrated if the bundle can do it; False gives the raw posterior."""
    thresholds: ThresholdPolicy = ThresholdPolicy.NONE
    """Which of the bundle's thresholds decide what is left out."""
    min_confidence: float = 0.0
    """Least confidence of an entity that is kept, whatever its type."""

    def __post_init__(self) -> None:
        self._check_sizes()
        if not 0.0 <= self.min_confidence <= 1.0:  # also refuses NaN
            raise ConfigurationError(
                f"min_confidence must lie in [0, 1], got {self.min_confidence}"
            )
        if self.thresholds not in list(ThresholdPolicy):
            raise ConfigurationError(
                f"thresholds must be one of {', '.join(ThresholdPolicy)}, got {self.thresholds!r}"
            )
        if self.thresholds != ThresholdPolicy.NONE and not self.calibrated:
            raise ConfigurationError(
                f"thresholds {self.thresholds!s} are meant for calibrated confidences; leave "
                "calibrated on, or use min_confidence"
            )

    def within(self, longest_window: int) -> InferenceSettings:
        """Return settings whose windows an encoder can read that reads so many pieces at once.

        These settings where they fit already. Margins shrink as far as the longest word asks for.
        """
        if self.window_pieces <= longest_window:
            return self
        margin = max(0, min(self.margin_pieces, (longest_window - _LONGEST_WORD) // 2))
        return replace(self, window_pieces=longest_window, margin_pieces=margin)

    def _check_sizes(self) -> None:
        if self.margin_pieces < 0:
            raise ConfigurationError(f"margin_pieces must be >= 0, got {self.margin_pieces}")
        smallest = {
            "window_pieces": 2 * self.margin_pieces + _LONGEST_WORD,
            "batch_pieces": self.window_pieces + 2,
            "pending_pieces": 1,
            "decode_words": 1,
            "pass_overhead": 0,
        }
        for name, least in smallest.items():
            if getattr(self, name) < least:
                raise ConfigurationError(
                    f"{name} must be at least {least}, got {getattr(self, name)}: a window holds "
                    f"two margins and a word of {_LONGEST_WORD} pieces, a batch holds a window"
                )
