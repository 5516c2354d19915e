"""Exports of Label Studio (JSON and JSON-MIN) to documents.

JSON is a list of tasks `{"id", "data": {"text": ..}, "annotations": [{"result": [..]}]}`, in which
each annotation is one annotator's view of the task. JSON-MIN is a list with one flat object per
annotation: `{"id", "text": .., "<control>": [{"start", "end", "text", "labels"}]}`.

Predictions are not read, and annotations that were cancelled are not either. A task that nobody
annotated becomes an unlabelled document. Versions of the tool differ in what an offset counts
(code points or UTF-16 units); the surface that stands beside each mark tells, and where it is
missing and matters, the setting `units` must. Markup (HyperText) is refused: its offsets count a
rendering of the page that the file does not hold.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal, NamedTuple

from ossamma.data.readers.corpus import Corpus, LeftOut, make_corpus
from ossamma.data.readers.json_values import Json, json_array
from ossamma.data.readers.limits import text_within
from ossamma.data.readers.lines import shown
from ossamma.data.readers.names import UniqueNames
from ossamma.data.readers.offsets import Units, in_characters, is_ambiguous
from ossamma.data.readers.standoff import (
    Mark,
    StandoffFormat,
    annotate,
    check_choice,
    misfit,
    types_of,
)
from ossamma.schema.errors import DataError
from ossamma.schema.spans import Document, Provenance

_MARK_KEYS: Final = ("labels", "hypertextlabels")


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelStudioFormat(StandoffFormat):
    """How to read an export of Label Studio."""

    text_key: str | None = None
    """The key of the text within a task's data. None: "text", or the only string there is."""
    annotators: Literal["first", "agree", "error"] = "error"
    """What holds where several annotators saw one task: the first one's marks, those that all of
    them set alike, or nothing: tasks on which they differ are then refused."""
    units: Units | None = None
    """What the offsets count. None: find out by the surfaces, task by task."""

    def __post_init__(self) -> None:
        StandoffFormat.__post_init__(self)
        check_choice("annotators", self.annotators, ("first", "agree", "error"))
        if self.units is not None:
            check_choice("units", self.units, ("code_points", "utf16"))


DEFAULT_LABEL_STUDIO: Final = LabelStudioFormat()


class _Task(NamedTuple):
    """One text with the marks of each annotator who saw it (none: nobody did)."""

    record: Json
    identifier: str
    text: str
    views: list[list[Mark]]


def read_label_studio(
    path: str | Path, settings: LabelStudioFormat = DEFAULT_LABEL_STUDIO
) -> Corpus:
    """Read an export. A task with an id is called `<file stem>-<id>`, else `<stem>-<number>`.

    Several labels of one region become candidate types. Regions that are no marks of the text
    (choices, relations, ...) are left out and counted.

    Raises:
        FormatError: a faulty task, by the line on which it begins; a mark that does not fit;
            annotators who differ (with annotators "error").
        DataError: a file that is not there, or has no task.
    """
    path = Path(path)
    left_out = LeftOut()
    names = UniqueNames(path)
    documents: list[Document] = []
    for number, task in enumerate(_tasks(path, settings, left_out), start=1):
        document = _document(task, f"{path.stem}-{task.identifier or number}", settings, left_out)
        names.add(document.id, task.record.line)
        documents.append(document)
    if not documents:
        raise DataError(f"{path}: no task in the list; was anything exported?")
    return make_corpus(path, "label_studio", documents, left_out)


def _tasks(path: Path, settings: LabelStudioFormat, left_out: LeftOut) -> list[_Task]:
    """Read all tasks, in the order of the file; JSON-MIN repeats a task for each annotator."""
    tasks: list[_Task] = []
    flat: dict[str, _Task] = {}
    for record in json_array(path, text_within(path, settings)):
        if "data" in record.table():
            tasks.append(_nested_task(record, settings, left_out))
            continue
        task = _flat_task(record, settings)
        known = flat.setdefault(task.identifier, task) if task.identifier else task
        if known is task:
            tasks.append(task)
        elif known.text == task.text:
            known.views.extend(task.views)
        else:
            raise record.error(
                f"task {task.identifier} to have one text",
                f"another one than on line {known.record.line}",
            )
    return tasks


def _nested_task(record: Json, settings: LabelStudioFormat, left_out: LeftOut) -> _Task:
    """Read a task of the JSON export ("completions" is the annotations' name before 1.0)."""
    text = _text_of(record.need("data"), settings)
    views: list[list[Mark]] = []
    annotations = record.get("annotations") or record.get("completions")
    for annotation in annotations.items() if annotations else ():
        cancelled = annotation.get("was_cancelled") or annotation.get("skipped")
        if cancelled and cancelled.value:
            left_out.add(record.line, "a cancelled annotation")
            continue
        marks = [_region(region, left_out) for region in annotation.need("result").items()]
        views.append([mark for mark in marks if mark is not None])
    return _Task(record, record.identifier(), text, views)


def _flat_task(record: Json, settings: LabelStudioFormat) -> _Task:
    """Read an object of the JSON-MIN export."""
    text = _text_of(record, settings)
    marks: list[Mark] = []
    for key, value in record.table().items():
        if isinstance(value, list) and value and all(map(_is_mark, value)):
            marks += [_mark(item) for item in replace(record, value=value, name=key).items()]
    return _Task(record, record.identifier(), text, [marks])


def _text_of(fields: Json, settings: LabelStudioFormat) -> str:
    if settings.text_key is not None:
        return fields.need(settings.text_key).string()
    table = fields.table()
    if "text" in table:
        return fields.need("text").string()
    strings = [key for key, value in table.items() if isinstance(value, str)]
    if len(strings) != 1:
        raise fields.error(
            'a key "text", or only one string, or the setting text_key',
            f"the strings {', '.join(map(shown, strings[:10])) or '(none)'}",
        )
    return fields.need(strings[0]).string()


def _region(region: Json, left_out: LeftOut) -> Mark | None:
    """Read one region of a result; None for what is no mark of the text."""
    kind = region.get("type")
    value = region.get("value")
    if value is None or not any(key in value.table() for key in _MARK_KEYS):
        name = kind.string() if kind else "unknown"
        left_out.add(region.line, f"a region of the type {shown(name)}")
        return None
    return _mark(value)


def _is_mark(value: object) -> bool:
    return isinstance(value, Mapping) and any(key in value for key in _MARK_KEYS)


def _mark(value: Json) -> Mark:
    table = value.table()
    if "hypertextlabels" in table or "startOffset" in table:
        raise value.error(
            "marks of plain text",
            "marks of a HyperText, whose offsets count the rendered page; label plain text instead",
        )
    surface = value.get("text")
    return Mark(
        value.need("start").integer(),
        value.need("end").integer(),
        types_of([label.string() for label in value.need("labels").items()]),
        value.line,
        surface.string() if surface else None,
    )


def _document(task: _Task, name: str, settings: LabelStudioFormat, left_out: LeftOut) -> Document:
    views = [_in_characters(task, view, settings.units) for view in task.views]
    annotations = None
    if views:
        annotations = annotate(
            task.text,
            _chosen(task.record, views, settings, left_out),
            path=task.record.path,
            settings=settings,
            left_out=left_out,
        )
    return Document(
        id=name,
        text=task.text,
        annotations=annotations,
        provenance=Provenance(str(task.record.path), task.record.line),
    )


def _chosen(
    record: Json,
    views: Sequence[Sequence[Mark]],
    settings: LabelStudioFormat,
    left_out: LeftOut,
) -> Sequence[Mark]:
    """Make one list of marks out of those of all annotators."""
    if settings.annotators == "first" or len(views) == 1:
        return views[0]
    places = [{mark[:3] for mark in view} for view in views]
    common = set.intersection(*places)
    if settings.annotators == "error" and any(place != common for place in places):
        raise record.error(
            f"{len(views)} annotators who agree, or the setting annotators",
            'different marks; choose annotators "first" or "agree"',
        )
    for place in sorted(set.union(*places) - common):
        left_out.add(record.line, f"a mark that not all annotators set ({'|'.join(place[2])})")
    return [mark for mark in views[0] if mark[:3] in common]


def _in_characters(task: _Task, marks: Sequence[Mark], units: Units | None) -> list[Mark]:
    """Convert the offsets to characters, finding out what they count where that is not stated."""
    if units is None and is_ambiguous(task.text, marks):
        units = _units_by_surface(task, marks)
    return in_characters(task.text, marks, units or "code_points")


def _units_by_surface(task: _Task, marks: Sequence[Mark]) -> Units:
    telling = [mark for mark in marks if mark.surface is not None]
    candidates: tuple[Units, ...] = ("code_points", "utf16")
    fitting = [
        units
        for units in candidates
        if telling
        and all(not misfit(task.text, m) for m in in_characters(task.text, telling, units))
    ]
    if len(fitting) == 1:
        return fitting[0]
    raise task.record.error(
        'the setting units, "code_points" or "utf16": the text has characters beyond U+FFFF, '
        "behind which the two differ",
        "surfaces that fit neither" if telling and not fitting else "no surface that tells",
    )
