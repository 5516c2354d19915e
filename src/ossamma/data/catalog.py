"""The catalog: one card per data set, with its files, hashes, licence, format and known defects."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlsplit

from ossamma.data.archives import safe_path
from ossamma.data.yaml_section import Option, Section
from ossamma.schema.errors import ConfigurationError, DataError
from ossamma.schema.near_names import near

RECORD_NAME: Final = "fetched.json"
"""What the folder of a fetched data set records itself in; no file of a card may have the name."""

_PACKAGE: Final = "ossamma.data"
_CARDS_FOLDER: Final = "cards"
_ENDING: Final = ".yaml"
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_]*")
_HEX: Final = {"sha256": re.compile(r"[0-9a-f]{64}"), "git_blob_sha1": re.compile(r"[0-9a-f]{40}")}
_COMMIT: Final = re.compile(r"[0-9a-f]{7,40}")
_REPOSITORY: Final = re.compile(r"[\w.-]+/[\w.-]+", re.ASCII)
_WILD: Final = frozenset("*?[")


class Kind(StrEnum):
    """What a data set is good for."""

    ANNOTATED = "annotated"
    """Text with marked entities."""
    TEXT = "text"
    """Plain text, for pre-training and automatic labels."""
    KNOWLEDGE = "knowledge"
    """Names, aliases and relations, for lexicons and links."""


class Redistribution(StrEnum):
    """Whether the data, or a model trained on it, may be passed on."""

    YES = "yes"
    SHARE_ALIKE = "share-alike"
    NON_COMMERCIAL = "non-commercial"
    NO = "no"
    UNCLEAR = "unclear"


class Split(StrEnum):
    """Which part of a data set a file is; ALL where the source makes no parts."""

    TRAIN = "train"
    DEV = "dev"
    TEST = "test"
    ALL = "all"


@dataclass(frozen=True, kw_only=True, slots=True)
class CardFile:
    """One file of a data set."""

    path: str
    """Where it lies inside the data set's folder; in a local card also a pattern, as `a/*.b`."""
    url: str | None = None
    """Where it can be downloaded; None if it cannot."""
    sha256: str | None = None
    """SHA-256 of its content in hex; None if it is not known."""
    num_bytes: int | None = None
    """Size of its content; None if it is not known."""
    git_blob_sha1: str | None = None
    """The id that git gives its content; checked where there is no `sha256`."""
    split: Split | None = None
    """Which part it is; None for a file that is not read as a part (a README, a variant)."""
    archive: str | None = None
    """Path of the file of this card out of which it is unpacked."""
    member: str | None = None
    """Its name inside that archive."""
    mirror: str | None = None
    """Where it lies inside the folder of a mirror, if elsewhere than at `path`."""
    licence: str = ""
    """The licence of this file, if it is another than the card's."""
    note: str = ""
    """What a reader of the card should know about this file."""

    def __post_init__(self) -> None:
        for name in ("path", "archive", "mirror"):
            value = getattr(self, name)
            if value is not None and str(safe_path(value)) != value:
                raise ConfigurationError(
                    f"{name} must be a plain relative path with '/', got {value!r}"
                )
        if self.path == RECORD_NAME:
            raise ConfigurationError(f"no file may be called {RECORD_NAME}: fetching writes it")
        for name, pattern in _HEX.items():
            value = getattr(self, name)
            if value is not None and not pattern.fullmatch(value):
                raise ConfigurationError(f"{name} must be lower-case hex digits, got {value!r}")
        if self.url is not None and not is_fetchable(self.url):
            raise ConfigurationError(f"url must begin with https://, got {self.url!r}")
        if (self.archive is None) != (self.member is None):
            raise ConfigurationError(f"{self.path}: archive and member are given together or not")

    @property
    def is_pattern(self) -> bool:
        """Whether `path` stands for every file that matches it."""
        return not _WILD.isdisjoint(self.path)


@dataclass(frozen=True, kw_only=True, slots=True)
class DatasetCard:
    """What is known about one data set; a profile's table says which types it annotates."""

    name: str
    """Lower-case identifier; the folder of the fetched data set has this name."""
    title: str
    """A line for people."""
    kind: Kind
    """Annotated text, plain text or knowledge."""
    homepage: str
    """Where to read about it; empty if unknown."""
    licence: str
    """SPDX identifier, or the terms in words."""
    redistributable: Redistribution
    """Whether it may be passed on."""
    attribution: str = ""
    """Whom to name when it is used."""
    repository: str = ""
    """Owner and name on GitHub, if it lies there."""
    commit: str = ""
    """The commit that the files are of; a shortened one was never seen in full."""
    files: tuple[CardFile, ...] = ()
    """Its files; empty if none can be named."""
    format: str | None = None
    """Name of the reader's format; None if no reader fits."""
    options: Mapping[str, Option] = field(default_factory=dict)
    """Settings for that reader, by their names."""
    labels: Mapping[str, int | None] = field(default_factory=dict)
    """Source labels and how often a lenient decoder finds them in the files that have a split and
    were at hand; None if unknown."""
    official_splits: bool = False
    """The parts are those that published results are measured on."""
    local: bool = False
    """A program must not or cannot download it: its files come from a folder of the user."""
    advice: str = ""
    """How to come by it, for a local card and for files without URL."""
    mirror: str = ""
    """Folder in a mirror; the name of the data set if it is not given."""
    defects: str = ""
    """What is wrong with the data."""
    leaks: str = ""
    """What of it occurs twice, or in other data sets."""
    notes: str = ""
    """Anything else, such as what of this card could not be verified."""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ConfigurationError(f"name must match {_NAME.pattern}, got {self.name!r}")
        if not self.mirror:
            object.__setattr__(self, "mirror", self.name)
        if str(safe_path(self.mirror)) != self.mirror:
            raise ConfigurationError(f"mirror must be a plain relative path, got {self.mirror!r}")
        if (self.local or not self.files) and not self.advice:
            raise ConfigurationError("a card without files to download needs advice on the way")
        for name, pattern in (("repository", _REPOSITORY), ("commit", _COMMIT)):
            value = getattr(self, name)
            if value and not pattern.fullmatch(value):
                raise ConfigurationError(f"{name} must match {pattern.pattern}, got {value!r}")
        self._check_files()

    def _check_files(self) -> None:
        paths = [file.path for file in self.files]
        for file in self.files:
            if paths.count(file.path) > 1:
                raise ConfigurationError(f"the file {file.path!r} is given twice")
            if file.is_pattern and not self.local:
                raise ConfigurationError(f"a pattern needs a local card, got {file.path!r}")
            if self.local and file.url is not None:
                raise ConfigurationError(f"a local card has no URLs, got {file.url!r}")
            if file.archive is not None and (
                file.archive not in paths or file.archive == file.path
            ):
                raise ConfigurationError(
                    f"{file.path}: the archive {file.archive!r} is not another file of this card"
                )

    def file(self, path: str) -> CardFile:
        """Return the file at a path. Raises DataError if the card has none."""
        for file in self.files:
            if file.path == path:
                return file
        paths = [file.path for file in self.files]
        raise DataError(
            f"data set {self.name} has no file {path!r}; it has {', '.join(paths) or 'none'}"
            + near(path, paths)
        )


def is_fetchable(url: str) -> bool:
    """Whether files may be fetched from there: https, or http on this very machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return False
    if not host or not url.isprintable() or " " in url:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host))


def resolve_split_files(card: DatasetCard) -> dict[Split, tuple[CardFile, ...]]:
    """Return the files of each part of a data set, in the order of the card."""
    return {
        split: named
        for split in Split
        if (named := tuple(file for file in card.files if file.split is split))
    }


def available_cards() -> list[str]:
    """Names of the cards that come with the package, sorted."""
    return sorted(file.name.removesuffix(_ENDING) for file in _shipped())


def load_catalog() -> Mapping[str, DatasetCard]:
    """Load every card that comes with the package, by name."""
    cards = [_card(file) for file in sorted(_shipped(), key=lambda file: file.name)]
    return {card.name: card for card in cards}


def load_card(name_or_path: str | Path) -> DatasetCard:
    """Load a shipped card by its name, or a user's card from a YAML file.

    A string that is the name of a shipped card means that one; a Path is always a path.

    Raises:
        DataError: there is no such card, or it says something inconsistent; with file and line.
    """
    if isinstance(name_or_path, str) and name_or_path in (names := available_cards()):
        return _card(files(_PACKAGE).joinpath(_CARDS_FOLDER, name_or_path + _ENDING))
    path = Path(name_or_path)
    if not path.is_file():
        names = available_cards()
        raise DataError(
            f"no data set {str(name_or_path)!r}: it is neither a card of the catalog nor a YAML "
            f"file{near(str(name_or_path), names)}"
        )
    return _card(path)


def _shipped() -> list[Traversable]:
    folder = files(_PACKAGE).joinpath(_CARDS_FOLDER)
    return [file for file in folder.iterdir() if file.name.endswith(_ENDING)]


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


_TEXTS: Final = (
    "attribution", "repository", "commit", "advice", "mirror", "defects", "leaks", "notes",
)  # fmt: skip
_FILE_TEXTS: Final = ("archive", "member", "mirror", "licence", "note")


def _card(file: Traversable) -> DatasetCard:
    section = Section.in_file(file)
    section.check_keys(
        ("name", "title", "kind", "homepage", "licence", "redistributable"),
        ("files", "format", "options", "labels", "official_splits", "local", *_TEXTS),
    )
    name, stem = section.text("name"), file.name.removesuffix(_ENDING)
    if name != stem:
        raise section.fault(f"the name must be that of the file, {stem!r}, got {name!r}")
    labels = section.section("labels")
    return section.build(
        DatasetCard,
        name=name,
        title=section.text("title"),
        kind=section.choice("kind", Kind),
        homepage=section.text("homepage"),
        licence=section.text("licence"),
        redistributable=section.choice("redistributable", Redistribution),
        files=tuple(_file(item, section) for item in section.sections("files")),
        format=section.optional("format"),
        options=section.options("options"),
        labels={label: labels.integer(label) for label in labels.values},
        official_splits=section.boolean("official_splits"),
        local=section.boolean("local"),
        **{key: section.text(key) for key in _TEXTS},
    )


def _file(section: Section, card: Section) -> CardFile:
    section.check_keys(
        ("path",),
        ("url", "sha256", "bytes", "git_blob_sha1", "split", *_FILE_TEXTS),
    )
    return section.build(
        CardFile,
        path=section.text("path"),
        url=_url(section, card),
        sha256=section.optional("sha256"),
        num_bytes=section.integer("bytes"),
        git_blob_sha1=section.optional("git_blob_sha1"),
        split=section.choice("split", Split) if section.has("split") else None,
        archive=section.optional("archive"),
        member=section.optional("member"),
        mirror=section.optional("mirror"),
        licence=section.text("licence"),
        note=section.text("note"),
    )


def _url(file: Section, card: Section) -> str | None:
    """The stated URL; else, for a file of the repository, the one of its raw content."""
    if "url" in file.values:
        return file.optional("url")
    if file.has("archive") or card.boolean("local") or not card.has("repository"):
        return None
    repository, commit = card.text("repository"), card.text("commit")
    path = quote(file.text("path"))
    return f"https://raw.githubusercontent.com/{repository}/{commit}/{path}" if commit else None
