"""What a folder of a spaCy model looks like from outside; needs no spaCy."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Final

from ossamma.schema.errors import BundleError

CONFIG_FILE: Final = "config.cfg"
META_FILE: Final = "meta.json"


def is_spacy_model(path: Path) -> bool:
    """Whether `spacy.load` would take this folder for one of its own."""
    return (path / CONFIG_FILE).is_file() and (path / META_FILE).is_file()


def checksum_of(folder: Path) -> str:
    """Return a SHA-256 over the names and bytes of all files of a model."""
    total = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        total.update(f"{path.relative_to(folder).as_posix()}\0{digest}\n".encode())
    return total.hexdigest()


def meta_of(folder: Path) -> dict[str, Any]:
    """Return what a model says of itself.

    Raises:
        BundleError: there is no model, or it cannot be read.
    """
    path = folder / META_FILE
    try:
        meta = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BundleError(f"cannot read {path}: {error}; expected a spaCy model") from error
    if not isinstance(meta, dict):
        raise BundleError(f"{path}: expected an object, got {type(meta).__name__}")
    return meta
