"""A shard: the part of the input that is recognised and written together, and its documents."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from hashlib import blake2b
from pathlib import Path
from typing import Any

from ossamma.data.readers.detect import read_documents
from ossamma.data.readers.jsonl import stream_jsonl
from ossamma.data.readers.lines import LineRange
from ossamma.data.readers.parquet_texts import RowRange, stream_rows
from ossamma.ingestion.unlabelled import decoded, line_documents
from ossamma.schema.spans import Document


class ShardKind(StrEnum):
    """What the files of a shard are."""

    TEXTS = "texts"
    """Several whole files, each a document."""
    LINES = "lines"
    """Some lines of a file, each a document."""
    JSONL = "jsonl"
    """Some lines of JSON."""
    CONLL = "conll"
    """A whole column file."""
    PARQUET = "parquet"
    """Some rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """Where the documents of a shard are. What it holds decides what is found in it, bit by bit."""

    number: int
    """Place in the order of all shards, from 0."""
    kind: ShardKind
    """What its files are."""
    names: tuple[str, ...]
    """Its files as they were called by the user; ids are made of them."""
    paths: tuple[str, ...]
    """Its files by their absolute paths."""
    digest: str
    """BLAKE2b of its content."""
    begin: int = 0
    """First byte, or first row."""
    end: int = 0
    """Behind the last byte, or row."""
    first: int = 1
    """Number of its first line or row in the file, from 1."""

    @property
    def key(self) -> str:
        """What distinguishes its result from others, whatever its number."""
        size = self.end - self.begin
        told = (self.kind.value, self.names, self.digest, self.first, size)
        return blake2b(json.dumps(told).encode("utf-8"), digest_size=8).hexdigest()

    @property
    def file_name(self) -> str:
        """What the file of its result is called: names are in the order of the shards."""
        return f"part-{self.number:08d}-{self.key}.jsonl"

    def to_json(self) -> str:
        """Return it as a line of JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, line: str) -> Shard:
        """Read what `to_json` wrote."""
        content: dict[str, Any] = json.loads(line)
        content |= {name: tuple(content[name]) for name in ("names", "paths")}
        return cls(**content | {"kind": ShardKind(content["kind"])})


def documents_of(shard: Shard) -> Iterator[Document]:
    """Read the documents of a shard, in order.

    Raises:
        FormatError: a line or row is not as it should be; says where.
        DataError: a file is not there any more.
    """
    path = Path(shard.paths[0])
    match shard.kind:
        case ShardKind.TEXTS:
            for name, place in zip(shard.names, shard.paths, strict=True):
                yield Document(id=name, text=decoded(name, Path(place).read_bytes()))
        case ShardKind.LINES:
            content = _bytes(path, shard)
            text = decoded(shard.names[0], content, first=shard.first)
            yield from line_documents(shard.names[0], text, first=shard.first)
        case ShardKind.JSONL:
            yield from stream_jsonl(path, part=LineRange(shard.begin, shard.end, shard.first))
        case ShardKind.CONLL:
            yield from read_documents(path, format="conll").documents
        case ShardKind.PARQUET:
            yield from stream_rows(path, RowRange(shard.begin, shard.end))


def _bytes(path: Path, shard: Shard) -> bytes:
    with path.open("rb") as file:
        file.seek(shard.begin)
        return file.read(shard.end - shard.begin)
