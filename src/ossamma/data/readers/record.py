"""One document or prediction as a JSON object, and back.

    {"id": "a-1", "text": "Ada met Bob.",
     "entities": [{"start": 0, "end": 3, "label": "PERSON", "text": "Ada", "confidence": 0.9,
                   "origin": "lexicon"}],
     "annotates": ["PERSON"], "weight": 1.0, "words": [[0, 3], ...], "sentence_starts": [0],
     "dataset": "letters", "group": "letter-7"}

Offsets are characters of `text` (Python's: code points), half open. Only `text` is required.
Without `entities` the text is unlabelled; without `annotates` the source marks all types. `label`
is one type, or several candidates as "A|B" or a list. `meta` and `source` may hold anything and
are not read.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from ossamma.data.readers.lines import shown
from ossamma.schema.errors import FormatError, LabelError, SpanError
from ossamma.schema.labels import LabelSet
from ossamma.schema.spans import Annotation, Document, Entity, Provenance, Span

_METADATA: Final = ("meta", "source")
_KEYS: Final = (
    "id",
    "text",
    "entities",
    "annotates",
    "weight",
    "words",
    "tokens",
    "sentence_starts",
    "dataset",
    "group",
    *_METADATA,
)
_ENTITY_KEYS: Final = ("start", "end", "label", "text", "confidence", "origin", *_METADATA)
_NOWHERE: Final = Provenance("<record>")


class Mark(NamedTuple):
    """An entity as it stands in a record: the types are sorted candidates."""

    start: int
    end: int
    labels: tuple[str, ...]
    text: str
    confidence: float
    origin: str


def document_to_json(
    document: Document, entities: Sequence[Entity] | None = None
) -> dict[str, object]:
    """Turn a document into a JSON object; what has its default value is left out.

    With `entities` the object carries these predictions, with their confidence, in place of the
    document's own annotations.

    Raises:
        SpanError: an entity whose text is not what the document has at its place.
    """
    text = document.text
    record: dict[str, object] = {"id": document.id, "text": text}
    if entities is not None:
        record["entities"] = [_entity_to_json(document, entity) for entity in entities]
    elif document.annotations is not None:
        record["entities"] = [_annotation_to_json(document, a) for a in document.annotations]
    if document.annotates is not None:
        record["annotates"] = sorted(document.annotates)
    if document.words is not None:
        record["words"] = [[word.start, word.end] for word in document.words]
    rest = {
        "weight": document.weight if document.weight != 1.0 else None,
        "sentence_starts": list(document.sentence_starts),
        "dataset": document.dataset,
        "group": document.group,
    }
    # A weight of 0 is no default.
    return record | {key: value for key, value in rest.items() if value not in (None, [], "")}


def document_from_json(
    record: object, *, place: Provenance | None = None, default_id: str = "document"
) -> Document:
    """Turn a JSON object into a document: the inverse of `document_to_json`.

    Annotations come out sorted.

    Args:
        record: what `json.loads` gave.
        place: file and line for error messages; becomes the document's provenance.
        default_id: the id of a record that has none.

    Raises:
        FormatError: anything that is not as the head of this module describes.
    """
    fields = _Fields(place or _NOWHERE)
    table = fields.table(record, "a record", _KEYS)
    text = fields.text(table)
    marks = fields.marks(table, text)
    words = fields.words(table, text)
    return Document(
        id=fields.identifier(table, default_id),
        text=text,
        words=words,
        sentence_starts=fields.sentence_starts(table, words),
        annotations=None
        if marks is None
        else tuple(
            sorted(Annotation(m.start, m.end, m.labels, m.origin, m.confidence) for m in marks)
        ),
        annotates=fields.annotates(table),
        weight=fields.number(table.get("weight", 1.0), '"weight"', at_most=math.inf),
        provenance=place,
        dataset=fields.optional_string(table, "dataset"),
        group=fields.optional_string(table, "group"),
    )


def text_from_json(
    record: object, *, place: Provenance | None = None, default_id: str = "document"
) -> Document:
    """Read id, text, data set and group off a JSON object, and nothing else.

    What else the record holds is not looked at, be it wrong: this is for a record that was checked
    before. See `document_from_json`.

    Raises:
        FormatError: one of these four is not as it should be.
    """
    fields = _Fields(place or _NOWHERE)
    table = fields.table(record, "a record", _KEYS)
    return Document(
        id=fields.identifier(table, default_id),
        text=fields.text(table),
        provenance=place,
        dataset=fields.optional_string(table, "dataset"),
        group=fields.optional_string(table, "group"),
    )


def prediction_from_json(
    record: object, *, place: Provenance | None = None, default_id: str = "document"
) -> tuple[str, str, list[Entity]]:
    """Read id, text and predicted entities (sorted, with their confidence) off a JSON object.

    Raises:
        FormatError: as `document_from_json`; also no "entities", or one with several types.
    """
    fields = _Fields(place or _NOWHERE)
    table = fields.table(record, "a record", _KEYS)
    text = fields.text(table)
    marks = fields.marks(table, text)
    if marks is None:
        raise fields.error('the key "entities" with the predictions', "a record without it")
    for mark in marks:
        if len(mark.labels) != 1:
            raise fields.error("one type per predicted entity", "|".join(mark.labels))
    entities = [Entity(m.start, m.end, m.labels[0], m.text, m.confidence) for m in marks]
    return fields.identifier(table, default_id), text, sorted(entities)


def _annotation_to_json(document: Document, annotation: Annotation) -> dict[str, object]:
    record: dict[str, object] = {
        "start": annotation.start,
        "end": annotation.end,
        "label": annotation.label,
        "text": document.text[annotation.start : annotation.end],
    }
    if annotation.confidence != 1.0:
        record["confidence"] = annotation.confidence
    if annotation.origin:
        record["origin"] = annotation.origin
    return record


def _entity_to_json(document: Document, entity: Entity) -> dict[str, object]:
    if document.text[entity.start : entity.end] != entity.text:
        raise SpanError(
            f"document {document.id!r}: entity [{entity.start}, {entity.end}) has the text "
            f"{shown(entity.text)}, but the document has "
            f"{shown(document.text[entity.start : entity.end])} there; was it found in another "
            f"text?"
        )
    return {
        "start": entity.start,
        "end": entity.end,
        "label": entity.label,
        "text": entity.text,
        "confidence": entity.confidence,
    }


class _Fields:
    """Takes values out of one record and knows its place when one is not as it should be."""

    def __init__(self, place: Provenance) -> None:
        self._place = place

    def error(self, expected: str, got: str) -> FormatError:
        return FormatError(self._place.source, self._place.line, expected=expected, got=got)

    def table(self, value: object, what: str, known: Sequence[str]) -> Mapping[str, object]:
        if not isinstance(value, dict):
            raise self.error(f"{what} to be an object {{...}}", _kind(value))
        unknown = [str(key) for key in value if key not in known]
        if unknown:
            raise self.error(
                f"only the keys {', '.join(known)} in {what}",
                f"{', '.join(map(shown, unknown))}; put what is yours under meta",
            )
        return value

    def text(self, table: Mapping[str, object]) -> str:
        if "text" not in table:
            raise self.error('the key "text"', f"a record with {', '.join(table) or 'no keys'}")
        return self._string(table["text"], '"text"')

    def identifier(self, table: Mapping[str, object], default: str) -> str:
        if "id" not in table:
            return default
        identifier = self._string(table["id"], '"id"')
        if not identifier:
            raise self.error('a non-empty "id" (or none at all)', "an empty string")
        return identifier

    def optional_string(self, table: Mapping[str, object], name: str) -> str:
        return self._string(table.get(name, ""), f'"{name}"')

    def marks(self, table: Mapping[str, object], text: str) -> list[Mark] | None:
        if "entities" not in table:
            return None
        value = table["entities"]
        if not isinstance(value, list):
            raise self.error('"entities" to be a list (or absent: unlabelled)', _kind(value))
        return [self._mark(item, text, f"entity {n}") for n, item in enumerate(value, start=1)]

    def words(self, table: Mapping[str, object], text: str) -> tuple[Span, ...] | None:
        if "words" in table and "tokens" in table:
            raise self.error('either "words" or "tokens"', "both")
        if "words" not in table and "tokens" not in table:
            return None
        name = "words" if "words" in table else "tokens"
        words: list[Span] = []
        end = 0
        for number, pair in enumerate(self._list(table[name], f'"{name}"'), start=1):
            what = f"word {number}"
            if not isinstance(pair, list) or len(pair) != 2:
                raise self.error(f"{what} to be [start, end]", _kind(pair))
            start = self._integer(pair[0], f"the start of {what}")
            if start < end:
                raise self.error(
                    f"{what} to begin at {end} or later, behind the one before", str(start)
                )
            end = self._integer(pair[1], f"the end of {what}")
            self._check_range(start, end, text, what)
            words.append(Span(start, end))
        return tuple(words)

    def sentence_starts(
        self, table: Mapping[str, object], words: tuple[Span, ...] | None
    ) -> tuple[int, ...]:
        if "sentence_starts" not in table:
            return ()
        if words is None:
            raise self.error('"words" beside "sentence_starts", which counts them', "none")
        starts: list[int] = []
        for value in self._list(table["sentence_starts"], '"sentence_starts"'):
            start = self._integer(value, "a sentence start")
            if not (starts[-1] if starts else -1) < start < len(words):
                raise self.error(
                    f"ascending sentence starts from 0 to {len(words) - 1}", f"{start}"
                )
            starts.append(start)
        return tuple(starts)

    def annotates(self, table: Mapping[str, object]) -> frozenset[str] | None:
        if "annotates" not in table:
            return None
        names = [
            self._string(value, 'a type in "annotates"')
            for value in self._list(table["annotates"], '"annotates"')
        ]
        for name in names:
            self._check_type(name, '"annotates"')
        return frozenset(names)

    def number(self, value: object, what: str, *, at_most: float) -> float:
        """A finite number in [0, at_most]."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.error(f"{what} to be a number", _kind(value))
        if not 0 <= value <= at_most or value == math.inf:
            limit = "" if at_most == math.inf else f" and at most {at_most:g}"
            raise self.error(f"{what} to be finite, at least 0{limit}", _kind(value))
        try:
            return float(value)
        except OverflowError:
            raise self.error(f"{what} to be finite", "an integer of absurd length") from None

    def _mark(self, value: object, text: str, what: str) -> Mark:
        table = self.table(value, what, _ENTITY_KEYS)
        missing = [key for key in ("start", "end", "label") if key not in table]
        if missing:
            raise self.error(f"{what} with start, end and label", f"one without {missing[0]}")
        start = self._integer(table["start"], f"the start of {what}")
        end = self._integer(table["end"], f"the end of {what}")
        self._check_range(start, end, text, what)
        found = text[start:end]
        if "text" in table:
            self._check_text(self._string(table["text"], f"the text of {what}"), found, what)
        if not found.strip():
            raise self.error(
                f"{what} to have a visible character", f"only white space at [{start}, {end})"
            )
        return Mark(
            start,
            end,
            self._labels(table["label"], what),
            found,
            self.number(table.get("confidence", 1.0), f"the confidence of {what}", at_most=1.0),
            self._string(table.get("origin", ""), f"the origin of {what}"),
        )

    def _labels(self, value: object, what: str) -> tuple[str, ...]:
        names = value if isinstance(value, list) else [value]
        if not names:
            raise self.error(f"{what} with at least one candidate type", "an empty list")
        candidates = {
            candidate
            for name in names
            for candidate in self._string(name, f"the label of {what}").split("|")
        }
        for candidate in candidates:
            self._check_type(candidate, what)
        return tuple(sorted(candidates))

    def _check_type(self, name: str, what: str) -> None:
        try:
            LabelSet((name,))
        except LabelError:
            raise self.error(
                f"types of 1-100 characters without white space, not 'O', in {what}", shown(name)
            ) from None

    def _check_range(self, start: int, end: int, text: str, what: str) -> None:
        if not 0 <= start < end <= len(text):
            raise self.error(
                f"{what} to satisfy 0 <= start < end <= {len(text)}, the length of the text in "
                f"characters",
                f"[{_digits(start)}, {_digits(end)})",
            )

    def _check_text(self, given: str, found: str, what: str) -> None:
        if given != found:
            raise self.error(
                f"the text of {what} to be what the document has at its place, {shown(found)}",
                f"{shown(given)}; offsets count characters, not bytes or UTF-16 units",
            )

    def _string(self, value: object, what: str) -> str:
        if not isinstance(value, str):
            raise self.error(f"{what} to be a string", _kind(value))
        return value

    def _integer(self, value: object, what: str) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.error(f"{what} to be an integer", _kind(value))
        return value

    def _list(self, value: object, what: str) -> list[object]:
        if not isinstance(value, list):
            raise self.error(f"{what} to be a list", _kind(value))
        return value


def _digits(value: int) -> str:
    """Write an offset, unless it is so long that Python itself refuses to."""
    return str(value) if abs(value) < 10**20 else "a number of more than 20 digits"


def _kind(value: object) -> str:
    """Name a JSON value for a message: its type in JSON's words, and what it is if short."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "the boolean " + str(value).lower()
    if isinstance(value, int | float):
        return f"the number {_digits(value) if isinstance(value, int) else value}"
    if isinstance(value, str):
        return f"the string {shown(value)}"
    return "a list" if isinstance(value, list) else "an object"
