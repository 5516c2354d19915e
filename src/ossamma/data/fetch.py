"""The files of a card to a folder: from where they are already, a mirror, the web or an archive."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from ossamma.data.archives import check_kind, open_compressed, unpack
from ossamma.data.catalog import CardFile, DatasetCard
from ossamma.data.checksum import Digest, Expected, digest_of
from ossamma.data.download import SILENCE, Downloader, Progress, utc_now
from ossamma.data.fetch_record import RecordedFile, read_record, write_record
from ossamma.data.locations import Found, Origin, Shelf, expand, is_packed_name, mirror_shelf
from ossamma.data.streams import Readable, chunks
from ossamma.schema.atomic import atomic_write
from ossamma.schema.errors import DataError


@dataclass(frozen=True, kw_only=True, slots=True)
class FetchedFile:
    """A file that is in its place now."""

    path: str
    """Path inside the data set."""
    target: Path
    """Where it lies."""
    origin: Origin
    """Where it came from in this call."""
    sha256: str
    """SHA-256 of its content."""
    num_bytes: int
    """Its size."""
    pinned: bool
    """The card says by a hash which content it must be, and it is that."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MissingFile:
    """A file that could not be had."""

    path: str
    """Path inside the data set."""
    reason: str
    """Why, and what to do about it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FetchReport:
    """What a fetch did."""

    name: str
    """Name of the data set."""
    folder: Path
    """The folder of the data set."""
    files: tuple[FetchedFile, ...]
    """What is there, in the order of the card."""
    missing: tuple[MissingFile, ...]
    """What is not."""


def fetch(
    card: DatasetCard,
    folder: str | Path,
    *,
    client: Downloader | None,
    mirror: Path | None = None,
    source: Path | None = None,
    progress: Progress = SILENCE,
) -> FetchReport:
    """Put the files of a card under `folder/<name>/<path>`, each whole and checked.

    A file is taken from where it is already (with the right checksum, or unchanged since it was
    fetched), else from `source`, else from `mirror`, else from its URL or archive. What is in the
    folder is recorded in its `fetched.json`: origin, URL, SHA-256, size and time.

    Args:
        card: the data set.
        folder: where data sets live; it is made if need be.
        client: what downloads; None to stay off the network.
        mirror: a folder with a folder per data set, whose files may be packed (`a.txt.xz`,
            `<data set>.tar.xz`).
        source: a folder with the files of this very data set, such as a licensed release.
        progress: told of every file and byte.

    Raises:
        DataError: a file has another content than the card says, the network or an archive fails,
            or none of the files can be had. A file that merely is nowhere is reported.
    """
    root = Path(folder) / card.name
    if not card.files:
        raise DataError(f"data set {card.name} has no files that could be fetched: {card.advice}")
    for place in (mirror, source):
        if place is not None and not place.is_dir():
            raise DataError(f"cannot take {card.name} from {place}: it is not a folder")
    try:
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".fetching-", dir=root) as temporary:
            places = _Places(card, root, mirror, source, Path(temporary))
            return _Fetch(places, client, progress).run()
    except OSError as error:
        raise DataError(f"cannot fetch {card.name} into {root}: {error}") from error
    finally:
        with suppress(OSError):  # a folder in which nothing came to lie
            root.rmdir()


@dataclass(frozen=True)
class _Places:
    """Where the files of one card may come from, and where they go."""

    card: DatasetCard
    root: Path
    mirror: Path | None
    source: Path | None
    temporary: Path

    @cached_property
    def shelves(self) -> list[Shelf]:
        """The local folder first, then the mirror, then what a tar of the mirror holds."""
        shelves = []
        if self.source is not None:
            shelves.append(Shelf(folder=self.source, origin=Origin.LOCAL))
        if self.mirror is not None:
            shelf = mirror_shelf(self.card, self.mirror)
            shelves.append(replace(shelf, tar=None))
            if shelf.tar is not None:
                shelves.append(Shelf(folder=self._unpacked(shelf.tar), origin=Origin.MIRROR))
        return shelves

    def _unpacked(self, tar: Path) -> Path:
        folder = self.temporary / "mirror"
        unpack(tar, folder)
        inner = folder / Path(self.card.mirror).name  # most tars hold one folder of that name
        return inner if inner.is_dir() else folder

    def url(self, path: str) -> str | None:
        """The address of a file."""
        return next((file.url for file in self.card.files if file.path == path), None)

    def files(self) -> list[CardFile]:
        """The files of the card, patterns expanded. A pattern that stands for nothing stays."""
        shelves = [Shelf(folder=self.root, origin=Origin.PRESENT)]
        if any(file.is_pattern for file in self.card.files):
            shelves += self.shelves
        return [each for file in self.card.files for each in expand(file, shelves) or [file]]


@dataclass(frozen=True)
class _Fetch:
    """One run over one card."""

    places: _Places
    client: Downloader | None
    progress: Progress
    _done: dict[str, FetchedFile] = field(default_factory=dict)
    _missing: dict[str, MissingFile] = field(default_factory=dict)
    _wrong: dict[str, str] = field(default_factory=dict)

    def run(self) -> FetchReport:
        """Place what can be placed, archives last: they are needed only for what is left."""
        card, files = self.places.card, self.places.files()
        archives = {file.archive for file in files} - {None}
        try:
            for file in files:
                if file.archive is None and file.path not in archives and not self._take(file):
                    self._download(file)
            left = [file for file in files if file.archive is not None and not self._take(file)]
            for file in files:
                if file.path in archives:
                    self._open(file, [each for each in left if each.archive == file.path])
        finally:
            self._write_record()
        if not self._done:
            reasons = "; ".join(dict.fromkeys(lost.reason for lost in self._missing.values()))
            raise DataError(f"cannot fetch data set {card.name}: {reasons}")
        return FetchReport(
            name=card.name,
            folder=self.places.root,
            files=tuple(self._done[f.path] for f in files if f.path in self._done),
            missing=tuple(self._missing[f.path] for f in files if f.path in self._missing),
        )

    @cached_property
    def _recorded(self) -> dict[str, RecordedFile]:
        return read_record(self.places.root)

    def _write_record(self) -> None:
        """Record what is there now; what was there before keeps its origin and time."""
        now = self.client.now() if self.client else utc_now()
        record = dict(self._recorded)
        for file in self._done.values():
            before = record.get(file.path)
            if file.origin is Origin.PRESENT and before and before.sha256 == file.sha256:
                continue
            record[file.path] = RecordedFile(
                path=file.path,
                origin=file.origin.value,
                url=self.places.url(file.path) if file.origin is Origin.URL else None,
                sha256=file.sha256,
                num_bytes=file.num_bytes,
                when=now.isoformat(timespec="seconds"),
            )
        if record != self._recorded:
            write_record(self.places.root, self.places.card.name, record.values())

    def _take(self, file: CardFile) -> bool:
        """Take a file from the disk, if it is there."""
        if file.is_pattern or self._is_present(file):
            return not file.is_pattern
        for shelf in self.places.shelves:
            if (found := shelf.find(file)) is not None:
                self._copy(file, found, shelf.origin)
                return True
        return self._is_adopted(file)

    def _is_present(self, file: CardFile) -> bool:
        """Whether the file is in its place, with the known checksum or as it was fetched."""
        target, expected = self._target(file), self._expected(file)
        if not target.is_file():
            return False
        digest, recorded = digest_of(target), self._recorded.get(file.path)
        problem = expected.problem(target, digest)
        if recorded and not expected.is_pinned and recorded.sha256 != digest.sha256:
            problem = f"expected SHA-256 {recorded.sha256} as it was fetched, got {digest.sha256}"
        if problem:
            self._wrong[file.path] = problem
        if problem or not (expected.is_pinned or recorded):
            return False
        self._keep(file, digest, Origin.PRESENT)
        return True

    def _is_adopted(self, file: CardFile) -> bool:
        """Keep what the user put there, if nothing is known of it and nothing else can be had."""
        target = self._target(file)
        elsewhere = file.archive is not None or (file.url is not None and self.client is not None)
        if elsewhere or file.path in self._wrong or not target.is_file():
            return False
        self._keep(file, digest_of(target), Origin.PRESENT)
        return True

    def _copy(self, file: CardFile, found: Found, origin: Origin) -> None:
        """Copy or unpack one file; its content is checked before it gets its name."""
        target, expected, digest = self._target(file), self._expected(file), Digest()
        target.parent.mkdir(parents=True, exist_ok=True)
        self.progress.begin(file.path, file.num_bytes)
        with (
            _opened(found) as stream,
            atomic_write(target, binary=True) as copy,
        ):
            for chunk in chunks(stream):
                digest.update(chunk)
                copy.write(chunk)
                self.progress.advance(len(chunk))
            copy.flush()
            if problem := expected.problem(Path(copy.name), digest):
                raise DataError(
                    f"{found.path}: refused as {file.path} of data set "
                    f"{self.places.card.name}: {problem}; give another copy"
                )
        self._keep(file, digest, origin)

    def _download(self, file: CardFile) -> bool:
        """Download a file, or note why that is not possible."""
        if file.url is None or self.client is None:
            reason = self._why_not(file)
            self._missing[file.path] = MissingFile(path=file.path, reason=reason)
            return False
        target = self._target(file)
        target.parent.mkdir(parents=True, exist_ok=True)
        digest = self.client.download(
            file.url, target, expected=self._expected(file), progress=self.progress
        )
        self._keep(file, digest, Origin.URL)
        return True

    def _why_not(self, file: CardFile) -> str:
        card = self.places.card
        if file.path in self._wrong:
            return (
                f"{self._target(file)} is not the right file: {self._wrong[file.path]}; remove it"
            )
        if file.url is not None:
            return f"{file.path} is in no folder given, and downloading is switched off"
        if card.local:
            return f"{card.title} is not downloaded by programs: {card.advice}"
        path = f"{card.mirror}/{file.mirror or file.path}"
        advice = card.advice or "give a folder that has it"
        return f"{file.path} has no address; a mirror would have it at {path}: {advice}"

    def _open(self, archive: CardFile, wanted: Sequence[CardFile]) -> None:
        """Unpack the wanted files out of an archive; if none is, it may as well be absent."""
        here = self._take(archive) or (wanted and self._download(archive))
        if not wanted or not here:
            for file in wanted:
                reason = f"{file.path} is in {archive.path}, which is missing"
                self._missing[file.path] = MissingFile(path=file.path, reason=reason)
            return
        path = self._target(archive)
        if is_packed_name(path.name, str(wanted[0].member)):
            self._copy(wanted[0], Found(path, packed=True), Origin.ARCHIVE)
            return
        check_kind(path, self.places.root)
        folder = self.places.temporary / f"{len(self._done)}"
        unpack(path, folder)
        for file in wanted:
            member = folder / str(file.member)
            if not member.is_file():
                raise DataError(f"{path}: expected the member {file.member!r}, which is not in it")
            self._copy(file, Found(member, packed=False), Origin.ARCHIVE)

    def _keep(self, file: CardFile, digest: Digest, origin: Origin) -> None:
        self._done[file.path] = FetchedFile(
            path=file.path,
            target=self._target(file),
            origin=origin,
            sha256=digest.sha256,
            num_bytes=digest.num_bytes,
            pinned=self._expected(file).is_pinned,
        )

    def _target(self, file: CardFile) -> Path:
        return self.places.root / file.path

    def _expected(self, file: CardFile) -> Expected:
        return Expected(
            sha256=file.sha256, num_bytes=file.num_bytes, git_blob_sha1=file.git_blob_sha1
        )


def _opened(found: Found) -> AbstractContextManager[Readable]:
    return open_compressed(found.path) if found.packed else found.path.open("rb")
