"""How deep in an encoder each parameter lies: embeddings, then layer by layer, then the rest."""

from __future__ import annotations

from torch import nn

from ossamma.schema.errors import ConfigurationError

_EMBEDDING = "embed"


def layer_depths(encoder: nn.Module, num_layers: int) -> dict[str, int]:
    """Return the depth of each parameter of an encoder by its name.

    0 for embeddings, 1 to `num_layers` for the layers from below, `num_layers` + 1 for what is in
    neither (the last norm). The layers are the one list of so many modules that lies highest in
    the encoder: ours has one, and so have the encoders of transformers.

    Raises:
        ConfigurationError: there is no such list, as where all layers share their weights.
    """
    lists = [
        name
        for name, module in encoder.named_modules()
        if isinstance(module, nn.ModuleList) and len(module) == num_layers
    ]
    if not lists:
        raise ConfigurationError(
            f"the {num_layers} layers of this encoder cannot be told apart; set layer_decay to 1 "
            "and frozen_layers to 0"
        )
    stem = min(lists, key=lambda name: (name.count("."), name)) + "."
    return {name: _depth(name, stem, num_layers) for name, _ in encoder.named_parameters()}


def _depth(name: str, stem: str, num_layers: int) -> int:
    if name.startswith(stem):
        return int(name.removeprefix(stem).partition(".")[0]) + 1
    return 0 if _EMBEDDING in name else num_layers + 1
