"""Files to shards: one pass over the input, which finds where to cut and what each part holds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final, NamedTuple

from ossamma.data.readers.detect import format_of_line
from ossamma.data.readers.jsonl import MAX_LINE_BYTES
from ossamma.data.readers.parquet_texts import MAGIC, plan_rows
from ossamma.ingestion.sharded.shards import Shard, ShardKind
from ossamma.ingestion.unlabelled import refuse_unreadable
from ossamma.schema.errors import ConfigurationError, DataError, FormatError

_CHUNK: Final = 2**20
_DIGEST_BYTES: Final = 16


@dataclass(frozen=True, kw_only=True, slots=True)
class PlanSettings:
    """What the input is, and where it is cut."""

    documents: bool = False
    """Files are CoNLL, JSON lines or Parquet; else they are texts."""
    lines: bool = False
    """Every line of a text is a document of its own."""
    shard_bytes: int = 2**20
    """A shard ends with the document that brings it to so many bytes. Enough that its texts fill
    the batches of a model, and little enough that what a kill costs is about a minute."""

    def __post_init__(self) -> None:
        if self.documents and self.lines:
            raise ConfigurationError("documents and lines exclude each other")
        if self.shard_bytes < 1:
            raise ConfigurationError(f"shard_bytes must be >= 1, got {self.shard_bytes}")


def plan(files: Sequence[Path], settings: PlanSettings) -> list[Shard]:
    """Cut files into shards, in their order. The same files give the same shards, anywhere.

    Raises:
        DataError: a file is not there, or has no document.
        FormatError: a damaged Parquet file, or a line beyond all measure.
    """
    if not files:
        raise DataError("expected at least one file, got none")
    refuse_unreadable(files)
    if settings.documents:
        found = [shard for path in files for shard in _of_documents(path, settings.shard_bytes)]
    elif settings.lines:
        found = [shard for path in files for shard in _of_lines(path, settings.shard_bytes)]
    else:
        found = list(_of_texts(files, settings.shard_bytes))
    return [replace(shard, number=number) for number, shard in enumerate(found)]


class _Part(NamedTuple):
    """Lines that stand together."""

    begin: int
    end: int
    first: int
    digest: str


def _of_texts(files: Sequence[Path], shard_bytes: int) -> Iterator[Shard]:
    held: list[Path] = []
    digest, size = _hash(), 0
    for path in files:
        held.append(path)
        size += _drain(path, digest)
        if size >= shard_bytes:
            yield _shard(ShardKind.TEXTS, held, digest.hexdigest())
            held, digest, size = [], _hash(), 0
    if held:
        yield _shard(ShardKind.TEXTS, held, digest.hexdigest())


def _of_lines(path: Path, shard_bytes: int) -> Iterator[Shard]:
    for part in _parts(path, shard_bytes):
        yield _line_shard(ShardKind.LINES, path, part)


def _of_documents(path: Path, shard_bytes: int) -> Iterator[Shard]:
    first = _first_line(path)
    if first.startswith(MAGIC):
        yield from _of_rows(path, shard_bytes)
    elif not first.strip():
        raise DataError(f"{path}: the file is empty; give a file with at least one document")
    elif format_of_line(first) == "jsonl":
        for part in _parts(path, shard_bytes, max_line_bytes=MAX_LINE_BYTES):
            yield _line_shard(ShardKind.JSONL, path, part)
    else:
        digest = _hash()
        _drain(path, digest)
        yield _shard(ShardKind.CONLL, [path], digest.hexdigest())


def _of_rows(path: Path, shard_bytes: int) -> Iterator[Shard]:
    ranges = plan_rows(path, part_bytes=shard_bytes)
    digest = _hash()
    _drain(path, digest)
    for rows in ranges:
        shard = _shard(ShardKind.PARQUET, [path], digest.hexdigest())
        yield replace(shard, begin=rows.begin, end=rows.end, first=rows.begin + 1)


def _parts(path: Path, shard_bytes: int, max_line_bytes: int | None = None) -> Iterator[_Part]:
    begin = end = 0
    first = number = 1
    digest = _hash()
    with path.open("rb") as file:
        while line := file.readline(-1 if max_line_bytes is None else max_line_bytes + 2):
            if max_line_bytes is not None and len(line) > max_line_bytes + 1:
                raise FormatError(
                    path, number, expected=f"at most {max_line_bytes} bytes", got="a longer line"
                )
            digest.update(line)
            end += len(line)
            number += 1
            if end - begin >= shard_bytes:
                yield _Part(begin, end, first, digest.hexdigest())
                begin, first, digest = end, number, _hash()
    if end > begin:
        yield _Part(begin, end, first, digest.hexdigest())


def _first_line(path: Path) -> bytes:
    """Return the first line that is not blank, or its beginning; nothing if there is none."""
    with path.open("rb") as file:
        while line := file.readline(MAX_LINE_BYTES):
            if line.removeprefix(b"\xef\xbb\xbf").strip():
                return line
    return b""


def _shard(kind: ShardKind, files: Sequence[Path], digest: str) -> Shard:
    return Shard(
        number=0,
        kind=kind,
        names=tuple(map(str, files)),
        paths=tuple(str(path.absolute()) for path in files),
        digest=digest,
    )


def _line_shard(kind: ShardKind, path: Path, part: _Part) -> Shard:
    shard = _shard(kind, [path], part.digest)
    return replace(shard, begin=part.begin, end=part.end, first=part.first)


def _hash() -> Any:  # noqa: ANN401  hashlib's own type has no public name
    return blake2b(digest_size=_DIGEST_BYTES)


def _drain(path: Path, digest: Any) -> int:  # noqa: ANN401
    """Feed a file to a digest, its size first; return how many bytes it has."""
    size = path.stat().st_size
    digest.update(size.to_bytes(8, "big"))
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return size
