"""What is prepared for pre-training: named texts with their formats and terms, and fingerprints."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ossamma.data.catalog import DatasetCard, Redistribution
from ossamma.data.checksum import digest_of
from ossamma.data.pretraining.cleaning import CleanSettings
from ossamma.data.pretraining.packed_lines import walk
from ossamma.data.pretraining.registry import TEXT_FORMATS
from ossamma.schema.errors import ConfigurationError, DataError

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]*")


@dataclass(frozen=True, kw_only=True, slots=True)
class TextSource:
    """One corpus, as it lies on the disk."""

    name: str
    """Lower-case name; the prepared files are called by it."""
    path: Path
    """A file, or a folder of files."""
    format: str
    """One of `TEXT_FORMATS`."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Settings of the format, by name."""
    licence: str = ""
    """SPDX identifier, or the terms in words."""
    redistributable: Redistribution = Redistribution.UNCLEAR
    """Whether it, or a model trained on it, may be passed on."""
    attribution: str = ""
    """Whom to name when it is used."""
    clean: CleanSettings | None = None
    """How this source is cleaned; None: as all others."""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ConfigurationError(f"name must match {_NAME.pattern}, got {self.name!r}")
        if self.format not in TEXT_FORMATS:
            raise ConfigurationError(
                f"source {self.name}: expected a format among {', '.join(TEXT_FORMATS)}, got "
                f"{self.format!r}"
            )


def source_of_card(
    card: DatasetCard, path: Path, options: Mapping[str, Any] | None = None
) -> TextSource:
    """Make a source of a card's text at a path; `options` go before those of the card.

    Raises:
        ConfigurationError: the card is not of a text.
    """
    return TextSource(
        name=card.name,
        path=path,
        format=card.format or "",
        options={**card.options, **(options or {})},
        licence=card.licence,
        redistributable=card.redistributable,
        attribution=card.attribution,
    )


@dataclass(frozen=True, slots=True)
class InputDigest:
    """What the files of a source are: how many, their bytes, and one SHA-256 over all."""

    files: int
    num_bytes: int
    sha256: str


def digest_input(path: Path) -> InputDigest:
    """Read all files below a path and digest their names and contents.

    Raises:
        DataError: there is no such file or folder.
    """
    if not path.exists():
        raise DataError(f"{path}: no such file or folder; check the name")
    whole = hashlib.sha256()
    num_files = num_bytes = 0
    for file in [path] if path.is_file() else walk(path):
        digest = digest_of(file)
        name = file.name if path.is_file() else file.relative_to(path).as_posix()
        whole.update(f"{digest.sha256} {name}\n".encode("utf-8", "surrogateescape"))
        num_files += 1
        num_bytes += digest.num_bytes
    return InputDigest(num_files, num_bytes, whole.hexdigest())


def fingerprint(*facts: object) -> str:
    """Return the SHA-256 of JSON values."""
    content = json.dumps(facts, sort_keys=True, ensure_ascii=True, default=str)
    return hashlib.sha256(content.encode()).hexdigest()
