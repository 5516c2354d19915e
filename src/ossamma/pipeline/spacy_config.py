"""Writes a spaCy training configuration with its reasons, and what it changes in spaCy's base."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ossamma.schema.atomic import atomic_write
from ossamma.schema.errors import ConfigurationError
from ossamma.schema.profile import load_profile
from ossamma.spacy_path.docbin_facts import docbin_facts
from ossamma.spacy_path.encoder_facts import read_encoder
from ossamma.spacy_path.hardware import Hardware, stated
from ossamma.spacy_path.training_config import (
    DEFAULT_ENCODER,
    Architecture,
    ConfigRequest,
    TrainingConfig,
    base_diff,
    make_config,
)

_DIFF: Final = ".diff"


@dataclass(frozen=True, kw_only=True, slots=True)
class SpacyConfigRequest:
    """What the user said."""

    profile: str
    """Name or path."""
    out: Path
    """The configuration; the difference to spaCy's base goes beside it, as `.diff`."""
    vram: float | None = None
    """GiB of the GPU; None finds out."""
    cpu: bool = False
    """There is no GPU to be used."""
    model: str | None = None
    """Encoder: folder or name on a hub. None: roberta-base on a GPU, none on a CPU."""
    architecture: Architecture = Architecture.OSSAMMA
    """Of the encoder."""
    train: Path | None = None
    """The training file, to count instead of to assume."""
    balance: bool = False
    """Documents with rare types are read more often."""
    force: bool = False
    """An older configuration may be replaced."""
    seed: int = 0
    """Of weights and order."""


@dataclass(frozen=True, slots=True)
class WrittenConfig:
    """What was written, and for what."""

    config: TrainingConfig
    hardware: Hardware
    out: Path
    diff: Path


def write_spacy_config(request: SpacyConfigRequest) -> WrittenConfig:
    """Derive a configuration and write it.

    Raises:
        ConfigurationError: the file exists, the encoder cannot be read or does not fit.
        DataError, FormatError: the training file cannot be read.
        ProfileError: there is no such profile.
    """
    if request.out.exists() and not request.force:
        raise ConfigurationError(f"{request.out} exists; choose another name, or give --force")
    hardware = stated(vram=request.vram, cpu=request.cpu)
    name = request.model
    if name is None and hardware.vram_gib is not None:
        name = DEFAULT_ENCODER
    config = make_config(
        ConfigRequest(
            profile=load_profile(request.profile),
            hardware=hardware,
            encoder=None if name is None else read_encoder(name),
            architecture=request.architecture,
            data=None if request.train is None else docbin_facts(request.train),
            balance=request.balance,
            seed=request.seed,
        )
    )
    diff = request.out.with_suffix(request.out.suffix + _DIFF)
    with atomic_write(request.out) as file:
        file.write(config.text)
    if request.architecture is Architecture.OSSAMMA:
        with atomic_write(diff) as file:
            file.write(base_diff(config, language="en", gpu=hardware.vram_gib is not None))
    return WrittenConfig(config, hardware, request.out, diff)
