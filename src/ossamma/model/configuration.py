"""OssammaConfig: every architectural choice, in the Hugging Face form, and the named sizes."""

from __future__ import annotations

from typing import Any, Literal

from transformers import PretrainedConfig

from ossamma.schema.errors import ConfigurationError


class OssammaConfig(PretrainedConfig):
    """Configuration of an OSSAMMA encoder and its heads.

    Widths are in features, `window_size` in pieces. Fields that switch a part off exist for the
    ablations: `input_gate`, `output_gate`, `use_oscillator`, `adaptive_mixing`, `use_crf`,
    `boundary_loss_weight = 0` and `ffn_expansion = 0`.

    Raises:
        ConfigurationError: a size that cannot be built.
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

    direction: Literal["bidirectional", "forward"] = "bidirectional"
    oscillator_mode: Literal["auto", "recurrent", "chunked", "fft"] = "auto"
    min_frequency: float = 0.1
    """Smallest initial stiffness k of an oscillator."""
    max_frequency: float = 10.0
    oscillator_dt: float = 0.1
    oscillator_damping: float = 0.01

    input_gate: bool = True
    output_gate: bool = True
    use_oscillator: bool = True
    adaptive_mixing: bool = True

    word_features: tuple[tuple[str, int], ...] | list[Any] = ()
    """(name, rows) of each hashed word feature; empty: pieces alone."""
    word_feature_width: int = 64
    piece_dropout: float = 0.0
    """Probability that a piece is read as [MASK] during training."""
    feature_dropout: float = 0.0
    """Probability that one feature of one word is left out during training."""

    tagging_time: float = 0.0
    """Diffusion time t at which text is tagged: clean text is t = 0."""
    use_crf: bool = True
    boundary_loss_weight: float = 0.2
    token_loss_weight: float = 0.0
    """Weight of the auxiliary token cross-entropy, which label smoothing and focal apply to."""
    label_smoothing: float = 0.1
    focal_gamma: float = 0.0
    head_dropout: float = 0.1

    def __post_init__(self, **kwargs: Any) -> None:
        super().__post_init__(**kwargs)
        self.word_features = [(str(name), int(rows)) for name, rows in self.word_features]
        if self.hidden_size % self.num_attention_heads:
            raise ConfigurationError(
                f"hidden_size must be a multiple of num_attention_heads, got {self.hidden_size} "
                f"and {self.num_attention_heads}"
            )
        if (self.hidden_size // self.num_attention_heads) % 2:
            raise ConfigurationError(
                f"the head width must be even for rotary positions, got "
                f"{self.hidden_size // self.num_attention_heads}"
            )
        if self.direction == "bidirectional" and self.num_oscillators % 2:
            raise ConfigurationError(
                f"num_oscillators must be even when half of them run backwards, got "
                f"{self.num_oscillators}"
            )
        for name in ("hidden_size", "num_hidden_layers", "num_oscillators", "window_size"):
            if getattr(self, name) < 1:
                raise ConfigurationError(f"{name} must be at least 1, got {getattr(self, name)}")
        for name in ("dropout", "piece_dropout", "feature_dropout", "head_dropout"):
            if not 0.0 <= getattr(self, name) < 1.0:
                raise ConfigurationError(f"{name} must lie in [0, 1), got {getattr(self, name)}")


PRESETS: dict[str, dict[str, Any]] = {
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
        "num_oscillators": 768,
        "time_dimension": 256,
    },
    "large": {
        "hidden_size": 1024,
        "num_hidden_layers": 24,
        "num_attention_heads": 16,
        "num_oscillators": 1024,
        "time_dimension": 256,
    },
}
"""Named sizes: what differs from the defaults of OssammaConfig."""
