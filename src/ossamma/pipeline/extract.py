"""A whole extraction from its options: where texts come from, what reads them, which engine."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO

from ossamma.data.key_index import KeyIndex
from ossamma.export.bundle import load
from ossamma.export.manifest import METADATA_FILE, own_version, resolve, sha256
from ossamma.export.shipped import shipped_bundle
from ossamma.inference.recogniser import OssammaRecogniser
from ossamma.inference.settings import InferenceSettings
from ossamma.ingestion.sharded.folder import ShardFolder
from ossamma.ingestion.sharded.planning import PlanSettings, plan
from ossamma.ingestion.sharded.shards import Shard, ShardKind, documents_of
from ossamma.ingestion.sharded.work import Engine, ShardOutcome, ShardWork
from ossamma.ingestion.unlabelled import documents_in, refuse_unreadable, texts_in
from ossamma.schema.errors import BundleError, ConfigurationError, DataError, FormatError
from ossamma.schema.spans import Document, Entity

_MOST_FAULTS = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class ExtractRequest:
    """What shall be read by what."""

    files: tuple[Path, ...]
    """Files, in order; none, or `-`, is standard input."""
    bundle: Path | None = None
    """A bundle or a run folder; None: the one of the package."""
    plan: PlanSettings = field(default_factory=PlanSettings)
    """What the files are, and where they are cut."""
    inference: InferenceSettings = field(default_factory=InferenceSettings)
    """How texts are batched, and what is left out."""


@dataclass(slots=True)
class ExtractReport:
    """What was done. `known` are the shards that a run before had finished."""

    shards: int = 0
    known: int = 0
    documents: int = 0
    entities: int = 0
    characters: int = 0
    faults: list[str] = field(default_factory=list)

    def add(self, outcome: ShardOutcome) -> None:
        """Count the outcome of a shard."""
        self.documents += outcome.documents
        self.entities += outcome.entities
        self.characters += outcome.characters
        if outcome.fault:
            self.faults.append(outcome.fault)


def extract(request: ExtractRequest) -> Iterator[tuple[Document, list[Entity]]]:
    """Return the documents with their entities, in order, read in this process.

    They are recognised shard by shard, which gives the very digits that `extract_to` gives. Only
    what can be read just once (a pipe, standard input) is not cut.

    Raises:
        DataError, FormatError: a file is missing or not as it should be; at once, if it can be
            seen at once.
        BundleError: the bundle is not intact.
    """
    groups = _groups(request)
    recogniser = load(request.bundle, request.inference)
    return (found for group in groups for found in recogniser.recognise_documents(group))


def extract_to(
    folder: Path,
    request: ExtractRequest,
    engine: Engine,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> ExtractReport:
    """Write a file of JSON lines for each shard, only those that are missing.

    `progress` is told how many of how many shards are done. Every shard is tried before a fault is
    told of, so that a run over much input is not lost by one bad line.

    Raises:
        DataError: a file is missing, the folder belongs to another job, or some shards could not
            be written; says which lines are at fault.
        BundleError: the bundle is not intact.
        EngineError: workers cannot be had.
    """
    bundle = _bundle_of(request)
    shards = _planned(request)
    version = sha256(bundle / METADATA_FILE)
    job = {
        "version": own_version(),
        "bundle": version,
        "inference": asdict(request.inference),
        "plan": asdict(request.plan),
        "files": [str(path) for path in request.files],
    }
    report = ExtractReport(shards=len(shards))
    work = ShardWork(
        partial(load_version, bundle.absolute(), version, request.inference), folder.absolute()
    )
    with ShardFolder(folder, job) as place:
        missing = place.missing(shards)
        report.known = len(shards) - len(missing)
        progress(report.known, len(shards))
        outcomes = engine.run(work, missing) if missing else iter(())
        for number, outcome in enumerate(outcomes, start=report.known + 1):
            report.add(outcome)
            progress(number, len(shards))
        _refuse_faults(report)
        place.finish(shards)
    return report


def extract_through(
    engine: Engine,
    request: ExtractRequest,
    out: BinaryIO,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> ExtractReport:
    """Write the lines of all shards to one stream, in order, once all are there.

    Raises:
        As `extract_to`.
    """
    with _passing_folder() as folder:
        report = extract_to(folder / "parts", request, engine, progress)
        for part in sorted(folder.glob("parts/part-*.jsonl")):
            with part.open("rb") as file:
                shutil.copyfileobj(file, out)
    return report


def load_version(bundle: Path, version: str, settings: InferenceSettings) -> OssammaRecogniser:
    """Load a bundle on whatever machine this is.

    Raises:
        BundleError: it is not intact, or another one than where the job was given.
    """
    found = sha256(resolve(bundle) / METADATA_FILE)
    if found != version:
        raise BundleError(
            f"expected the bundle {version[:16]} at {bundle}, found {found[:16]}: every machine "
            "must have the same"
        )
    return load(bundle, settings)


def _bundle_of(request: ExtractRequest) -> Path:
    return shipped_bundle() if request.bundle is None else resolve(request.bundle)


def _groups(request: ExtractRequest) -> Iterable[Iterable[Document]]:
    """Return the documents in the groups that are recognised together."""
    if _is_replayable(request):
        shards = _planned(request)
        return _unique(shards)
    if request.plan.documents:
        return [documents_in(request.files)]
    return [texts_in(request.files, by_line=request.plan.lines)]


def _is_replayable(request: ExtractRequest) -> bool:
    if request.files and Path("-") not in request.files:
        refuse_unreadable(request.files)
        return all(path.is_file() for path in request.files)
    return False


def _planned(request: ExtractRequest) -> list[Shard]:
    if not _is_replayable(request):
        raise ConfigurationError(
            "expected files, which can be read again by several workers or after a kill, got "
            "standard input or a pipe; write it to a file first"
        )
    return plan(request.files, request.plan)


def _unique(shards: Iterable[Shard]) -> Iterator[Iterator[Document]]:
    """Yield the documents of each shard; an id that comes twice in a file of JSON is refused."""
    names: tuple[str, ...] = ()
    ids = KeyIndex()
    for shard in shards:
        if shard.kind is not ShardKind.JSONL:
            yield documents_of(shard)
            continue
        if shard.names != names or shard.first == 1:
            names, ids = shard.names, KeyIndex()
        yield _with_new_ids(documents_of(shard), ids)


def _with_new_ids(documents: Iterable[Document], ids: KeyIndex) -> Iterator[Document]:
    for document in documents:
        key = blake2b(document.id.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        if ids.find(key) is not None:
            place = document.provenance
            assert place is not None
            raise FormatError(
                place.source,
                place.line,
                expected="an id that no earlier line has",
                got=f"{document.id!r} again",
            )
        ids.add(key)
        yield document


def _refuse_faults(report: ExtractReport) -> None:
    if not report.faults:
        return
    shown = "\n".join(report.faults[:_MOST_FAULTS])
    raise DataError(
        f"{len(report.faults)} of {report.shards} shards could not be written; mend what they "
        f"complain of and give the same command again, which does only what is missing:\n{shown}"
    )


@contextmanager
def _passing_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="ossamma-extract-") as folder:
        yield Path(folder)
