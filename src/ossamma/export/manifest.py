"""The manifest of a bundle: metadata.json, the hashes in it, and their verification.

Needs neither torch nor transformers: a bundle can be checked where it cannot be run.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from ossamma.schema.errors import BundleError

METADATA_FILE = "metadata.json"
WEIGHTS_FILE = "model.safetensors"
LABELS_FILE = "labels.json"
CONFIG_FILE = "config.json"
TOKENIZER_FILE = "tokenizer.json"
CALIBRATION_FILE = "calibration.json"
GOLDEN_FILE = "golden.json"
REFERENCE_FILE = "reference.json"
GATES_FILE = "gates.json"
CARD_FILE = "README.md"
ONNX_FILE = "model.onnx"
ONNX_GOLDEN_FILE = "golden.onnx.json"
SIGNATURE_FILE = "metadata.json.sig"
BUNDLE_FOLDER = "bundle"
FORMAT = 2
"""What is written. 2 may hold weights in fewer bytes, golden cases and more; 1 has none of it."""
_READABLE = (1, FORMAT)
_UNLISTED = frozenset({METADATA_FILE, SIGNATURE_FILE})
"""What metadata.json cannot hold the hash of: itself, and the signature over it."""
_REQUIRED_FILES = (CONFIG_FILE, WEIGHTS_FILE, TOKENIZER_FILE, LABELS_FILE)
_REQUIRED_FACTS: dict[str, type | tuple[type, ...]] = {
    "model_type": str,
    "version": str,
    "num_labels": int,
    "label_schema": list,
    "num_parameters": int,
    "checkpoint_epoch": (int, float),
    "val_f1": (int, float),
    "exported_at": str,
}
_OWN_CHECKSUM = "metadata_checksum"
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,200}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_METADATA_LIMIT = 4 << 20


def own_version() -> str:
    """Return the version of the installed ossamma."""
    try:
        return version("ossamma")
    except PackageNotFoundError:  # run from a source tree that was never installed
        return "0+uninstalled"


def seal(folder: Path, facts: Mapping[str, Any]) -> None:
    """Write metadata.json: the facts, and the size and SHA-256 of every file in the folder."""
    files = {
        path.name: {"sha256": sha256(path), "bytes": path.stat().st_size}
        for path in sorted(folder.iterdir())
    }
    metadata: dict[str, Any] = {
        **facts,
        "format": FORMAT,
        "checksum": files[WEIGHTS_FILE]["sha256"],
        "files": files,
    }
    metadata[_OWN_CHECKSUM] = _checksum(metadata)
    fault = _fault_of(metadata)
    assert fault is None, fault
    (folder / METADATA_FILE).write_bytes(_serialise(metadata))


def stated_facts(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts that were given to `seal`: what it did not find out by itself."""
    found = {"format", "checksum", "files", _OWN_CHECKSUM}
    return {name: value for name, value in metadata.items() if name not in found}


def resolve(path: str | Path) -> Path:
    """Return the bundle's folder: the path itself, or `bundle` inside a run.

    Raises:
        BundleError: there is no folder.
    """
    folder = Path(path)
    if not folder.is_dir():
        raise BundleError(f"expected a bundle or a run folder at {folder}, found none")
    inner = folder / BUNDLE_FOLDER
    if not (folder / METADATA_FILE).exists() and inner.is_dir():
        return inner
    return folder


def verify(folder: Path) -> dict[str, Any]:
    """Check every byte of a bundle against its metadata and return the metadata.

    The folder must hold exactly the files that are listed, as plain files, and perhaps a signature,
    which is not checked here.

    Raises:
        BundleError: naming the first file that is not what the metadata says.
    """
    metadata = read_metadata(folder)
    listed = metadata["files"]
    try:
        for path in sorted(folder.iterdir()):
            if path.name not in listed and path.name not in _UNLISTED:
                raise BundleError(f"{path} is not listed in {METADATA_FILE}; remove it")
        for name, entry in sorted(listed.items()):
            _verify_file(folder / name, entry)
    except OSError as error:
        raise BundleError(f"cannot read the bundle {folder}: {error}") from error
    return metadata


def read_metadata(folder: Path) -> dict[str, Any]:
    """Read and check metadata.json alone, without hashing the other files.

    Raises:
        BundleError: it is missing, damaged, changed, or of another version.
    """
    path = folder / METADATA_FILE
    content = _read_metadata_file(path)
    try:
        metadata = json.loads(content)
        # The file must be the very bytes that we would write: white space is a change, too.
        is_canonical = _serialise(metadata) == content
    except (ValueError, TypeError, RecursionError) as error:
        raise BundleError(f"{path} is damaged: it is not JSON as we write it ({error})") from error
    if not isinstance(metadata, dict) or "format" not in metadata:
        raise BundleError(f"{path} is damaged: expected an object with its format; fetch it anew")
    if metadata["format"] not in _READABLE:
        raise BundleError(
            f"{path}: expected a bundle of format {' or '.join(map(str, _READABLE))}, got "
            f"{metadata['format']!r}; use the version of ossamma that wrote it, or a newer one"
        )
    if not is_canonical or metadata.get(_OWN_CHECKSUM) != _checksum(metadata):
        raise BundleError(f"{path} was changed: its own checksum does not fit; fetch it anew")
    if fault := _fault_of(metadata):
        raise BundleError(f"{path}: {fault}")
    return metadata


def remove_leftovers(folder: Path) -> None:
    """Remove what a process that died while writing the bundle `folder` left beside it."""
    for path in folder.parent.glob(f".{folder.name}.*"):
        shutil.rmtree(path, ignore_errors=True)


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read_metadata_file(path: Path) -> bytes:
    if path.is_symlink() or not path.is_file():
        raise BundleError(
            f"{path.parent} is not a bundle: expected a file {METADATA_FILE} in it, found none; "
            f"a run has its bundle in {BUNDLE_FOLDER} when it has finished"
        )
    try:
        with path.open("rb") as file:
            content = file.read(_METADATA_LIMIT + 1)
    except OSError as error:
        raise BundleError(f"cannot read {path}: {error.strerror}") from error
    if len(content) > _METADATA_LIMIT:
        raise BundleError(f"{path} is larger than {_METADATA_LIMIT} bytes; this is no metadata")
    return content


def _fault_of(metadata: Mapping[str, Any]) -> str | None:
    """Say what metadata lacks to be that of a bundle; None if nothing."""
    for name, kind in _REQUIRED_FACTS.items():
        if not isinstance(metadata.get(name), kind):
            return f"expected a value for {name!r}, got {metadata.get(name)!r}"
    files = metadata.get("files")
    if not isinstance(files, dict) or not set(_REQUIRED_FILES) <= set(files):
        return f"expected it to list at least the files {', '.join(_REQUIRED_FILES)}"
    for name, entry in files.items():
        if not _PLAIN_NAME.fullmatch(name) or name in _UNLISTED:
            return f"expected plain names of files, got {name!r}"
        if not _is_entry(entry):
            return f"expected size and SHA-256 of {name}, got {entry!r}"
    if metadata.get("checksum") != files[WEIGHTS_FILE]["sha256"]:
        return f"expected 'checksum' to be the SHA-256 of {WEIGHTS_FILE}"
    return None


def _is_entry(entry: object) -> bool:
    if not isinstance(entry, dict) or set(entry) != {"sha256", "bytes"}:
        return False
    size, digest = entry["bytes"], entry["sha256"]
    return type(size) is int and isinstance(digest, str) and bool(_SHA256.fullmatch(digest))


def _verify_file(path: Path, entry: Mapping[str, Any]) -> None:
    if path.is_symlink():
        raise BundleError(f"{path} is a symbolic link; a bundle consists of plain files")
    if not path.is_file():
        raise BundleError(f"{path} is listed in {METADATA_FILE} but is missing")
    size = path.stat().st_size
    if size != entry["bytes"]:
        raise BundleError(f"{path} is damaged: expected {entry['bytes']} bytes, got {size}")
    digest = sha256(path)
    if digest != entry["sha256"]:
        raise BundleError(
            f"{path} is damaged or was changed: expected SHA-256 {entry['sha256']}, got {digest}"
        )


def _checksum(metadata: Mapping[str, Any]) -> str:
    content = {name: value for name, value in metadata.items() if name != _OWN_CHECKSUM}
    return hashlib.sha256(_serialise(content)).hexdigest()


def _serialise(metadata: object) -> bytes:
    return (json.dumps(metadata, indent=2, sort_keys=True, allow_nan=False) + "\n").encode()
