"""Records of large XML files one at a time, with the memory of one; entities are refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse

from ossamma.data.pretraining.corpus_stream import CorpusFile
from ossamma.data.pretraining.packed_lines import open_packed
from ossamma.data.streams import Readable
from ossamma.schema.errors import FormatError


def xml_records(file: CorpusFile, name: str) -> Iterator[Element]:
    """Yield the elements of a local name; each is emptied when the next one is asked for.

    A document type may be named but not declare entities; nothing is fetched.

    Raises:
        FormatError: no XML, an entity declaration, or more than `max_line_bytes` between the ends
            of two such elements.
        DataError: as `open_packed`.
    """
    with open_packed(file.path, file.limits) as stream:
        paced = _Paced(stream, file, name)
        root: Element | None = None
        events = iter(iterparse(paced, events=("start", "end")))
        while True:
            try:
                event, element = next(events)
            except StopIteration:
                return
            except ParseError as error:
                line = error.position[0]
                raise FormatError(file.path, line, expected="XML", got=str(error)) from error
            except DefusedXmlException as error:
                raise _forbidden(file.path, error) from error
            if event == "start":
                root = element if root is None else root
            elif local_name(element) == name:
                yield element
                assert root is not None
                root.clear()
                paced.restart()


def local_name(element: Element) -> str:
    """Return the name of an element without its namespace."""
    return element.tag.rpartition("}")[2]


def children(element: Element) -> dict[str, Element]:
    """Return the children of an element by local name; of several of one name the first."""
    found: dict[str, Element] = {}
    for child in element:
        found.setdefault(local_name(child), child)
    return found


def inner_text(element: Element | None) -> str:
    """Return all text inside an element on one line; empty for None."""
    return "" if element is None else " ".join("".join(element.itertext()).split())


class _Paced:
    """Passes a stream on, and raises when a record does not end in time."""

    def __init__(self, stream: Readable, file: CorpusFile, name: str) -> None:
        self._stream = stream
        self._file = file
        self._name = name
        self._room = file.limits.max_line_bytes

    def restart(self) -> None:
        """A record has ended."""
        self._room = self._file.limits.max_line_bytes

    def read(self, size: int, /) -> bytes:
        content = self._stream.read(size)
        self._room -= len(content)
        if self._room < 0:
            raise FormatError(
                self._file.path,
                None,
                expected=f"the end of an element <{self._name}> at least every "
                f"{self._file.limits.max_line_bytes} bytes",
                got="none",
            )
        return content


def _forbidden(path: Path, error: DefusedXmlException) -> FormatError:
    return FormatError(
        path, None, expected="XML without declarations of entities", got=type(error).__name__
    )
