"""Names out of knowledge files: STIX, MISP galaxies, KEV, CWE lists, advisory vocabularies."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator, Mapping
from lzma import LZMAError
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from ossamma.data.streams import BoundedStream, XzStream, chunks
from ossamma.schema.errors import FormatError

_ALIASES: Final = ("aliases", "x_mitre_aliases")
_MAX_BYTES: Final = 2**28


class Name(NamedTuple):
    """A name as a knowledge file has it, and the file's identifier for what it names."""

    surface: str
    identifier: str = ""


def read_json(path: Path, *, max_bytes: int = _MAX_BYTES) -> Any:  # noqa: ANN401 - JSON is anything
    """Read a JSON file, packed by xz if its name ends so.

    Raises:
        FormatError: no UTF-8 JSON, or a broken or too large file.
        DataError: it unpacks to more than `max_bytes`.
    """
    try:
        raw = path.open("rb")
    except OSError as error:
        got = error.strerror or str(error)
        raise FormatError(path, None, expected="a readable file", got=got) from error
    with raw:
        stream = XzStream(raw) if path.suffix == ".xz" else raw
        whole = io.BytesIO()
        try:
            for chunk in chunks(BoundedStream(stream, max_bytes, str(path))):
                whole.write(chunk)
            return json.loads(whole.getvalue())
        except (EOFError, OSError, ValueError, RecursionError, LZMAError) as error:
            raise FormatError(path, None, expected="JSON in UTF-8", got=str(error)) from error


class JsonFiles:
    """JSON files, each of which is read once, however many sources ask for it."""

    def __init__(self) -> None:
        self._read: dict[Path, Any] = {}

    def __call__(self, path: Path) -> Any:  # noqa: ANN401 - JSON is anything
        """Do what `read_json` does, once."""
        if path not in self._read:
            self._read[path] = read_json(path)
        return self._read[path]


def read_names(
    kind: str, path: Path, select: str = "", *, read: Callable[[Path], Any] = read_json
) -> Iterator[Name]:
    """Yield the names in a knowledge file.

    `kind` is one of `KINDS`. `select` is, for `stix`, a type of objects (`malware`); for `kev`,
    `vendor`, `product` or `vendor product` (both in one name); for `csaf`, `vendors`, `products`
    or `sectors`; the others have nothing to select. `read` gives a file's content.

    Raises:
        FormatError: the file is not of this kind.
    """
    try:
        yield from KINDS[kind](read(path), select)
    except (KeyError, TypeError, AttributeError) as error:
        raise FormatError(
            path, None, expected=f"a file of kind {kind!r}", got=f"other content ({error!r})"
        ) from error


def _stix(content: Mapping[str, Any], select: str) -> Iterator[Name]:
    """Yield names and aliases of objects in force: none that is revoked or deprecated."""
    for item in content["objects"]:
        if item["type"] != select or item.get("revoked") or item.get("x_mitre_deprecated"):
            continue
        references = item.get("external_references") or [{}]
        identifier = references[0].get("external_id", "")
        names = [item["name"], *(alias for key in _ALIASES for alias in item.get(key) or ())]
        for name in dict.fromkeys(names):
            yield Name(name, identifier)


def _misp(content: Mapping[str, Any], _select: str) -> Iterator[Name]:
    """Yield values and synonyms of a galaxy cluster."""
    for item in content["values"]:
        about = item.get("meta") or {}
        names = [item["value"], *(about.get("synonyms") or ()), *(about.get("aliases") or ())]
        for name in dict.fromkeys(names):
            yield Name(name, item.get("uuid", ""))


def _kev(content: Mapping[str, Any], select: str) -> Iterator[Name]:
    """Yield vendors, products, or both in one, of known exploited vulnerabilities."""
    keys = {"vendor": "vendorProject", "product": "product"}
    fields = [keys[word] for word in select.split()]
    names = {" ".join(item[key] for key in fields) for item in content["vulnerabilities"]}
    yield from map(Name, sorted(names))


def _cwe(content: list[Mapping[str, Any]], _select: str) -> Iterator[Name]:
    """Yield the names of weaknesses."""
    if not isinstance(content, list):
        raise TypeError("no list")
    for item in content:
        yield Name(item["name"], item["id"])


def _csaf(content: Mapping[str, Any], select: str) -> Iterator[Name]:
    """Yield vendors, products or sectors of an advisory vocabulary: lists of (name, count)."""
    for name, _count in content[select]:
        yield Name(_repaired(name))


def _repaired(name: str) -> str:
    """Undo UTF-8 that was read as Latin-1 (the letter u with dots as two characters)."""
    try:
        return name.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return name


KINDS: Final[Mapping[str, Callable[[Any, str], Iterator[Name]]]] = MappingProxyType(
    {"stix": _stix, "misp": _misp, "kev": _kev, "cwe": _cwe, "csaf": _csaf}
)
"""How to read each kind of knowledge file."""
