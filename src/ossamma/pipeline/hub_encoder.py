"""The model a run starts from: an encoder of transformers, from a folder or a hub, with our heads.

Weights come as safetensors or not at all, and no code of a checkpoint is run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from huggingface_hub import constants
from safetensors import SafetensorError
from torch import Tensor
from transformers import (
    CONFIG_MAPPING,
    MODEL_MAPPING,
    TOKENIZER_MAPPING,
    AutoConfig,
    AutoModel,
    AutoTokenizer,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

from ossamma.model.configuration import HEAD_SETTINGS, OssammaConfig
from ossamma.model.hugging_face import longest_input, set_dropout, settings_of, without_pooler
from ossamma.model.modeling import OssammaForTokenClassification, tag_entries
from ossamma.pipeline.initialise import Initialised, Origin
from ossamma.pipeline.recipe import Recipe
from ossamma.schema.errors import ConfigurationError
from ossamma.schema.labels import LabelSet
from ossamma.tokenization.alignment import MAX_PIECES_PER_WORD
from ossamma.tokenization.tokenizer import TOKENIZER_FILE, PieceTokenizer, SpecialTokens

_DROPOUT: Final = "dropout"
_PICKLES: Final = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")
_SHORTEST_WINDOW: Final = MAX_PIECES_PER_WORD + 1  # the longest word, and the [SEP] before it
_FAULTS: Final = (OSError, ValueError, LookupError, ImportError, RuntimeError, SafetensorError)
"""What transformers raises for files that are missing, damaged, or of another kind."""


@dataclass(frozen=True, slots=True)
class EncoderSource:
    """Where an encoder is: a folder, or `owner/name` on a hub, with `@revision` if need be."""

    name: str

    @property
    def where(self) -> dict[str, Any]:
        """Arguments of every `from_pretrained`."""
        if self.is_folder:
            return {"pretrained_model_name_or_path": self.name, "local_files_only": True}
        name, _, revision = self.name.partition("@")
        pinned = {"revision": revision} if revision else {}
        return {"pretrained_model_name_or_path": name, **pinned}

    @property
    def is_folder(self) -> bool:
        """Whether it is on this machine."""
        return Path(self.name).is_dir()

    def fault(self, error: Exception) -> ConfigurationError:
        """Say what is missing, and what to do."""
        first = (str(error).splitlines() or [type(error).__name__])[0]
        if self.is_folder:
            advice = "expected config.json, safetensors weights and a tokenizer in that folder"
        elif constants.HF_HUB_OFFLINE:
            advice = (
                "HF_HUB_OFFLINE is set, so nothing is downloaded: give a folder, or the name of "
                "an encoder that is in the cache already"
            )
        else:
            advice = (
                "expected a folder with config.json, safetensors weights and a tokenizer, or a "
                "name on a hub that can be reached from here"
            )
        return ConfigurationError(f"cannot load the encoder {self.name!r}: {first}; {advice}")


def from_hugging_face(name: str, labels: LabelSet, recipe: Recipe) -> Initialised:
    """Take encoder and tokenizer from a folder or a hub; the heads start anew.

    Args:
        name: a folder as `save_pretrained` writes it, or a name on a hub, `@revision` behind it.
        labels: what the heads shall predict.
        recipe: of its model settings only those of the heads, and `dropout`, may be asked for.

    Raises:
        ConfigurationError: it cannot be had, is no encoder with a fast tokenizer, has pickled
            weights only; or the recipe asks for what the encoder decides.
    """
    asked = _free_settings(recipe)
    source = EncoderSource(name)
    _refuse_unusable_folder(source)
    network, notes = _load_network(source, asked.pop(_DROPOUT, None))
    tokenizer, limit = _load_tokenizer(source)
    own: Any = network.config
    longest = longest_input(own, limit) - 2
    if longest < _SHORTEST_WINDOW or tokenizer.vocab_size > own.vocab_size:
        raise ConfigurationError(
            f"the encoder {name!r} reads {longest} pieces at once and knows {own.vocab_size} of "
            f"them; expected {_SHORTEST_WINDOW} or more, and the {tokenizer.vocab_size} of its "
            "tokenizer"
        )
    config = OssammaConfig(
        encoder=settings_of(own),
        longest_window=longest,
        vocab_size=own.vocab_size,
        hidden_size=own.hidden_size,
        num_hidden_layers=own.num_hidden_layers,
        num_attention_heads=own.num_attention_heads,
        pad_token_id=tokenizer.pad_id,
        mask_token_id=tokenizer.mask_id,
        **asked,
        **tag_entries(labels),
    )
    model = OssammaForTokenClassification(config)
    state = network.state_dict()
    getattr(model.encoder, "network").load_state_dict(state)  # noqa: B009  only theirs has it
    size = sum(parameter.numel() for parameter in model.parameters())
    said = f"encoder: {name} ({own.model_type}), {size:,} parameters with our heads"
    return Initialised(model, tokenizer, (said, *notes), Origin(name, fingerprint_of(state)))


def fingerprint_of(state: Mapping[str, Tensor]) -> str:
    """Return the SHA-256 over names, shapes and numbers of tensors, wherever they were stored."""
    digest = hashlib.sha256()
    for name, tensor in sorted(state.items()):
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}\n".encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _free_settings(recipe: Recipe) -> dict[str, Any]:
    """The model settings that were asked for; refuse those that an encoder decides itself."""
    if recipe.preset is not None or recipe.asked["tokenizer"]:
        raise ConfigurationError(
            "--encoder brings its own size and tokenizer; leave the preset and the settings of "
            "the tokenizer out"
        )
    asked = dict(recipe.asked["model"])
    fixed = sorted(set(asked) - HEAD_SETTINGS - {_DROPOUT})
    if fixed:
        raise ConfigurationError(
            f"model.{fixed[0]} says nothing of an encoder of transformers; with --encoder expected "
            f"only {', '.join(sorted(HEAD_SETTINGS | {_DROPOUT}))}"
        )
    return asked


def _refuse_unusable_folder(source: EncoderSource) -> None:
    """Say in our own words what transformers would say of a hub that nobody asked for."""
    folder = Path(source.name)
    looks_like_path = source.name.startswith((".", "/", "~")) or source.name.count("/") > 1
    if not source.is_folder:
        if looks_like_path and "@" not in source.name:
            raise ConfigurationError(f"cannot load the encoder {source.name!r}: no such folder")
        return
    if not any(folder.glob("*.safetensors")):
        pickled = sorted(path.name for each in _PICKLES for path in folder.glob(each))
        found = f"pickled weights ({', '.join(pickled)})" if pickled else "no weights"
        raise ConfigurationError(
            f"cannot load the encoder {source.name!r}: expected safetensors weights, got {found}. "
            "Unpickling runs whatever the file says; convert it where you trust it, with "
            "`AutoModel.from_pretrained(FOLDER).save_pretrained(NEW)`"
        )


def _load_network(
    source: EncoderSource, dropout: float | None
) -> tuple[PreTrainedModel, tuple[str, ...]]:
    try:
        config = _load_config(source)
        if dropout is not None:
            set_dropout(config, dropout)
        loaded: Any = AutoModel.from_pretrained(
            **source.where,
            config=config,
            dtype=torch.float32,
            use_safetensors=True,
            output_loading_info=True,
        )
    except _FAULTS as error:
        raise source.fault(error) from error
    network, report = loaded
    network = without_pooler(network)
    absent = sorted(name for name in report["missing_keys"] if not name.startswith("pooler."))
    unread = sorted(report["unexpected_keys"])
    notes = []
    if absent:
        notes.append(f"warning: not in the checkpoint, start at random: {', '.join(absent)}")
    if unread:
        notes.append(f"in the checkpoint, not used: {', '.join(unread)}")
    return network, tuple(notes)


def _load_config(source: EncoderSource) -> PretrainedConfig:
    """Return the configuration of an encoder that transformers itself has the code of.

    Of any other it would ask whether to run the checkpoint's own.
    """
    stated, _ = PretrainedConfig.get_config_dict(**source.where)
    family = stated.get("model_type")
    known = family in CONFIG_MAPPING
    config: Any = AutoConfig.from_pretrained(**source.where) if known else None
    sizes = ("hidden_size", "num_hidden_layers", "num_attention_heads", "vocab_size")
    if (
        type(config) not in MODEL_MAPPING
        or type(config) not in TOKENIZER_MAPPING
        or not all(isinstance(getattr(config, name, None), int) for name in sizes)
        or config.is_encoder_decoder
    ):
        raise ConfigurationError(
            f"the encoder {source.name!r} is of type {family!r}; expected an encoder that "
            "transformers knows, such as BERT, RoBERTa, DeBERTa or ModernBERT; code that comes "
            "with a checkpoint is never run"
        )
    assert isinstance(config, PretrainedConfig)
    return config


def _load_tokenizer(source: EncoderSource) -> tuple[PieceTokenizer, int]:
    """Return the tokenizer, and the most pieces that it says its encoder reads."""
    try:
        loaded = AutoTokenizer.from_pretrained(**source.where)
    except _FAULTS as error:
        raise source.fault(error) from error
    # Without its files some kinds of tokenizer are made all the same, of special pieces alone.
    if not isinstance(loaded, PreTrainedTokenizerFast) or set(loaded.get_vocab()) <= set(
        loaded.all_special_tokens
    ):
        raise ConfigurationError(
            f"the encoder {source.name!r} has no fast tokenizer: expected {TOKENIZER_FILE}"
        )
    return PieceTokenizer(loaded.backend_tokenizer, _specials_of(loaded)), loaded.model_max_length


def _specials_of(loaded: PreTrainedTokenizerFast) -> SpecialTokens:
    """Give every special piece that we need the name of the one that does its work there."""
    unk = loaded.unk_token or loaded.mask_token or loaded.pad_token
    found = {
        "pad": loaded.pad_token or loaded.eos_token,
        "unk": unk,
        "cls": loaded.cls_token or loaded.bos_token or loaded.pad_token,
        "sep": loaded.sep_token or loaded.eos_token or loaded.pad_token,
        "mask": loaded.mask_token or unk,
    }
    missing = [name for name, token in found.items() if token is None]
    if missing:
        raise ConfigurationError(
            f"the tokenizer {loaded.name_or_path!r} names no special pieces for "
            f"{', '.join(missing)}; expected those of an encoder"
        )
    return SpecialTokens(**{name: str(token) for name, token in found.items()})
