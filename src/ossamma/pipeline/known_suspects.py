"""The answers of `data suspects` for gold files, read back for a report. Needs no torch."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ossamma.evaluation.suspect_notes import FORMAT, KnownSuspects, SuspectNote, note_of_row
from ossamma.evaluation.suspect_pages import NAME
from ossamma.pipeline.gold import Gold, GoldFile
from ossamma.pipeline.suspect_review import ESTIMATE_FILE
from ossamma.schema.errors import DataError, FormatError


def read_suspects(folders: Sequence[Path], gold: Gold) -> KnownSuspects:
    """Read the suspects of gold files.

    Raises:
        FormatError: a folder is not an answer of `data suspects`, or is damaged.
        DataError: it is the answer for another file, or for one that was given already.
    """
    sources: list[dict[str, Any]] = []
    notes: dict[tuple[str, str], list[SuspectNote]] = {}
    for folder in folders:
        content = _content(folder)
        file = _file_of(folder, content["source"], gold)
        if any(source["sha256"] == file.sha256 for source in sources):
            raise DataError(f"{folder}: expected one answer for {file.path}, got a second one")
        datasets = {document.id: document.dataset or file.dataset for document in file.documents}
        number = 0
        for document, note in _notes(folder, content["settings"]["suggest_from"]):
            notes.setdefault((datasets.get(document, file.dataset), document), []).append(note)
            number += 1
        sources.append(
            {
                "path": str(folder),
                "of": str(file.path),
                "sha256": file.sha256,
                "models": content["models"],
                "suspects": number,
                "suggest_from": content["settings"]["suggest_from"],
                "review": _review(folder),
            }
        )
    return KnownSuspects(tuple(sources), notes)


def _content(folder: Path) -> dict[str, Any]:
    path = folder / f"{NAME}.json"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        is_answer = content["format"] == FORMAT
        is_whole = isinstance(content["source"]["sha256"], str) and isinstance(
            content["settings"]["suggest_from"], float
        )
    except OSError as error:
        raise FormatError(
            path, None, expected="an answer of `ossamma data suspects`", got=str(error.strerror)
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise FormatError(
            path, None, expected=f'suspects with "format": "{FORMAT}"', got=repr(error)
        ) from error
    if not (is_answer and is_whole):
        raise FormatError(
            path, None, expected=f'suspects with "format": "{FORMAT}"', got="something else"
        )
    answer: dict[str, Any] = content
    return answer


def _review(folder: Path) -> dict[str, Any] | None:
    """Read what a person's verdicts say of the suspects, if there are any."""
    path = folder / ESTIMATE_FILE
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise FormatError(
            path, None, expected="what `ossamma data review` wrote", got=repr(error)
        ) from error
    return content


def _file_of(folder: Path, source: dict[str, Any], gold: Gold) -> GoldFile:
    for file in gold.files:
        if file.sha256 == source["sha256"]:
            return file
    given = ", ".join(str(file.path) for file in gold.files)
    raise DataError(
        f"{folder}: expected suspects of a gold file ({given}), got those of {source.get('path')}, "
        "or of it as it was before; run `ossamma data suspects` for the gold file"
    )


def _notes(folder: Path, suggest_from: float) -> Iterator[tuple[str, SuspectNote]]:
    path = folder / f"{NAME}.jsonl"
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise FormatError(
            path, None, expected="the suspects of suspects.json", got=str(error.strerror)
        ) from error
    for number, line in enumerate(lines, start=1):
        try:
            row = json.loads(line)
            yield str(row["document"]), note_of_row(row, suggest_from=suggest_from)
        except (ValueError, KeyError, TypeError) as error:
            raise FormatError(path, number, expected="a suspect", got=repr(error)) from error
