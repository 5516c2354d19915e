"""What the server may be given: a bundle, or the folder of a spaCy model."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from ossamma.inference.device import CPU
from ossamma.schema.errors import ConfigurationError
from ossamma.serving.loading import LoadedModel, load_model
from ossamma.serving.plain_stages import PlainStages
from ossamma.spacy_path.model_folder import checksum_of, is_spacy_model, meta_of


def load_served(path: Path, *, device: str = CPU) -> LoadedModel:
    """Load a bundle or a spaCy model for the server.

    Raises:
        BundleError: it is neither, or damaged.
        ConfigurationError: there is no such device, or it is not for a spaCy model.
    """
    if not is_spacy_model(path):
        return load_model(path, device=device)
    if device != CPU:
        raise ConfigurationError(f"{path} is a spaCy model: serve it on the cpu, not on {device!r}")
    # By its name, because spaCy is an extra that a bundle can do without.
    recogniser: Any = import_module("ossamma.spacy_path.recogniser").load_spacy(path)
    meta = meta_of(path)
    return LoadedModel(
        stages=PlainStages(recogniser),
        types=recogniser.types,
        metadata={
            "model_type": "spaCy",
            "version": str(meta.get("version", "")),
            "profile": f"{meta.get('lang', '')}_{meta.get('name', '')}",
            "checksum": checksum_of(path),
        },
    )
