"""Plain text: strict decoding, and splitting a stream of any length into bounded pieces.

A NUL is in no text: it tells of binary data, or of UTF-16 that was taken for something else. It
costs the document in which it stands and no other, and it never goes in silence: a text that is
one document is refused with its line, and where a source holds many documents, those with a NUL
are left out and listed with their lines. It is not replaced: what stands around it is as broken.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from ossamma.data.readers.lines import Fault
from ossamma.schema.errors import ConfigurationError, DataError, FormatError

# UTF-32 first: its little-endian mark begins with that of UTF-16.
_BOMS: Final = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_Chunk = TypeVar("_Chunk", str, bytes)
_CHUNK: Final = 2**16  # bytes read at once, and characters looked at beyond a piece
_BLANK_LINES: Final = re.compile(r"(?:[ \t\f\v\r]*+\n)++")
_PARAGRAPH_END: Final = re.compile(r"\n[ \t\f\v\r]*+\n")


@dataclass(frozen=True, slots=True)
class TextPiece:
    """A piece of a longer text: `"".join(p.before + p.text for p in pieces)` is the whole.

    `before` holds the blank lines in front of `text`; `text` may be empty where there is nothing
    but those. `line` is the 1-based line on which `text` begins.
    """

    before: str
    text: str
    line: int


def codec_name(encoding: str) -> str:
    """Return Python's name of a text encoding.

    Raises:
        ConfigurationError: it does not exist.
    """
    try:
        "a".encode(encoding)  # refuses codecs that are not of text, such as "zlib"
        return codecs.lookup(encoding).name
    except (LookupError, ValueError) as error:
        raise ConfigurationError(
            f"unknown text encoding {encoding!r}; write it as Python does, such as 'cp1252'"
        ) from error


def find_encoding(head: bytes, stated: str | None, *, source: str | Path) -> tuple[str, int]:
    """Return the codec of a text that begins with `head`, and the length of its byte-order mark.

    Without a mark and a statement it is UTF-8; nothing is ever guessed.

    Raises:
        ConfigurationError: the stated encoding does not exist.
        FormatError: the mark says something else than the statement, or is missing where the
            encoding needs one.
    """
    marked, length = next(((name, len(b)) for b, name in _BOMS if head.startswith(b)), ("", 0))
    if stated is None:
        return marked or "utf-8", length
    name = codec_name(stated)
    if not marked and name in {"utf-16", "utf-32"}:
        raise FormatError(
            source,
            1,
            expected=f"a byte-order mark, or the encoding {name}-le or {name}-be",
            got=f"{name} without a mark",
        )
    if marked and marked not in {name.removesuffix("-sig"), f"{name}-le", f"{name}-be"}:
        raise FormatError(
            source, 1, expected=f"text in {stated}, as stated", got=f"a byte-order mark of {marked}"
        )
    return marked or name, length


def find_nul(text: str, first_line: int) -> Fault | None:
    """Tell on which line a text that begins on `first_line` has its first NUL, if it has one."""
    before, nul, _ = text.partition("\0")
    if not nul:
        return None
    got = "a NUL character: this looks like binary data"
    return Fault(first_line + before.count("\n"), "text", got)


def decode_text(raw: bytes, *, source: str | Path, encoding: str | None = None) -> str:
    """Decode a whole text strictly; line ends stay as they are.

    Raises:
        FormatError: a NUL, or bytes that are no text in the encoding, with their line.
        ConfigurationError: the stated encoding does not exist.
    """
    return "".join(_decode_chunks((raw,), source=source, encoding=encoding))


def iter_decoded(
    path: Path, *, encoding: str | None = None, keep_nul: bool = False
) -> Iterator[str]:
    """Decode a file chunk by chunk; the joined chunks are what `decode_text` gives.

    Args:
        path: the file.
        encoding: its encoding, if the file itself does not state it.
        keep_nul: hand out a NUL, for a caller who decides what becomes of its document.

    Raises:
        DataError: a file that is not there or cannot be read.
        FormatError, ConfigurationError: as `decode_text`, when the bytes are reached.
    """
    try:
        with path.open("rb") as file:
            chunks = iter(lambda: file.read(_CHUNK), b"")
            yield from _decode_chunks(chunks, source=path, encoding=encoding, keep_nul=keep_nul)
    except OSError as error:
        raise DataError(
            f"{path}: cannot be read ({error.strerror}); check its name, kind and permissions"
        ) from error


def split_text(chunks: Iterable[str], *, max_characters: int) -> Iterator[TextPiece]:
    """Cut a stream of text into pieces of at most `max_characters`.

    A piece ends before a blank line; failing that before a line end, failing that behind a space,
    failing that anywhere. It never takes in more of the stream than one piece and one chunk.
    `TextPiece.before` is bounded in the same way.
    """
    line = 1
    buffer = ""
    for is_last, chunk in _with_last(_slices(chunks)):
        buffer += chunk
        while len(buffer) > max_characters or (is_last and buffer):
            before = _leading_blank_lines(buffer)
            rest = buffer[len(before) : len(before) + max_characters + 1]
            if not is_last and len(rest) <= max_characters:
                if len(before) <= max_characters:
                    break  # more text is needed to fill the piece
                rest = ""
            text = rest[: _end_of_piece(rest, max_characters)]
            line += before.count("\n")
            yield TextPiece(before, text, line)
            line += text.count("\n")
            buffer = buffer[len(before) + len(text) :]


def _decode_chunks(
    chunks: Iterable[bytes], *, source: str | Path, encoding: str | None, keep_nul: bool = False
) -> Iterator[str]:
    decoder: codecs.IncrementalDecoder | None = None
    place = _Place(source)
    for is_last, raw in _with_last(chunks):
        content = raw
        if decoder is None:
            name, mark = find_encoding(content[:4], encoding, source=source)
            decoder = codecs.getincrementaldecoder(name)("strict")
            content = content[mark:]
            place.encoding, place.num_bytes = name, mark
        held = len(decoder.getstate()[0])
        try:
            text = decoder.decode(content, final=is_last)
        except UnicodeDecodeError as error:
            raise place.undecodable(error, held) from None
        if not keep_nul:
            place.refuse_nul(text)
        place.advance(text, len(content))
        yield text


class _Place:
    """How far a stream of bytes has been read, for error messages."""

    def __init__(self, source: str | Path) -> None:
        self._source = source
        self._line = 1
        self.encoding = ""
        self.num_bytes = 0

    def advance(self, text: str, num_bytes: int) -> None:
        self._line += text.count("\n")
        self.num_bytes += num_bytes

    def undecodable(self, error: UnicodeDecodeError, held: int) -> FormatError:
        before = bytes(error.object[: error.start]).decode(self.encoding, errors="replace")
        at = self.num_bytes - held + error.start + 1
        return FormatError(
            self._source,
            self._line + before.count("\n"),
            expected=f"text in {self.encoding.upper()}",
            got=f"byte 0x{error.object[error.start]:02x} at byte {at} of the file "
            f"({error.reason}); state the encoding if it is another one",
        )

    def refuse_nul(self, text: str) -> None:
        fault = find_nul(text, self._line)
        if fault is not None:
            raise fault.error(self._source)


def _with_last(items: Iterable[_Chunk]) -> Iterator[tuple[bool, _Chunk]]:
    """Mark the last item of a stream."""
    iterator = iter(items)
    try:
        current = next(iterator)
    except StopIteration:
        return
    for following in iterator:
        yield False, current
        current = following
    yield True, current


def _slices(chunks: Iterable[str]) -> Iterator[str]:
    """Cut long chunks: what is kept behind a piece is copied for every piece."""
    for chunk in chunks:
        yield from (chunk[i : i + _CHUNK] for i in range(0, len(chunk), _CHUNK))


def _leading_blank_lines(text: str) -> str:
    if text.isspace():
        return text
    match = _BLANK_LINES.match(text)
    return match.group() if match else ""


def _end_of_piece(text: str, limit: int) -> int:
    """Where the piece that begins `text` ends; all of `text` if it is within the limit."""
    if len(text) <= limit:
        stripped = len(text.rstrip())
        # Line ends behind the last word stand between pieces; other space belongs to its line.
        newline = text.find("\n", stripped)
        return len(text) if newline < 0 else _before_carriage_return(text, newline)
    window = text[:limit]
    paragraphs = [match.start() for match in _PARAGRAPH_END.finditer(text, 0, limit + 1)]
    cut = paragraphs[-1] if paragraphs else text.rfind("\n", 0, limit + 1)
    if cut > 0 and text[:cut].strip():
        return _before_carriage_return(text, text.index("\n", len(text[:cut].rstrip())))
    cut = limit
    if not window[-1].isspace():
        behind_space = limit - len(window.rsplit(None, 1)[-1])
        if window[:behind_space].strip():
            cut = behind_space
    if text[cut - 1] == "\r" and text[cut] == "\n" and cut > 1:
        return cut - 1
    return cut


def _before_carriage_return(text: str, newline: int) -> int:
    return newline - (newline > 0 and text[newline - 1] == "\r")
