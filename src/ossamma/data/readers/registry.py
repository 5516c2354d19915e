"""Every format by name: its reader and settings, imported when they are asked for."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Final, NamedTuple

from ossamma.data.readers.corpus import Corpus
from ossamma.data.readers.detect import detect_format
from ossamma.schema.errors import ConfigurationError
from ossamma.schema.spans import Document

_PACKAGE: Final = "ossamma.data.readers"


class _Reader(NamedTuple):
    """Names below the package of readers, so that nothing is imported before it is needed."""

    module: str
    function: str
    settings: str | None
    folder: str | None = None
    """Reads every file of a folder, one by one, where the format comes in folders."""


_READERS: Final[Mapping[str, _Reader]] = {
    "bioc": _Reader("bioc", "read_bioc", "BiocFormat"),
    "brat": _Reader("brat", "read_brat", "BratFormat"),
    "conll": _Reader("conll", "read_conll", "ConllFormat"),
    "csv_tokens": _Reader("csv_tokens", "read_csv_tokens", "CsvTokensFormat"),
    "docbin": _Reader("docbin", "read_docbin", "DocBinFormat"),
    "doccano": _Reader("doccano", "read_doccano", "DoccanoFormat"),
    "gum": _Reader("gum", "read_gum", "GumFormat"),
    "inline_markers": _Reader("inline_markers", "read_inline_markers", "InlineMarkersFormat"),
    "jsonl": _Reader("jsonl", "read_jsonl", None),
    "label_studio": _Reader("label_studio", "read_label_studio", "LabelStudioFormat"),
    "ontonotes": _Reader(
        "ontonotes", "read_ontonotes", "OntonotesFormat", folder="read_ontonotes_folder"
    ),
    "pubtator": _Reader("pubtator", "read_pubtator", "PubtatorFormat"),
    "scierc": _Reader("scierc", "read_scierc", "SciercFormat"),
}
FORMATS: Final = tuple(sorted(_READERS))
"""The names of all formats of annotated files."""


def read_annotated(
    path: str | Path, file_format: str, options: Mapping[str, Any] | None = None
) -> Corpus:
    """Read an annotated file of a named format.

    Args:
        path: one file.
        file_format: one of `FORMATS`.
        options: settings of that format by name; those left out have their defaults.

    Raises:
        ConfigurationError: no such format or option, an impossible value, or a library that the
            format needs is not installed.
        FormatError, DataError: the file cannot be read.
    """
    module, reader, arguments = _find(path, file_format, options)
    return _corpus(getattr(module, reader.function)(path, *arguments))


def iter_annotated(
    path: str | Path, file_format: str, options: Mapping[str, Any] | None = None
) -> Iterator[Corpus]:
    """Read a file, or a folder of a format that comes in folders, one corpus for each file.

    Only one of the corpora need be in memory.

    Raises:
        ConfigurationError, FormatError, DataError: as `read_annotated`, when the file is reached.
    """
    module, reader, arguments = _find(path, file_format, options)
    if reader.folder is not None and Path(path).is_dir():
        yield from map(_corpus, getattr(module, reader.folder)(path, *arguments))
    else:
        yield _corpus(getattr(module, reader.function)(path, *arguments))


def read_labelled(path: str | Path, file_format: str = "auto") -> tuple[Document, ...]:
    """Read the documents of a labelled file; "auto" tells columns from JSON lines by the content.

    A folder is read where the format comes in folders.

    Raises:
        ConfigurationError, FormatError, DataError: as `read_annotated`.
    """
    chosen = detect_format(path) if file_format == "auto" else file_format
    return tuple(
        document for corpus in iter_annotated(path, chosen) for document in corpus.documents
    )


def _find(
    path: str | Path, file_format: str, options: Mapping[str, Any] | None
) -> tuple[Any, _Reader, tuple[object, ...]]:
    """Return the module of a format, its entry, and the settings to call it with, if any."""
    reader = _READERS.get(file_format)
    if reader is None:
        raise ConfigurationError(
            f"{path}: expected a format among {', '.join(FORMATS)}, got {file_format!r}"
        )
    module = _load(reader.module, file_format)
    if reader.settings is not None:
        kind = getattr(module, reader.settings)
        return module, reader, (_settings(kind, file_format, options or {}),)
    if options:
        raise ConfigurationError(f"format {file_format!r} has no options, got {dict(options)}")
    return module, reader, ()


def _load(module: str, file_format: str) -> Any:  # noqa: ANN401  a module has the type of its content
    try:
        return import_module(f"{_PACKAGE}.{module}")
    except ImportError as error:
        raise ConfigurationError(
            f"format {file_format!r} needs the library {error.name!r}: install it with "
            'pip install "ossamma[data,spacy]"'
        ) from error


def _settings(kind: Any, file_format: str, options: Mapping[str, Any]) -> object:  # noqa: ANN401
    known = {field.name for field in dataclasses.fields(kind)}
    for name in options:
        if name not in known:
            raise ConfigurationError(
                f"format {file_format!r} has the options {', '.join(sorted(known))}, got {name!r}"
            )
    return kind(**options)


def _corpus(value: object) -> Corpus:
    assert isinstance(value, Corpus), "a reader returns a corpus"
    return value
