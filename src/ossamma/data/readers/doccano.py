"""JSON lines of doccano to documents.

A line holds `text` and either `label` (or `labels`): `[[start, end, type], ...]`, or `entities`:
`[{"start_offset": .., "end_offset": .., "label": ..}, ...]`. A record with neither is unlabelled.

doccano does not write the surface of a mark, and its versions count differently: the server counts
code points, the browser of several versions counted UTF-16 units, and a project may be set to
count graphemes. Where the first two would differ (behind a character beyond U+FFFF, such as an
emoji) the setting `units` must say which it is; nothing in the file can.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ossamma.data.readers.corpus import Corpus, LeftOut, make_corpus
from ossamma.data.readers.json_values import Json, kind_of
from ossamma.data.readers.limits import check_number, lines_within
from ossamma.data.readers.names import UniqueNames
from ossamma.data.readers.offsets import Units, in_characters, is_ambiguous
from ossamma.data.readers.standoff import Mark, StandoffFormat, annotate, check_choice, types_of
from ossamma.schema.errors import DataError
from ossamma.schema.spans import Annotation, Document, Provenance

_LABEL_KEYS: Final = ("label", "labels", "entities")


@dataclass(frozen=True, kw_only=True, slots=True)
class DoccanoFormat(StandoffFormat):
    """How to read an export of doccano."""

    text_key: str = "text"
    """The key of the text."""
    units: Units | None = None
    """What the offsets count. None: refuse the texts in which that makes a difference."""

    def __post_init__(self) -> None:
        StandoffFormat.__post_init__(self)
        if self.units is not None:
            check_choice("units", self.units, ("code_points", "utf16"))


DEFAULT_DOCCANO: Final = DoccanoFormat()


def read_doccano(path: str | Path, settings: DoccanoFormat = DEFAULT_DOCCANO) -> Corpus:
    """Read an export. A record with an `id` is called `<file stem>-<id>`, else `<stem>-<line>`.

    Relations are left out and counted.

    Raises:
        FormatError: a faulty line, by its number; a mark that does not fit; ambiguous offsets.
        DataError: a file that is not there, or has no record.
    """
    path = Path(path)
    left_out = LeftOut()
    names = UniqueNames(path)
    documents: list[Document] = []
    for number, line in enumerate(lines_within(path, settings), start=1):
        if not line.strip():
            continue
        record = Json.parse(path, number, line)
        identifier = record.identifier(("id", "doc_id")) or str(number)
        document = _document(record, f"{path.stem}-{identifier}", settings, left_out)
        names.add(document.id, number)
        documents.append(document)
    if not documents:
        raise DataError(f"{path}: no record in the file; expected one JSON object per line")
    return make_corpus(path, "doccano", documents, left_out)


def _document(record: Json, name: str, settings: DoccanoFormat, left_out: LeftOut) -> Document:
    text = record.need(settings.text_key).string()
    relations = record.get("relations")
    for _ in relations.items() if relations else ():
        left_out.add(record.line, "a relation")
    annotations: tuple[Annotation, ...] | None = None
    found = [value for key in _LABEL_KEYS if (value := record.get(key)) is not None]
    if len(found) > 1:
        names = " and ".join(value.name for value in found)
        raise record.error("the marks under one key", names)
    if found:
        size = len(found[0].value) if isinstance(found[0].value, list) else 0
        check_number(size, settings, path=record.path, line=record.line)
        marks = [_mark(item) for item in found[0].items()]
        marks = _in_characters(record, text, marks, settings.units)
        annotations = annotate(text, marks, path=record.path, settings=settings, left_out=left_out)
    place = Provenance(str(record.path), record.line)
    return Document(id=name, text=text, annotations=annotations, provenance=place)


def _mark(item: Json) -> Mark:
    """Read `[start, end, type]` or an object."""
    if isinstance(item.value, dict):
        start, end, label = map(item.need, ("start_offset", "end_offset", "label"))
    else:
        parts = item.items() if isinstance(item.value, list) else []
        if len(parts) != 3:
            got = f"{kind_of(item.value)}; was this a project of sequence labelling?"
            raise item.error(f"{item.name} to be [start, end, type]", got)
        start, end, label = parts
    return Mark(start.integer(), end.integer(), types_of([label.string()]), item.line)


def _in_characters(
    record: Json, text: str, marks: Sequence[Mark], units: Units | None
) -> list[Mark]:
    if units is None and is_ambiguous(text, marks):
        raise record.error(
            'the setting units, "code_points" or "utf16": this text has characters beyond U+FFFF, '
            "behind which the two differ",
            "none; look at one mark behind an emoji to find out which it is",
        )
    return in_characters(text, marks, units or "code_points")
