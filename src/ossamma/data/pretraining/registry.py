"""Every format of large texts by name: its reader and settings, imported when asked for."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Final, NamedTuple

from ossamma.data.pretraining.corpus_stream import (
    DEFAULT_LIMITS,
    CorpusFile,
    CorpusLimits,
    CorpusStream,
    LeftOutCounts,
)
from ossamma.data.pretraining.packed_lines import files_below
from ossamma.schema.errors import ConfigurationError, DataError
from ossamma.schema.near_names import near

_PACKAGE: Final = "ossamma.data.pretraining"


class _Reader(NamedTuple):
    """Names below the package, so that nothing is imported before it is needed."""

    module: str
    function: str
    settings: str
    endings: tuple[str, ...] = ()
    """Which files of a folder are read; none: the reader takes the folder itself."""


_READERS: Final[Mapping[str, _Reader]] = {
    "arxiv": _Reader("arxiv", "read_arxiv", "Arxiv", (".json", ".jsonl")),
    "parquet": _Reader("parquet", "read_parquet", "ParquetText", (".parquet",)),
    "pubmed": _Reader("pubmed", "read_pubmed", "Pubmed", (".xml",)),
    "text": _Reader("paragraphs", "read_paragraphs", "Paragraphs", (".txt",)),
    "text_folder": _Reader("text_folder", "read_text_folder", "TextFolder"),
    "text_json": _Reader("text_json", "read_text_json", "TextJson", (".jsonl", ".json", ".ndjson")),
    "wikiextractor": _Reader("wikiextractor", "read_wikiextractor", "WikiExtractor", ("",)),
    "wikipedia_dump": _Reader("wikipedia_dump", "read_wikipedia_dump", "WikipediaDump", (".xml",)),
}
TEXT_FORMATS: Final = tuple(sorted(_READERS))
"""The names of all formats of large texts."""


def open_corpus(
    path: str | Path,
    text_format: str,
    options: Mapping[str, Any] | None = None,
    *,
    limits: CorpusLimits = DEFAULT_LIMITS,
) -> CorpusStream:
    """Open a file, or a folder of files of one format, as a stream of documents.

    Args:
        path: files of a folder are read in the order of their names, those of other endings not.
        text_format: one of `TEXT_FORMATS`.
        options: settings of that format by name; those left out have their defaults.
        limits: what the corpus may cost.

    Raises:
        ConfigurationError: no such format or option, an impossible value, or a library that the
            format needs is not installed.
        DataError: there is no such file, or no file of the format in the folder.
    """
    reader = _READERS.get(text_format)
    if reader is None:
        raise ConfigurationError(
            f"{path}: expected a format among {', '.join(TEXT_FORMATS)}, got {text_format!r}"
            + near(text_format, TEXT_FORMATS)
        )
    module = _load(reader.module, text_format)
    settings = _settings(getattr(module, reader.settings), text_format, options or {})
    read = getattr(module, reader.function)
    left_out = LeftOutCounts()
    files = list(corpus_files(path, text_format, limits=limits))
    documents = (document for file in files for document in read(file, settings, left_out))
    root = CorpusFile(Path(path), Path(path).name, limits)
    return CorpusStream(documents, left_out, root)


def corpus_files(
    path: str | Path, text_format: str, *, limits: CorpusLimits = DEFAULT_LIMITS
) -> Iterator[CorpusFile]:
    """Yield what `open_corpus` reads, in its order; a format of folders yields the folder.

    Raises:
        DataError: there is no such file, or no file of the format in the folder.
    """
    path, reader = Path(path), _READERS[text_format]
    if not path.exists():
        raise DataError(f"{path}: no such file or folder; check the name")
    if not reader.endings:
        yield CorpusFile(path, path.name, limits)
        return
    file = None
    for found, name in files_below(path, reader.endings):
        file = CorpusFile(found, name, limits)
        yield file
    if file is None:
        raise DataError(
            f"{path}: expected files that end in {' or '.join(reader.endings)} (or these packed), "
            "got none"
        )


def _load(module: str, text_format: str) -> Any:  # noqa: ANN401  a module has the type of its content
    try:
        return import_module(f"{_PACKAGE}.{module}")
    except ImportError as error:
        raise ConfigurationError(
            f"format {text_format!r} needs the library {error.name!r}: install it with "
            'pip install "ossamma[data]"'
        ) from error


def _settings(kind: Any, text_format: str, options: Mapping[str, Any]) -> object:  # noqa: ANN401
    known = sorted(field.name for field in dataclasses.fields(kind))
    for name in options:
        if name not in known:
            raise ConfigurationError(
                f"format {text_format!r} has the options {', '.join(known) or 'none'}, got {name!r}"
                + near(name, known)
            )
    # Lists of YAML and JSON become the tuples of frozen settings.
    return kind(**{k: tuple(v) if isinstance(v, list) else v for k, v in options.items()})
