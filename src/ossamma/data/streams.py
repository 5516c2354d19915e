"""Streams that bound what hostile archives can cost: bytes, memory and steps."""

from __future__ import annotations

import lzma
import tarfile
from collections.abc import Iterator
from typing import Final, Protocol

from ossamma.schema.errors import DataError

_CHUNK: Final = 2**18
_XZ_MEMORY: Final = 2**28  # the highest preset of xz wants 65 MiB
_MAX_HEADER: Final = 2**20  # a longer extended header of a tar holds no name
_MAX_READS_AT_END: Final = 4
_BLOCK: Final = tarfile.BLOCKSIZE


class Readable(Protocol):
    """Anything that gives bytes."""

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes; none at the end."""
        ...


def chunks(stream: Readable) -> Iterator[bytes]:
    """Read a stream to its end, piece by piece."""
    while chunk := stream.read(_CHUNK):
        yield chunk


class BoundedStream:
    """Passes a stream on and raises DataError when it gives more bytes than its limit."""

    def __init__(self, stream: Readable, limit: int, name: str) -> None:
        self._stream = stream
        self._limit = limit
        self._room = limit
        self._name = name

    def read(self, size: int, /) -> bytes:
        """Read up to `size` bytes."""
        # One byte beyond the room is enough to see that there is more.
        content = self._stream.read(min(size, self._room + 1))
        self._room -= len(content)
        if self._room < 0:
            raise DataError(
                f"{self._name}: refused: it unpacks to more than {self._limit} bytes, the most "
                "for a file of its size; raise the limits if you trust it"
            )
        return content


class XzStream:
    """Unpacks xz with a limit on memory, which `lzma.open` does not offer. Forward only."""

    def __init__(self, file: Readable) -> None:
        self._file = file
        self._decoder = _new_decoder()
        self._ended = False

    def read(self, size: int, /) -> bytes:
        """Read exactly `size` bytes, fewer at the end. Raises EOFError if the file is cut off."""
        pieces: list[bytes] = []
        missing = size
        while missing and (piece := self._some(missing)):
            pieces.append(piece)
            missing -= len(piece)
        return b"".join(pieces)

    def _some(self, size: int) -> bytes:
        """At least one byte, or nothing at the end of the last stream of the file."""
        while not self._ended:
            packed = b""
            if self._decoder.eof:
                packed = self._decoder.unused_data.lstrip(b"\0") or self._next_stream()
                if not packed:
                    self._ended = True
                    break
                self._decoder = _new_decoder()
            elif self._decoder.needs_input and not (packed := self._file.read(_CHUNK)):
                raise EOFError("the compressed data ends before its end mark")
            if content := self._decoder.decompress(packed, size):
                return content
        return b""

    def _next_stream(self) -> bytes:
        """Bytes after the padding that may stand between two streams."""
        while packed := self._file.read(_CHUNK):
            if begun := packed.lstrip(b"\0"):
                return begun
        return b""


def _new_decoder() -> lzma.LZMADecompressor:
    return lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=_XZ_MEMORY)


class TarSource:
    """What `tarfile` may do with a stream: read on, skip on, and step back by one byte.

    It reads an extended header in one piece, of any size that the header claims, and loops over
    headers that say "further back" or over the end of the file; none of that happens here.
    """

    def __init__(self, stream: Readable) -> None:
        self._stream = stream
        self._position = 0
        self._last = b""
        self._repeats_last = False
        self._reads_at_end = 0
        self.at_end_mark = False
        """Whether the last whole block that was read is one of zeros, which ends an archive."""

    def tell(self) -> int:
        """Bytes that were read or skipped."""
        return self._position - self._repeats_last

    def read(self, size: int) -> bytes:
        """Read `size` bytes, fewer at the end."""
        if not 0 <= size <= _MAX_HEADER:
            raise ValueError(f"a header of {size} bytes")
        if size == 0:
            return b""
        head = self._last if self._repeats_last else b""
        self._repeats_last = False
        content = self._stream.read(size - len(head)) if size > len(head) else b""
        self._position += len(content)
        self._last = content[-1:] or self._last
        self.at_end_mark = len(content) == _BLOCK and not any(content)
        if not content and not head:
            self._reads_at_end += 1
            if self._reads_at_end > _MAX_READS_AT_END:
                raise EOFError("the archive ends inside a header")
        return head + content

    def seek(self, position: int) -> int:
        """Go to a position that is not further back than one byte."""
        step = position - self._position
        if step < -1 or (step == -1 and not self._last):
            raise ValueError("a header points backwards")
        self._repeats_last = step == -1
        while step > 0 and (skipped := self._stream.read(min(step, _CHUNK))):
            step -= len(skipped)
            self._position += len(skipped)
            self._last = skipped[-1:]
        return self.tell()
