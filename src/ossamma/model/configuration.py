"""OssammaConfig: every architectural choice, in the Hugging Face form, and the named sizes."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

from transformers import AutoConfig, PretrainedConfig

from ossamma.model.oscillator import Direction, Mode, OscillatorSettings
from ossamma.model.window_attention import AttentionMode, check_mode
from ossamma.schema.errors import ConfigurationError
from ossamma.tokenization.features import FeatureSpec

# What Hugging Face's base class declares is Hugging Face's to check.
_CHECKED_ELSEWHERE = {field.name for field in dataclasses.fields(PretrainedConfig)} | {
    "word_features",
    "encoder",
}
HEAD_SETTINGS = frozenset(
    {
        "use_crf",
        "boundary_loss_weight",
        "omission_rate",
        "token_loss_weight",
        "label_smoothing",
        "focal_gamma",
        "crf_focal_gamma",
        "head_dropout",
    }
)
"""Settings of what stands above the encoder, whichever that is."""
# They suit the machine that a model runs on, which is not the one that reads its file.
_WAYS_OF_EVALUATION = ("oscillator_mode", "attention_mode")
# Settings that must lie in [low, high). Those of the oscillators are in `OscillatorSettings`.
_RANGES: tuple[tuple[float, float, tuple[str, ...]], ...] = (
    (
        1,
        math.inf,
        (
            "vocab_size",
            "hidden_size",
            "num_hidden_layers",
            "num_attention_heads",
            "num_oscillators",
            "window_size",
            "time_dimension",
            "word_feature_width",
            "longest_window",
        ),
    ),
    (
        0,
        math.inf,
        (
            "ffn_expansion",
            "layer_norm_eps",
            "initializer_range",
            "boundary_loss_weight",
            "token_loss_weight",
            "focal_gamma",
            "crf_focal_gamma",
        ),
    ),
    (
        0,
        1,
        (
            "dropout",
            "head_dropout",
            "piece_dropout",
            "feature_dropout",
            "label_smoothing",
            "tagging_time",
        ),
    ),
)


class OssammaConfig(PretrainedConfig):
    """Configuration of an OSSAMMA encoder and its heads.

    Widths are in features, `window_size` in pieces. Fields that switch a part off exist for the
    ablations: `input_gate`, `output_gate`, `use_oscillator`, `adaptive_mixing`, `use_crf`,
    `boundary_loss_weight = 0` and `ffn_expansion = 0`.

    Raises:
        ConfigurationError: a setting of the wrong type or out of range, or a size that cannot be
            built.
    """

    model_type = "ossamma"

    vocab_size: int = 32_000
    hidden_size: int = 256
    num_hidden_layers: int = 4
    num_attention_heads: int = 4
    num_oscillators: int = 256
    ffn_expansion: float = 2.0
    """Width of the SwiGLU inside, as a multiple of `hidden_size`; 0 turns the FFN off."""
    window_size: int = 256
    """Full width: piece i sees j with |i - j| <= window_size // 2."""
    rope_theta_base: float = 10_000.0
    time_dimension: int = 64
    dropout: float = 0.1
    layer_norm_eps: float = 1e-5
    initializer_range: float = 0.02
    pad_token_id: int = 0
    mask_token_id: int = 4
    tie_word_embeddings: bool = True

    direction: Direction = "bidirectional"
    oscillator_mode: Mode = "auto"
    """How the oscillators are evaluated; auto goes by device. Written into no file."""
    attention_mode: AttentionMode = "auto"
    """How the window attention is evaluated; auto goes by device. Written into no file."""
    min_frequency: float = 0.1
    """Smallest initial stiffness k of an oscillator."""
    max_frequency: float = 10.0
    oscillator_dt: float = 0.1
    oscillator_damping: float = 0.01

    input_gate: bool = True
    output_gate: bool = True
    use_oscillator: bool = True
    adaptive_mixing: bool = True

    word_features: Sequence[tuple[str, int]] = ()
    """(name, rows) of each hashed word feature; empty: pieces alone."""
    word_feature_width: int = 64
    piece_dropout: float = 0.0
    """Probability that a piece is read as [MASK] during training."""
    feature_dropout: float = 0.0
    """Probability that one feature is left out at one piece during training."""

    encoder: Mapping[str, Any] | None = None
    """Configuration of an encoder of transformers, with its `model_type`, in the place of ours;
    what is said above of the inside of an encoder then says nothing."""
    longest_window: int = 1 << 30
    """Most pieces that the encoder reads at once, special ones at the ends not counted."""

    tagging_time: float = 0.0
    """Diffusion time t at which text is tagged: clean text is t = 0."""
    use_crf: bool = True
    boundary_head: bool = True
    """Whether there is a head for the boundary loss; False in a release, which does not train."""
    boundary_loss_weight: float = 0.2
    omission_rate: float = 1.0
    """Probability that an entity is left unmarked where its document does not annotate its type in
    full. 1: silence says nothing there. Lower: silence is weak evidence that nothing is there. Of
    the CRF's loss alone."""
    crf_focal_gamma: float = 0.0
    """A line's loss weighs (1 - p)^this, p the mean probability of its words: easy lines count
    less. Of the CRF's loss alone; 0 turns it off."""
    token_loss_weight: float = 0.0
    """Weight of the auxiliary token cross-entropy, which label smoothing and focal apply to."""
    label_smoothing: float = 0.1
    focal_gamma: float = 0.0
    head_dropout: float = 0.1

    def __post_init__(self, **kwargs: Any) -> None:
        super().__post_init__(**kwargs)  # type: ignore[no-untyped-call]
        self._check_types()
        self._check_ranges()
        stated: object = self.encoder
        if stated is None:
            self._check_own_encoder()
        elif not isinstance(stated, Mapping) or self.word_features:
            raise ConfigurationError(
                "encoder must be the configuration of an encoder of transformers, which reads no "
                f"word_features, got {stated!r} and {self.word_features!r}"
            )
        self.word_features = _feature_entries(self.word_features)
        check_mode(self.attention_mode)

    def to_dict(self) -> dict[str, Any]:
        """Return what is written into a file: all that makes the model what it is."""
        content: dict[str, Any] = super().to_dict()
        return {name: value for name, value in content.items() if name not in _WAYS_OF_EVALUATION}

    def oscillator_settings(self) -> OscillatorSettings:
        """Return the settings of each block's oscillators."""
        return OscillatorSettings(
            hidden_size=self.hidden_size,
            num_oscillators=self.num_oscillators,
            direction=self.direction,
            min_frequency=self.min_frequency,
            max_frequency=self.max_frequency,
            dt=self.oscillator_dt,
            damping=self.oscillator_damping,
            mode=self.oscillator_mode,
        )

    def _check_types(self) -> None:
        """Refuse a value of another type than the default's; an int may stand for a float."""
        for field in dataclasses.fields(type(self)):
            if field.name in _CHECKED_ELSEWHERE:
                continue
            value, kind = getattr(self, field.name), type(field.default)
            if type(value) is not kind and not (kind is float and type(value) is int):
                raise ConfigurationError(
                    f"{field.name} must be of type {kind.__name__}, such as {field.default!r}, "
                    f"got {value!r}"
                )

    def _check_ranges(self) -> None:
        piece_ids = (0, self.vocab_size, ("pad_token_id", "mask_token_id"))
        for low, high, names in (*_RANGES, piece_ids):
            for name in names:
                value = getattr(self, name)
                if not low <= value < high:  # also refuses NaN
                    raise ConfigurationError(f"{name} must lie in [{low}, {high}), got {value}")

        if not 0.0 < self.omission_rate <= 1.0:
            raise ConfigurationError(f"omission_rate must lie in (0, 1], got {self.omission_rate}")

    def _check_own_encoder(self) -> None:
        width, remainder = divmod(self.hidden_size, self.num_attention_heads)
        if remainder or width % 2:
            raise ConfigurationError(
                f"hidden_size must be num_attention_heads times an even number (rotary positions "
                f"turn pairs), got {self.hidden_size} and {self.num_attention_heads}"
            )
        if self.use_oscillator:
            self.oscillator_settings()


def _feature_entries(entries: object) -> list[tuple[str, int]]:
    """Return (name, rows) of each word feature. JSON has lists where we have tuples."""
    try:
        pairs = [(name, rows) for name, rows in entries]  # type: ignore[attr-defined]
    except (TypeError, ValueError):
        raise ConfigurationError(
            f"word_features must be pairs of a name and a number of rows, got {entries!r}"
        ) from None
    return [(spec.name, spec.rows) for spec in (FeatureSpec(*pair) for pair in pairs)]


PRESETS: Mapping[str, Mapping[str, Any]] = {
    "tiny": {
        "hidden_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_oscillators": 64,
        "time_dimension": 32,
        "word_feature_width": 16,
    },
    "mini": {
        "hidden_size": 256,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
        "num_oscillators": 256,
        "time_dimension": 64,
    },
    "small": {
        "hidden_size": 384,
        "num_hidden_layers": 6,
        "num_attention_heads": 6,
        "num_oscillators": 384,
        "time_dimension": 128,
    },
    "base": {
        "hidden_size": 768,
        "num_hidden_layers": 12,
        "num_attention_heads": 12,
        "num_oscillators": 256,
        "ffn_expansion": 0.25,
        "time_dimension": 256,
    },
    "large": {
        "hidden_size": 1024,
        "num_hidden_layers": 24,
        "num_attention_heads": 16,
        "num_oscillators": 512,
        "ffn_expansion": 0.25,
        "time_dimension": 256,
    },
}
"""Named sizes: what differs from the defaults of OssammaConfig.

With 32,000 pieces and the tied head: small 30.8 M parameters, base 125 M, large 393 M. A block has
12 square matrices beside FFN and oscillators where a BERT layer has 4, so the two large sizes
leave little to those.
"""

AutoConfig.register(OssammaConfig.model_type, OssammaConfig, exist_ok=True)
