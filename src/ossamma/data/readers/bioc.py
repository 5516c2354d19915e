"""BioC (XML and JSON) to documents.

A document has passages (or sentences within them), each with its text and the offset at which that
begins in the document; annotations have a type among their infons and locations (offset, length)
in the document. Our text is the passages joined by a line feed (sentences by a space): offsets are
mapped through their passage, so gaps and overlaps between passages do no harm.

Offsets count characters. The format's first description counted bytes; a file that does is told by
the surfaces and refused. Annotations with several locations (discontinuous mentions) and relations
are left out and counted.

XML is read as a stream, by a parser that refuses entities and never opens another file or address;
nesting has a limit. In JSON only bad syntax is tied to its line; other faults name line 1.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from operator import attrgetter
from pathlib import Path
from typing import Final
from xml.sax import SAXException, SAXParseException
from xml.sax.handler import ContentHandler
from xml.sax.xmlreader import AttributesImpl, Locator

from defusedxml import DefusedXmlException
from defusedxml.sax import make_parser

from ossamma.data.readers.corpus import Corpus, LeftOut, make_corpus
from ossamma.data.readers.json_values import Json
from ossamma.data.readers.limits import check_number, check_size, text_within
from ossamma.data.readers.lines import read_bytes, shown
from ossamma.data.readers.names import UniqueNames
from ossamma.data.readers.standoff import Mark, StandoffFormat, annotate, misfit, types_of
from ossamma.schema.errors import DataError, FormatError
from ossamma.schema.spans import Annotation, Document, Provenance

_MAX_DEPTH: Final = 64
_CHUNK: Final = 2**16
_NUMBER: Final = re.compile(r"[0-9]{1,18}")


@dataclass(frozen=True, kw_only=True, slots=True)
class BiocFormat(StandoffFormat):
    """How to read BioC."""

    type_key: str = "type"
    """The infon of an annotation that holds its type."""


DEFAULT_BIOC: Final = BiocFormat()


@dataclass(slots=True)
class _Annotation:
    """An annotation with its locations, as (offset, length) in the document."""

    line: int
    type: str = ""
    locations: list[tuple[int, int]] = field(default_factory=list)
    surface: str | None = None


@dataclass(slots=True)
class _Piece:
    """A passage, or a sentence of one."""

    line: int
    offset: int = 0
    text: str = ""
    sentences: list[_Piece] = field(default_factory=list)
    annotations: list[_Annotation] = field(default_factory=list)


@dataclass(slots=True)
class _Entry:
    """A document as the file has it."""

    line: int
    name: str = ""
    passages: list[_Piece] = field(default_factory=list)
    annotations: list[_Annotation] = field(default_factory=list)
    num_relations: int = 0


def read_bioc(path: str | Path, settings: BiocFormat = DEFAULT_BIOC) -> Corpus:
    """Read a collection; XML is told from JSON by its first character.

    Documents are called by their own id.

    Raises:
        FormatError: broken XML or JSON, an entity, an annotation without type or location, one
            that does not fit its passage, offsets that count bytes, an id that stands twice.
        DataError: a file that is not there, or has no document.
    """
    path = Path(path)
    check_size(path, settings)
    content = read_bytes(path)
    left_out = LeftOut()
    names = UniqueNames(path)
    documents: list[Document] = []
    if content.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in {b"{", b"["}:
        entries = _json_entries(Json.whole(path, text_within(path, settings)), settings)
    else:
        entries = _xml_entries(path, content, settings)
    for entry in entries:
        if not entry.name:
            raise FormatError(path, entry.line, expected="a document with an id", got="none")
        names.add(entry.name, entry.line)
        documents.append(_document(path, entry, settings, left_out))
    if not documents:
        raise DataError(f"{path}: no document in the collection")
    return make_corpus(path, "bioc", documents, left_out)


def _document(path: Path, entry: _Entry, settings: BiocFormat, left_out: LeftOut) -> Document:
    """Join the pieces of text and map the annotations of each into it."""
    for _ in range(entry.num_relations):
        left_out.add(entry.line, "a relation")
    pieces = _settle(path, entry)
    total = sum(len(piece.annotations) for _, piece in pieces)
    check_number(total, settings, path=path, line=entry.line)
    texts: list[str] = []
    annotations: list[Annotation] = []
    base = 0
    for separator, piece in pieces:
        if texts:
            texts.append(separator)
            base += len(separator)
        texts.append(piece.text)
        marks = _marks(path, piece, left_out)
        _refuse_bytes(path, piece.text, marks)
        found = annotate(piece.text, marks, path=path, settings=settings, left_out=left_out)
        annotations += [Annotation(a.start + base, a.end + base, a.labels) for a in found]
        base += len(piece.text)
    return Document(
        id=entry.name,
        text="".join(texts),
        annotations=tuple(annotations),
        provenance=Provenance(str(path), entry.line),
    )


def _settle(path: Path, entry: _Entry) -> list[tuple[str, _Piece]]:
    """List the pieces that have a text, with what separates each from the one before it.

    Annotations of a passage or document whose text is in smaller pieces go to the piece in which
    they begin.
    """
    pieces: list[tuple[str, _Piece]] = []
    homeless = list(entry.annotations)
    for passage in entry.passages:
        inner = chain.from_iterable(sentence.annotations for sentence in passage.sentences)
        if passage.text:
            passage.annotations += inner
            pieces.append(("\n", passage))
        else:
            homeless += passage.annotations
            written = [sentence for sentence in passage.sentences if sentence.text]
            pieces += [(" " if n else "\n", sentence) for n, sentence in enumerate(written)]
    by_offset = sorted((piece for _, piece in pieces), key=attrgetter("offset"))
    for annotation in homeless:
        _home(path, annotation, by_offset).annotations.append(annotation)
    return pieces


def _home(path: Path, annotation: _Annotation, by_offset: Sequence[_Piece]) -> _Piece:
    start = annotation.locations[0][0] if annotation.locations else -1
    rank = bisect_right(by_offset, start, key=attrgetter("offset"))
    home = by_offset[rank - 1] if rank else None
    if home is not None and start < home.offset + len(home.text):
        return home
    raise FormatError(
        path,
        annotation.line,
        expected="an annotation that begins in a passage or sentence with a text",
        got=f"the offset {start}" if annotation.locations else "no location",
    )


def _marks(path: Path, piece: _Piece, left_out: LeftOut) -> list[Mark]:
    """Turn annotations into marks of their piece's text."""
    marks: list[Mark] = []
    for annotation in piece.annotations:
        line = annotation.line
        if not annotation.type or not annotation.locations:
            lacks = "location" if annotation.type else "type (type_key says where it stands)"
            expected = "an annotation with a type and a location"
            raise FormatError(path, line, expected=expected, got=f"no {lacks}")
        if len(annotation.locations) > 1:
            left_out.add(line, "a discontinuous mark")
            continue
        offset, length = annotation.locations[0]
        start = offset - piece.offset
        labels = types_of([annotation.type])
        marks.append(Mark(start, start + length, labels, line, annotation.surface))
    return marks


def _refuse_bytes(path: Path, text: str, marks: Sequence[Mark]) -> None:
    """Refuse offsets that make sense as bytes of UTF-8 and none as characters."""
    telling = [mark for mark in marks if mark.surface is not None and mark.start >= 0]
    wrong = [mark for mark in telling if misfit(text, mark)]
    if not wrong or text.isascii():
        return
    content = text.encode()
    if all(content[m.start : m.end] == (m.surface or "").encode() for m in telling):
        raise FormatError(
            path,
            wrong[0].line,
            expected="offsets that count characters",
            got="offsets that count the bytes of UTF-8; convert them",
        )


def _json_entries(root: Json, settings: BiocFormat) -> Iterator[_Entry]:
    """Read a collection, a document, or a list of either."""
    for item in root.items() if isinstance(root.value, list) else [root]:
        documents = item.get("documents") or item.get("PubTator3")
        for document in documents.items() if documents else [item]:
            entry = _Entry(document.line, document.identifier())
            for value in document.need("passages").items():
                passage = _json_piece(value, settings)
                sentences = value.get("sentences")
                for sentence in sentences.items() if sentences else ():
                    passage.sentences.append(_json_piece(sentence, settings))
                entry.passages.append(passage)
            entry.annotations = _json_annotations(document, settings)
            relations = document.get("relations")
            entry.num_relations = len(relations.items()) if relations else 0
            yield entry


def _json_piece(value: Json, settings: BiocFormat) -> _Piece:
    text = value.get("text")
    return _Piece(
        value.line,
        offset=value.need("offset").integer(),
        text=text.string() if text else "",
        annotations=_json_annotations(value, settings),
    )


def _json_annotations(holder: Json, settings: BiocFormat) -> list[_Annotation]:
    values = holder.get("annotations")
    found: list[_Annotation] = []
    for value in values.items() if values else ():
        kind, surface = value.need("infons").get(settings.type_key), value.get("text")
        locations = [
            (place.need("offset").integer(), place.need("length").integer())
            for place in value.need("locations").items()
        ]
        label = kind.string() if kind else ""
        found.append(
            _Annotation(value.line, label, locations, surface.string() if surface else None)
        )
    return found


def _xml_entries(path: Path, content: bytes, settings: BiocFormat) -> Iterator[_Entry]:
    """Feed the parser bit by bit and hand out each document when it is complete."""
    handler = _Handler(path, settings)
    parser = make_parser()
    parser.setContentHandler(handler)
    handler.setDocumentLocator(parser)  # which the parser itself only does when it reads a file
    parser.forbid_entities = True
    # Collections name their DTD; the parser passes by it without opening it.
    parser.forbid_external = False
    try:
        for start in range(0, len(content), _CHUNK):
            parser.feed(content[start : start + _CHUNK])
            yield from handler.take()
        parser.close()
    except SAXParseException as error:
        got = f"broken XML ({error.getMessage()})"
        raise FormatError(path, error.getLineNumber(), expected="XML", got=got) from None
    except (DefusedXmlException, SAXException, LookupError, ValueError) as error:
        got = f"what is refused here: {type(error).__name__} ({shown(str(error))})"
        raise FormatError(path, parser.getLineNumber(), expected="plain XML", got=got) from None
    yield from handler.take()


@dataclass(slots=True)
class _Element:
    """An element of a document, as the parser met it."""

    name: str
    line: int
    attributes: dict[str, str]
    letters: list[str] = field(default_factory=list)
    children: list[_Element] = field(default_factory=list)

    def all(self, name: str) -> list[_Element]:
        """Give the children of this name."""
        return [child for child in self.children if child.name == name]

    def text_of(self, name: str) -> str | None:
        """Give the text of the first child of this name."""
        return next(("".join(child.letters) for child in self.all(name)), None)


class _Handler(ContentHandler):
    """Builds a tree of each document from the parser's events, and turns it into an entry."""

    def __init__(self, path: Path, settings: BiocFormat) -> None:
        super().__init__()
        self._path = path
        self._type_key = settings.type_key
        self._open: list[_Element] = []
        self._complete: list[_Entry] = []
        self._locator: Locator | None = None

    def take(self) -> list[_Entry]:
        """Hand over the documents that are complete."""
        complete, self._complete = self._complete, []
        return complete

    def setDocumentLocator(self, locator: Locator) -> None:  # noqa: N802 (SAX's name)
        """Remember who knows the line."""
        self._locator = locator

    def startElement(self, name: str, attrs: AttributesImpl) -> None:  # noqa: N802 (SAX's name)
        """Open an element."""
        if len(self._open) == _MAX_DEPTH:
            expected = f"elements nested at most {_MAX_DEPTH} deep"
            raise FormatError(self._path, self._line(), expected=expected, got="more")
        self._open.append(_Element(name, self._line(), dict(attrs.items())))

    def characters(self, content: str) -> None:
        """Collect the text of the innermost element."""
        self._open[-1].letters.append(content)

    def endElement(self, name: str) -> None:  # noqa: N802 (SAX's name)
        """Close an element and give it to its parent; a document is complete."""
        element = self._open.pop()
        if name == "document":
            self._complete.append(self._entry(element))
        elif any(parent.name == "document" for parent in self._open):
            self._open[-1].children.append(element)

    def skippedEntity(self, name: str) -> None:  # noqa: N802 (SAX's name)
        """Refuse a reference that only the unread DTD could resolve."""
        got = f"the entity {shown(name)}"
        raise FormatError(self._path, self._line(), expected="plain characters", got=got)

    def _line(self) -> int:
        return int(self._locator.getLineNumber() or 1) if self._locator else 1

    def _entry(self, document: _Element) -> _Entry:
        entry = _Entry(document.line, (document.text_of("id") or "").strip())
        for element in document.all("passage"):
            passage = self._piece(element)
            passage.sentences = [self._piece(sentence) for sentence in element.all("sentence")]
            entry.num_relations += len(element.all("relation"))
            entry.passages.append(passage)
        entry.annotations = [self._annotation(a) for a in document.all("annotation")]
        entry.num_relations += len(document.all("relation"))
        return entry

    def _piece(self, element: _Element) -> _Piece:
        text = element.text_of("text") or ""
        offset = element.text_of("offset") or ("" if text else "0")
        return _Piece(
            element.line,
            offset=self._number(element, offset),
            text=text,
            annotations=[self._annotation(a) for a in element.all("annotation")],
        )

    def _annotation(self, element: _Element) -> _Annotation:
        types = [i for i in element.all("infon") if i.attributes.get("key") == self._type_key]
        locations = [
            (
                self._number(place, place.attributes.get("offset", "")),
                self._number(place, place.attributes.get("length", "")),
            )
            for place in element.all("location")
        ]
        label = "".join(types[0].letters) if types else ""
        return _Annotation(element.line, label, locations, element.text_of("text"))

    def _number(self, element: _Element, text: str) -> int:
        if _NUMBER.fullmatch(text.strip()):
            return int(text)
        expected = f"a number in the {element.name} (its offset or length)"
        raise FormatError(self._path, element.line, expected=expected, got=shown(text))
