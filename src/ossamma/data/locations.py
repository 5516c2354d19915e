"""Where the files of a card are at hand: in folders of fetched data sets, mirrors and releases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Final

from ossamma.data.catalog import CardFile, DatasetCard, Split

_PACKED: Final = (".xz", ".gz", ".bz2")
_TARS: Final = (".tar.xz", ".tar.gz", ".tar")


class Origin(StrEnum):
    """Where a file came from."""

    PRESENT = "present"
    LOCAL = "local folder"
    MIRROR = "mirror"
    URL = "url"
    ARCHIVE = "archive"


@dataclass(frozen=True, kw_only=True, slots=True)
class Location:
    """Which files of a card are at hand. Nothing is read: contents are checked by `fetch`."""

    found: Mapping[str, Path]
    """Files that can be read as they are, by their path in the data set."""
    packed: Mapping[str, Path]
    """Files that a mirror holds compressed or inside a tar: `fetch` unpacks them."""
    missing: tuple[str, ...]
    """Paths and patterns of the card that are nowhere."""
    splits: Mapping[Split, tuple[Path, ...]]
    """The found files of each part, in the order of the card."""


@dataclass(frozen=True, slots=True)
class Found:
    """A file, or the compressed file or tar that holds it."""

    path: Path
    packed: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Shelf:
    """A folder that may hold files of a card: plain, compressed one by one, or as one tar."""

    folder: Path
    origin: Origin
    tar: Path | None = None
    """Holds the files that are not in the folder, as far as a look from outside can tell."""

    def find(self, file: CardFile) -> Found | None:
        """Find a file or what holds it."""
        for name in self._names(file):
            if (path := self.folder / name).is_file():
                return Found(path, packed=False)
        if self.origin is Origin.PRESENT:  # what is fetched is never packed
            return None
        for name in self._names(file):
            for ending in _PACKED:
                if (path := self.folder / f"{name}{ending}").is_file():
                    return Found(path, packed=True)
        return None if self.tar is None else Found(self.tar, packed=True)

    def _names(self, file: CardFile) -> list[str]:
        """Fetched files lie at their path, a mirror has its own order, a user's folder any."""
        if self.origin is Origin.PRESENT:
            return [file.path]
        names = [file.mirror or file.path]
        if self.origin is Origin.LOCAL:
            names += [file.path, file.path.rpartition("/")[2]]
        return names


def locate(card: DatasetCard, roots: Sequence[str | Path]) -> Location:
    """Look for the files of a card below folders of fetched data sets and mirrors, in this order.

    A root may be either or both: `<root>/<name>/<path>`, or the folder that the card names for
    mirrors, where files may be packed.
    """
    found: dict[str, Path] = {}
    packed: dict[str, Path] = {}
    splits: dict[Split, tuple[Path, ...]] = {}
    missing: list[str] = []
    shelves = [shelf for root in roots for shelf in _shelves(card, Path(root))]
    for pattern in card.files:
        files = expand(pattern, shelves)
        for file in files:
            places = [place for shelf in shelves if (place := shelf.find(file)) is not None]
            plain = next((place.path for place in places if not place.packed), None)
            if plain is not None:
                found[file.path] = plain
                if file.split is not None:
                    splits[file.split] = (*splits.get(file.split, ()), plain)
            elif places:
                packed[file.path] = places[0].path
        if not any(file.path in found or file.path in packed for file in files):
            missing.append(pattern.path)
    return Location(found=found, packed=packed, missing=tuple(missing), splits=splits)


def mirror_shelf(card: DatasetCard, mirror: Path) -> Shelf:
    """Where a mirror has the files of a card."""
    tars = (mirror / f"{card.mirror}{ending}" for ending in _TARS)
    tar = next((path for path in tars if path.is_file()), None)
    return Shelf(folder=mirror / card.mirror, origin=Origin.MIRROR, tar=tar)


def is_packed_name(name: str, content: str) -> bool:
    """Whether a file name says that it is nothing but the other file, compressed."""
    return name in {f"{content}{ending}" for ending in _PACKED}


def expand(file: CardFile, shelves: Sequence[Shelf]) -> list[CardFile]:
    """The files that a pattern stands for, sorted; any other file is itself."""
    if not file.is_pattern:
        return [file]
    paths = {
        path.relative_to(shelf.folder).as_posix()
        for shelf in shelves
        for path in shelf.folder.glob(file.path)
        if path.is_file()
    }
    return [replace(file, path=path) for path in sorted(paths)]


def _shelves(card: DatasetCard, root: Path) -> tuple[Shelf, Shelf]:
    return Shelf(folder=root / card.name, origin=Origin.PRESENT), mirror_shelf(card, root)
