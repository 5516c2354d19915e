"""The manifest of a bundle: metadata.json, the hashes in it, and their verification.

Needs neither torch nor transformers: a bundle can be checked where it cannot be run.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ossamma.schema.errors import BundleError

METADATA_FILE = "metadata.json"
WEIGHTS_FILE = "model.safetensors"
LABELS_FILE = "labels.json"
CONFIG_FILE = "config.json"
BUNDLE_FOLDER = "bundle"
FORMAT = 1
_REQUIRED_FILES = (CONFIG_FILE, WEIGHTS_FILE, "tokenizer.json", LABELS_FILE)
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,200}")
_METADATA_LIMIT = 4 << 20


def seal(folder: Path, facts: Mapping[str, Any]) -> None:
    """Write metadata.json: the facts, and the size and SHA-256 of every file in the folder."""
    files = {
        path.name: {"sha256": sha256(path), "bytes": path.stat().st_size}
        for path in sorted(folder.iterdir())
    }
    metadata: dict[str, Any] = {
        "format": FORMAT,
        "checksum": files[WEIGHTS_FILE]["sha256"],
        **facts,
        "files": files,
    }
    metadata["metadata_checksum"] = _checksum(metadata)
    (folder / METADATA_FILE).write_bytes(_serialise(metadata))


def resolve(path: str | Path) -> Path:
    """Return the bundle's folder: the path itself, or `bundle` inside a run."""
    folder = Path(path)
    if not folder.is_dir():
        raise BundleError(f"expected a bundle folder at {folder}, found none")
    inner = folder / BUNDLE_FOLDER
    if not (folder / METADATA_FILE).is_file() and inner.is_dir():
        return inner
    return folder


def verify(folder: Path) -> dict[str, Any]:
    """Check every byte of a bundle against its metadata and return the metadata.

    Raises:
        BundleError: naming the first file that is not what the metadata says.
    """
    metadata = read_metadata(folder)
    listed = metadata["files"]
    present = {path.name for path in folder.iterdir() if not path.name.startswith(".")}
    for name in sorted(present - set(listed) - {METADATA_FILE}):
        raise BundleError(f"{folder / name} is not listed in {METADATA_FILE}; remove the file")
    for name, entry in sorted(listed.items()):
        path = folder / name
        if not path.is_file() or path.is_symlink():
            raise BundleError(f"{path} is listed in {METADATA_FILE} but is missing")
        if path.stat().st_size != entry["bytes"]:
            raise BundleError(
                f"{path} is damaged: expected {entry['bytes']} bytes, got {path.stat().st_size}"
            )
        digest = sha256(path)
        if digest != entry["sha256"]:
            raise BundleError(
                f"{path} is damaged or was changed: expected SHA-256 {entry['sha256']}, "
                f"got {digest}"
            )
    return metadata


def read_metadata(folder: Path) -> dict[str, Any]:
    """Read and check metadata.json alone, without hashing the other files."""
    path = folder / METADATA_FILE
    if not path.is_file():
        raise BundleError(f"{folder} is not a bundle: expected {METADATA_FILE} in it, found none")
    if path.stat().st_size > _METADATA_LIMIT:
        raise BundleError(f"{path} is larger than {_METADATA_LIMIT} bytes; this is no metadata")
    content = path.read_bytes()
    try:
        metadata: dict[str, Any] = json.loads(content)
        files = metadata["files"]
        stated = metadata["metadata_checksum"]
        names_are_plain = all(_PLAIN_NAME.fullmatch(name) for name in files)
    except (ValueError, KeyError, TypeError) as error:
        raise BundleError(f"{path} is damaged: not the metadata of a bundle ({error})") from error
    if metadata.get("format") != FORMAT:
        raise BundleError(
            f"{path}: expected bundle format {FORMAT}, got {metadata.get('format')!r}; use the "
            "version of ossamma that wrote it"
        )
    # The file must be the very bytes that we would write: white space is a change, too.
    if _checksum(metadata) != stated or _serialise(metadata) != content:
        raise BundleError(f"{path} was changed: its own checksum does not fit")
    if not names_are_plain or not set(_REQUIRED_FILES) <= set(files):
        raise BundleError(f"{path} must list at least {', '.join(_REQUIRED_FILES)}, plain names")
    return metadata


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _checksum(metadata: Mapping[str, Any]) -> str:
    content = {name: value for name, value in metadata.items() if name != "metadata_checksum"}
    return hashlib.sha256(_serialise(content)).hexdigest()


def _serialise(metadata: Mapping[str, Any]) -> bytes:
    return (json.dumps(metadata, indent=2, sort_keys=True) + "\n").encode()
