"""From sources of text to files for pre-training: read, cleaned, without duplicates, documented.

    OUT/
      <source>.jsonl            the documents to train on
      <source>.held-out.jsonl   a small share of them, by the hash of the document
      card.json, card.md        what all this is, and what was left out by which rule
      work/                     cleaned texts and their prints; may be deleted

A source whose files and settings are the same is not read again, so that a preparation that was
killed continues with the source it was at. The same inputs give the same bytes.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

from ossamma.data.checksum import digest_of
from ossamma.data.pretraining.cleaned import (
    FACTS_FILE,
    CleanTask,
    SourceWork,
    clean_source,
    read_facts,
)
from ossamma.data.pretraining.cleaning import CleanSettings
from ossamma.data.pretraining.corpus_card import CARD_FILE, read_card, write_card
from ossamma.data.pretraining.corpus_stream import DEFAULT_LIMITS, CorpusLimits
from ossamma.data.pretraining.duplicates import find_duplicates
from ossamma.data.pretraining.prints import DuplicateSettings, PrintFiles
from ossamma.data.pretraining.selection import HeldOutShare, Selection, SourceCounts
from ossamma.data.pretraining.sources import TextSource, digest_input, fingerprint
from ossamma.schema.errors import ConfigurationError

WORK_FOLDER: Final = "work"
_FORMAT: Final = "ossamma-corpora/1"
"""Another one wherever the same inputs and settings would give other files."""
Step = Callable[[str, int, int], None]
"""Told that a step begins: its name, its number from 0, and how many there are."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PrepareSettings:
    """How sources are prepared."""

    clean: CleanSettings = field(default_factory=CleanSettings)
    """What of documents is fit, where a source does not say otherwise."""
    duplicates: DuplicateSettings = field(default_factory=DuplicateSettings)
    """What repeats something earlier."""
    held_out: HeldOutShare = field(default_factory=HeldOutShare)
    """Which documents are held out for the bound on the perplexity."""
    sentence_words: int = 8
    """A sentence of a protected document that has so many words is cut out wherever it occurs."""
    limits: CorpusLimits = DEFAULT_LIMITS
    """What a source may cost."""
    workers: int = 1
    """Sources that are read at once, each by a process. Says nothing about what comes out."""

    def __post_init__(self) -> None:
        for name in ("sentence_words", "workers"):
            if getattr(self, name) < 1:
                raise ConfigurationError(f"{name} must be >= 1, got {getattr(self, name)}")


@dataclass(frozen=True, slots=True)
class PreparedSource:
    """The files of one source; either may be empty."""

    name: str
    train: Path
    held_out: Path
    characters: int
    """Of the documents to train on."""


@dataclass(frozen=True, slots=True)
class PreparedCorpora:
    """What `prepare` made: the sources in their order, and the content of the card."""

    sources: tuple[PreparedSource, ...]
    card: dict[str, Any]


def prepare(
    sources: Sequence[TextSource],
    settings: PrepareSettings,
    out: Path,
    *,
    protected: Sequence[Path] = (),
    step: Step | None = None,
) -> PreparedCorpora:
    """Prepare sources; of what several have, the first keeps it.

    Args:
        sources: at least one, each with a name of its own.
        settings: how.
        out: a folder; is made if it is not there.
        protected: labelled sets, JSON lines, whose documents and long sentences are left out: the
            dev and test parts that the model will be scored on.
        step: is told what begins.

    Raises:
        ConfigurationError: no source, two of one name, or a wrong format or option.
        DataError, FormatError: a source or protected set cannot be read; what was finished before
            stays for the next attempt.
    """
    names = [source.name for source in sources]
    if not names or len(set(names)) < len(names):
        raise ConfigurationError(f"expected sources with names of their own, got {names}")
    told = step or _silent
    work = out / WORK_FOLDER
    work.mkdir(parents=True, exist_ok=True)
    tasks = _tasks(sources, settings, work, protected)
    whole = fingerprint(
        _FORMAT,
        [task.fingerprint for task in tasks],
        asdict(settings.duplicates),
        asdict(settings.held_out),
    )
    card = read_card(out)
    if card is None or card["fingerprint"] != whole or not _is_whole(out, card):
        # No sign that all is there may outlive what it was the sign of.
        (out / CARD_FILE).unlink(missing_ok=True)
        _clean_all(tasks, settings.workers, told)
        told("finding duplicates", len(tasks), len(tasks) + 2)
        counts = _select(tasks, settings, out)
        card = _card(tasks, settings, counts, whole)
        card["files"] = [_file_facts(path) for task in tasks for path in _outputs(out, task.name)]
        write_card(card, out)
    return PreparedCorpora(tuple(_prepared(out, facts) for facts in card["sources"]), card)


def remove_work(out: Path) -> None:
    """Delete the intermediate files; changing a source then means that all are read again."""
    shutil.rmtree(out / WORK_FOLDER, ignore_errors=True)


def _silent(_title: str, _done: int, _total: int) -> None:
    """Tell nobody."""


def _tasks(
    sources: Sequence[TextSource], settings: PrepareSettings, work: Path, protected: Sequence[Path]
) -> list[CleanTask]:
    guarded = [(path.name, digest_input(path).sha256) for path in protected]
    tasks = []
    for source in sources:
        clean = source.clean or settings.clean
        digest = digest_input(source.path)
        mark = fingerprint(
            _FORMAT,
            [source.name, source.format, dict(source.options), asdict(digest)],
            asdict(clean),
            asdict(settings.duplicates),
            asdict(settings.limits),
            [guarded, settings.sentence_words],
        )
        tasks.append(
            CleanTask(
                source=source,
                clean=clean,
                duplicates=settings.duplicates,
                limits=settings.limits,
                protected=tuple(protected),
                sentence_words=settings.sentence_words,
                folder=work / source.name,
                fingerprint=mark,
                digest=digest,
            )
        )
    return tasks


def _clean_all(tasks: Sequence[CleanTask], workers: int, told: Step) -> None:
    """Clean the sources that are not finished yet."""
    missing = [task for task in tasks if not _is_done(task)]
    if workers == 1:
        for task in missing:
            told(f"reading {task.name}", tasks.index(task), len(tasks) + 2)
            clean_source(task)
        return
    # A fresh interpreter: a copy of one with threads may hang.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        for task, _ in zip(missing, pool.map(clean_source, missing), strict=True):
            told(f"read {task.name}", tasks.index(task), len(tasks) + 2)


def _is_done(task: CleanTask) -> bool:
    path = task.folder / FACTS_FILE
    return path.is_file() and read_facts(path).get("fingerprint") == task.fingerprint


def _select(tasks: Sequence[CleanTask], settings: PrepareSettings, out: Path) -> list[SourceCounts]:
    """Write what is no duplicate, source by source."""
    temporary = out / WORK_FOLDER / ".keys"
    shutil.rmtree(temporary, ignore_errors=True)  # what a killed run left
    temporary.mkdir()
    try:
        prints = [PrintFiles(task.folder) for task in tasks]
        duplicates = find_duplicates(prints, settings.duplicates, temporary)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    selection = Selection(duplicates, settings.duplicates, settings.held_out)
    return [
        selection.write(SourceWork(task.folder), *_outputs(out, task.name), clean=task.clean)
        for task in tasks
    ]


def _outputs(out: Path, name: str) -> tuple[Path, Path]:
    return out / f"{name}.jsonl", out / f"{name}.held-out.jsonl"


def _prepared(out: Path, facts: dict[str, Any]) -> PreparedSource:
    train, held_out = _outputs(out, facts["name"])
    return PreparedSource(facts["name"], train, held_out, facts["kept"]["train"]["characters"])


def _card(
    tasks: Sequence[CleanTask],
    settings: PrepareSettings,
    counts: Sequence[SourceCounts],
    whole: str,
) -> dict[str, Any]:
    sources = []
    for task, count in zip(tasks, counts, strict=True):
        source = task.source
        facts = read_facts(task.folder / FACTS_FILE)
        sources.append(
            {
                "name": source.name,
                "licence": source.licence,
                "redistributable": source.redistributable.value,
                "attribution": source.attribution,
                "format": source.format,
                "options": {key: source.options[key] for key in sorted(source.options)},
                "input": asdict(task.digest),
                "fingerprint": task.fingerprint,
                **{key: facts[key] for key in ("read", "cleaned", "protected")},
                **count.to_json(),
            }
        )
    first = tasks[0]
    guarded = [{"name": p.name, **asdict(digest_input(p))} for p in first.protected]
    return {
        "format": _FORMAT,
        "fingerprint": whole,
        "settings": {k: v for k, v in asdict(settings).items() if k != "workers"},
        "protected": guarded,
        "sources": sources,
    }


def _file_facts(path: Path) -> dict[str, Any]:
    digest = digest_of(path)
    return {"name": path.name, "bytes": digest.num_bytes, "sha256": digest.sha256}


def _is_whole(out: Path, card: dict[str, Any]) -> bool:
    """Whether the files that a card names are there; they are compared by size."""
    return all(_has_size(out / facts["name"], facts["bytes"]) for facts in card["files"])


def _has_size(path: Path, num_bytes: int) -> bool:
    return path.is_file() and path.stat().st_size == num_bytes
