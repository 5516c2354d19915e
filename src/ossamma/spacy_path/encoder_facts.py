"""What an encoder's configuration says of its size, and what training it takes in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from transformers import AutoConfig
from transformers.models.auto.tokenization_auto import get_tokenizer_config

from ossamma.model.hugging_face import NO_LIMIT, longest_input
from ossamma.schema.errors import ConfigurationError

_LONGEST_WINDOW: Final = 510
_BYTES_PER_PARAMETER: Final = 16
"""Of 32-bit training: the weight, its gradient, and two moments of Adam."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EncoderFacts:
    """Sizes of an encoder."""

    name: str
    """Folder, or name on a hub."""
    family: str
    """Its `model_type`."""
    width: int
    """Of its vectors."""
    layers: int
    heads: int
    vocabulary: int
    positions: int
    """Most pieces that it reads at once, special ones included."""

    @property
    def parameters(self) -> int:
        """About how many: embeddings, and 12 width^2 per layer."""
        return self.vocabulary * self.width + 12 * self.layers * self.width**2

    @property
    def fixed_bytes(self) -> int:
        """Of training, whatever the batch."""
        return _BYTES_PER_PARAMETER * self.parameters

    def bytes_per_piece(self, window: int, *, half: bool) -> int:
        """Memory of activations for one piece of a window.

        Korthikanti et al. 2022, eq. 1: a layer keeps s b h (34 + 5 a s / h) bytes in 16 bits, for
        s pieces, b windows, width h and a heads; in 32 bits about twice that.
        """
        per_layer = self.width * 34 + 5 * self.heads * window
        return self.layers * per_layer * (1 if half else 2)

    @property
    def longest_window(self) -> int:
        """Most pieces of a window without the special ones, at most 510."""
        return min(_LONGEST_WINDOW, self.positions - 2)


def read_encoder(name: str) -> EncoderFacts:
    """Read the configuration of an encoder; its weights are not touched.

    Raises:
        ConfigurationError: there is none, or it does not say what an encoder's says.
    """
    try:
        config = AutoConfig.from_pretrained(name)
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"cannot read the encoder {name!r}: {str(error).splitlines()[0]}; give a folder with "
            "config.json, tokenizer and weights, or a name on a hub that can be reached"
        ) from error
    sizes = {
        "width": "hidden_size",
        "layers": "num_hidden_layers",
        "heads": "num_attention_heads",
        "vocabulary": "vocab_size",
    }
    found: dict[str, Any] = {own: getattr(config, name, None) for own, name in sizes.items()}
    missing = [sizes[own] for own, value in found.items() if not isinstance(value, int)]
    if missing:
        raise ConfigurationError(
            f"the encoder {name!r} ({config.model_type}) does not say its {', '.join(missing)}; "
            "expected an encoder such as BERT, RoBERTa, DeBERTa or ModernBERT"
        )
    limit = get_tokenizer_config(name).get("model_max_length") or NO_LIMIT
    positions = longest_input(config, int(limit))
    return EncoderFacts(name=name, family=config.model_type, positions=positions, **found)
