"""What of a model learns: frozen layers, and low-rank adapters, merged into plain weights later.

LoRA (Hu et al. 2022) by the library peft, which is imported only where it is asked for.
"""

from __future__ import annotations

from copy import deepcopy
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final

from torch import nn

from ossamma.model.hugging_face import HuggingFaceEncoder
from ossamma.model.modeling import OssammaForTokenClassification
from ossamma.schema.errors import ConfigurationError
from ossamma.training.layers import layer_depths
from ossamma.training.settings import FinetuneSettings

_ADAPTED: Final = "peft_config"
"""What peft leaves in a network that it has put adapters into."""


def adapt(model: OssammaForTokenClassification, settings: FinetuneSettings) -> None:
    """Freeze the layers and put in the adapters that the settings ask for; else change nothing.

    Adapters begin as nothing: the model's answers are those of before.

    Raises:
        ConfigurationError: more layers than there are, or LoRA in an encoder of ours, or without
            its library.
    """
    if settings.frozen_layers:
        freeze_layers(model.encoder, settings.frozen_layers, model.config.num_hidden_layers)
    if settings.lora_rank:
        _add_adapters(model.encoder, settings)


def freeze_layers(encoder: nn.Module, frozen: int, num_layers: int) -> None:
    """Keep the embeddings and so many layers from below as they are.

    Raises:
        ConfigurationError: there are not so many.
    """
    if frozen > num_layers:
        raise ConfigurationError(
            f"frozen_layers must be at most {num_layers}, the layers of the encoder, got {frozen}"
        )
    depths = layer_depths(encoder, num_layers)
    for name, parameter in encoder.named_parameters():
        if depths[name] <= frozen:
            parameter.requires_grad_(False)


def check_adapters(settings: FinetuneSettings) -> None:
    """Refuse LoRA where its library is not installed.

    Raises:
        ConfigurationError: it is not.
    """
    if settings.lora_rank and find_spec("peft") is None:
        raise ConfigurationError(
            "lora_rank needs the library 'peft', which is not installed: "
            'pip install "ossamma[lora]"; or set it to 0'
        )


def merged(model: OssammaForTokenClassification) -> OssammaForTokenClassification:
    """Return the model with its adapters added to the weights that they adapt: a copy.

    A model without adapters is returned as it is.
    """
    if not _is_adapted(model.encoder):
        return model
    plain = deepcopy(model)
    adapter: Any = import_module("peft.tuners.tuners_utils").BaseTunerLayer
    for parent in list(plain.encoder.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, adapter):
                child.merge(safe_merge=True)
                setattr(parent, name, child.get_base_layer())
    delattr(plain.encoder.network, _ADAPTED)
    return plain


def _is_adapted(encoder: nn.Module) -> bool:
    return isinstance(encoder, HuggingFaceEncoder) and hasattr(encoder.network, _ADAPTED)


def _add_adapters(encoder: nn.Module, settings: FinetuneSettings) -> None:
    if not isinstance(encoder, HuggingFaceEncoder):
        raise ConfigurationError(
            "lora_rank is for an encoder of transformers: give --encoder NAME_OR_PATH, or set it "
            "to 0"
        )
    check_adapters(settings)
    peft: Any = import_module("peft")
    trainable = {id(p) for p in encoder.parameters() if p.requires_grad}
    chosen = peft.LoraConfig(
        r=settings.lora_rank,
        lora_alpha=settings.lora_alpha,
        lora_dropout=settings.lora_dropout,
        target_modules="all-linear",
    )
    peft.inject_adapter_in_model(chosen, encoder.network)
    if settings.frozen_layers:
        _freeze_adapters_of_frozen(encoder, trainable)


def _freeze_adapters_of_frozen(encoder: HuggingFaceEncoder, trainable: set[int]) -> None:
    """A layer that is frozen gets no adapter that learns."""
    adapter: Any = import_module("peft.tuners.tuners_utils").BaseTunerLayer
    for module in encoder.modules():
        if isinstance(module, adapter) and id(module.get_base_layer().weight) not in trainable:
            module.requires_grad_(False)
