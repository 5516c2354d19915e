"""HuggingFaceEncoder: any encoder of transformers where OSSAMMA's own may stand.

B windows, T pieces, D width.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, PretrainedConfig, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutput

from ossamma.schema.errors import ConfigurationError

NO_LIMIT: Final = 1 << 30
"""As many pieces as there are."""
_COUNT_FROM_PADDING: Final = frozenset(
    {"roberta", "xlm-roberta", "xlm-roberta-xl", "camembert", "mpnet", "longformer"}
)
"""Families whose first position has the number of the padding and one."""
_DROPOUTS: Final = (
    "hidden_dropout_prob",
    "attention_probs_dropout_prob",
    "dropout",
    "attention_dropout",
    "embedding_dropout",
    "mlp_dropout",
)
"""What families of encoders call their dropout rates."""
_OF_ITS_ORIGIN: Final = (
    "_name_or_path",
    "architectures",
    "auto_map",
    "dtype",
    "id2label",
    "label2id",
    "problem_type",
    "transformers_version",
)
"""Entries of a configuration that say where it came from and whose head it had, not what it is."""


class HuggingFaceEncoder(nn.Module):
    """An encoder of transformers under the interface of `OssammaModel`.

    Word features and diffusion time mean nothing to it.
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        """Build it with random weights from what `settings_of` returned."""
        super().__init__()
        self.network: PreTrainedModel = build_network(settings)

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        word_features: Tensor | None = None,
        time: Tensor | None = None,
    ) -> BaseModelOutput:
        """Return `last_hidden_state` (B, T, D) of pieces (B, T), non-zero in the mask if real."""
        del word_features, time
        if attention_mask is None:
            attention_mask = torch.ones_like(input_ids)
        output = self.network(input_ids=input_ids, attention_mask=attention_mask.long())
        return BaseModelOutput(last_hidden_state=output.last_hidden_state)


def build_network(settings: Mapping[str, Any]) -> PreTrainedModel:
    """Return the encoder that these settings describe, with random weights.

    Raises:
        ConfigurationError: this version of transformers knows no such encoder.
    """
    # What names code of a checkpoint is left out here too: a bundle may come from anyone.
    entries = {name: value for name, value in settings.items() if name not in _OF_ITS_ORIGIN}
    try:
        config = AutoConfig.for_model(entries.pop("model_type", None), **entries)
        network = AutoModel.from_config(config, dtype=torch.float32)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ConfigurationError(
            f"expected the configuration of an encoder of transformers, with its model_type, got "
            f"{settings.get('model_type')!r}: {error}"
        ) from error
    assert isinstance(network, PreTrainedModel)
    return without_pooler(network)


def settings_of(config: PretrainedConfig) -> dict[str, Any]:
    """Return all that `build_network` needs as plain JSON: no path, no name of a hub."""
    content: dict[str, Any] = config.to_dict()
    return {name: value for name, value in content.items() if name not in _OF_ITS_ORIGIN}


def without_pooler(network: PreTrainedModel) -> PreTrainedModel:
    """Leave the pooler out: it is never read here, and untrained in most releases."""
    if getattr(network, "pooler", None) is not None:
        setattr(network, "pooler", None)  # noqa: B010  its own type does not allow None
    return network


def longest_input(config: PretrainedConfig, tokenizer_limit: int) -> int:
    """Return the most pieces that an encoder reads at once, special ones included."""
    positions = getattr(config, "max_position_embeddings", None) or NO_LIMIT
    if config.model_type in _COUNT_FROM_PADDING:
        positions -= (config.pad_token_id or 0) + 1
    return int(min(tokenizer_limit, positions))


def set_dropout(config: PretrainedConfig, rate: float) -> None:
    """Set every dropout inside an encoder.

    Raises:
        ConfigurationError: it calls its dropout by no name that is known here.
    """
    known = [name for name in _DROPOUTS if isinstance(getattr(config, name, None), int | float)]
    if not known:
        raise ConfigurationError(
            f"an encoder of type {config.model_type!r} has no dropout that is known here; leave "
            "`dropout` out"
        )
    for name in known:
        setattr(config, name, rate)
