"""The model a run starts from: random, or the encoder of a checkpoint."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from torch import Tensor

from ossamma.export.manifest import (
    BUNDLE_FOLDER,
    CONFIG_FILE,
    METADATA_FILE,
    WEIGHTS_FILE,
    sha256,
    verify,
)
from ossamma.model.configuration import HEAD_SETTINGS, OssammaConfig
from ossamma.model.modeling import OssammaForTokenClassification, tag_entries
from ossamma.model.packed_weights import read_weights
from ossamma.pipeline.recipe import Recipe
from ossamma.schema.errors import CheckpointError, ConfigurationError
from ossamma.schema.labels import LabelSet
from ossamma.schema.spans import Document
from ossamma.tokenization.tokenizer import PieceTokenizer, train_tokenizer

ENCODER_FOLDER = "encoder"
"""Where a pre-training run puts what it is for."""
_ENCODER = "encoder."
# Settings that change what is trained, not which weights there are.
_FREE_SETTINGS = HEAD_SETTINGS | {
    "piece_dropout",
    "feature_dropout",
    "dropout",
    "tagging_time",
    "window_size",
    "oscillator_mode",
    "attention_mode",
}
# Pre-training sees nothing often enough to learn it by heart, and drops nothing; a few thousand
# sentences, read ten times, are another matter.
_DROPPED = {"dropout": 0.1, "piece_dropout": 0.1, "feature_dropout": 0.1}


@dataclass(frozen=True, slots=True)
class Origin:
    """A checkpoint: its folder and the SHA-256 of its weights."""

    path: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Initialised:
    """A model and its tokenizer, what should be said about them, and the checkpoint if any."""

    model: OssammaForTokenClassification
    tokenizer: PieceTokenizer
    notes: tuple[str, ...]
    origin: Origin | None = None


def from_scratch(documents: Sequence[Document], labels: LabelSet, recipe: Recipe) -> Initialised:
    """Train a tokenizer on the texts and build a model with random weights."""
    tokenizer = train_tokenizer((document.text for document in documents), recipe.tokenizer)
    config = OssammaConfig(
        vocab_size=tokenizer.vocab_size,
        pad_token_id=tokenizer.pad_id,
        mask_token_id=tokenizer.mask_id,
        **recipe.model,
        **tag_entries(labels),
    )
    model = OssammaForTokenClassification(config)
    size = sum(parameter.numel() for parameter in model.parameters())
    note = (
        f"model: {recipe.preset}, {size:,} parameters, from scratch; "
        f"tokenizer: {tokenizer.vocab_size:,} pieces"
    )
    return Initialised(model, tokenizer, (note,))


def from_checkpoint(checkpoint: Path, labels: LabelSet, recipe: Recipe) -> Initialised:
    """Take encoder, architecture and tokenizer from a checkpoint; the heads start anew.

    The checkpoint is any folder with config.json, model.safetensors and tokenizer.json: a
    pre-training checkpoint, a bundle (which is verified), or a finished run. Where it was trained
    without dropout, a tenth is dropped, unless the recipe says otherwise.

    Raises:
        CheckpointError: files are missing or damaged, or a tensor has another shape.
        BundleError: a bundle is not what its metadata says, or there is no tokenizer.
        ConfigurationError: the recipe asks for another architecture or tokenizer than the
            checkpoint's.
    """
    folder = resolve_checkpoint(checkpoint)
    if (folder / METADATA_FILE).exists():
        verify(folder)
    stored = _read_config(folder)
    config = OssammaConfig(**{**stored, **_free(recipe, stored), **tag_entries(labels)})
    tokenizer = PieceTokenizer.load(folder)
    if tokenizer.vocab_size > config.vocab_size:
        raise CheckpointError(
            f"{folder}: the tokenizer has {tokenizer.vocab_size} pieces, the model knows only "
            f"{config.vocab_size}; they do not belong together"
        )
    model = OssammaForTokenClassification(config)
    weights = folder / WEIGHTS_FILE
    notes = (f"encoder from {folder}", *load_encoder(model, weights))
    return Initialised(model, tokenizer, notes, Origin(str(folder), sha256(weights)))


def load_encoder(model: OssammaForTokenClassification, weights: Path) -> tuple[str, ...]:
    """Copy the encoder's tensors into a model; return notes that name every tensor left out.

    Raises:
        CheckpointError: the file cannot be read, holds no encoder, or shapes differ.
    """
    try:
        stored = read_weights(weights)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"cannot read {weights}: {error}") from error
    wanted = {k: v for k, v in model.state_dict().items() if k.startswith(_ENCODER)}
    found = {name: stored[name] for name in wanted if name in stored}
    if not found:
        raise CheckpointError(
            f"{weights} holds no encoder: expected tensors named {_ENCODER}*, "
            f"got {', '.join(sorted(stored)[:5])}"
        )
    _refuse_shapes(weights, wanted, found)
    model.load_state_dict(found, strict=False)
    missing = sorted(set(wanted) - set(found))
    unused = sorted(set(stored) - set(found))
    notes = []
    if missing:
        notes.append(f"not in the checkpoint, start at random: {', '.join(missing)}")
    if unused:
        notes.append(f"in the checkpoint, not used: {', '.join(unused)}")
    return tuple(notes)


def resolve_checkpoint(checkpoint: Path) -> Path:
    """Return the folder that holds a checkpoint's files.

    Raises:
        CheckpointError: there is none.
    """
    for folder in (checkpoint, checkpoint / BUNDLE_FOLDER, checkpoint / ENCODER_FOLDER):
        if (folder / CONFIG_FILE).is_file() and (folder / WEIGHTS_FILE).is_file():
            return folder
    raise CheckpointError(
        f"expected a checkpoint with {CONFIG_FILE} and {WEIGHTS_FILE} at {checkpoint}, found none"
    )


def _refuse_shapes(
    weights: Path, wanted: Mapping[str, Tensor], found: Mapping[str, Tensor]
) -> None:
    wrong = [
        f"{name}: expected {tuple(wanted[name].shape)}, got {tuple(tensor.shape)}"
        for name, tensor in sorted(found.items())
        if tensor.shape != wanted[name].shape
    ]
    if wrong:
        raise CheckpointError(f"{weights} does not fit the model:\n  " + "\n  ".join(wrong))


def _read_config(folder: Path) -> dict[str, Any]:
    try:
        stored: dict[str, Any] = json.loads((folder / CONFIG_FILE).read_text(encoding="utf-8"))
        kind = stored.get("model_type")
    except (OSError, ValueError, AttributeError) as error:
        raise CheckpointError(f"cannot read {folder / CONFIG_FILE}: {error}") from error
    if kind != OssammaConfig.model_type:
        raise CheckpointError(
            f"{folder / CONFIG_FILE}: expected model_type {OssammaConfig.model_type!r}, "
            f"got {kind!r}"
        )
    # The heads start anew, also where a release has left one out.
    known = set(OssammaConfig.__annotations__) - {"model_type", "boundary_head"}
    return {name: value for name, value in stored.items() if name in known}


def _free(recipe: Recipe, stored: Mapping[str, Any]) -> dict[str, Any]:
    """The recipe's model settings that a checkpoint leaves open; refuse those that it fixes."""
    if recipe.asked["tokenizer"]:
        raise ConfigurationError(
            f"tokenizer.{min(recipe.asked['tokenizer'])}: a checkpoint brings its own tokenizer; "
            "leave it out"
        )
    asked = recipe.asked["model"]
    free = _FREE_SETTINGS if stored.get("encoder") is None else HEAD_SETTINGS
    for name, value in asked.items():
        if name not in free and stored.get(name) != value:
            raise ConfigurationError(
                f"model.{name} = {value!r} does not fit the checkpoint, which was trained with "
                f"{stored.get(name)!r}; leave it (or the preset) out"
            )
    taken = {name: value for name, value in asked.items() if name in free}
    dropped = {k: v for k, v in _DROPPED.items() if k in free and not stored.get(k)}
    return {**dropped, **taken}
