"""A whole ingestion from its options: recogniser, knowledge, store and state put together."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from pathlib import Path
from time import monotonic

from ossamma.data.autolabel.rules import LEXICONS_FILE, read_lexicon_rules
from ossamma.export.bundle import load
from ossamma.export.manifest import METADATA_FILE, resolve, sha256
from ossamma.export.shipped import shipped_bundle
from ossamma.graph.census import GraphCensus
from ossamma.graph.knowledge import Knowledge
from ossamma.graph.knowledge_files import load_knowledge
from ossamma.graph.recording import Recorder
from ossamma.graph.stores.opening import open_store
from ossamma.ingestion.child import FileReader
from ossamma.ingestion.dead_letters import DeadLetters
from ossamma.ingestion.files import find_files
from ossamma.ingestion.rules import load_rule_recogniser
from ossamma.ingestion.run import Ingestion, IngestReport
from ossamma.ingestion.settings import DEFAULT_INGEST, IngestSettings
from ossamma.ingestion.sinks import GraphSink, JsonlSink, Sink, SinkPlace, parse_sink
from ossamma.ingestion.state import IngestState
from ossamma.schema.errors import ConfigurationError
from ossamma.schema.hierarchy import Hierarchy
from ossamma.schema.profile import load_profile
from ossamma.schema.profile_files import locate
from ossamma.schema.spans import Recogniser


@dataclass(frozen=True, kw_only=True, slots=True)
class IngestRequest:
    """What shall go where."""

    paths: tuple[Path, ...]
    """Files and folders."""
    sink: str
    """Where to (see `parse_sink`)."""
    profile: str = "ner11"
    """Whose hierarchy, lexicons and patterns."""
    bundle: Path | None = None
    """A bundle; None: the one of the package, unless `rules`."""
    rules: bool = False
    """Recognise by the profile's lexicons and patterns alone, which needs `knowledge`."""
    knowledge: Path | None = None
    """Folder of knowledge files: aliases, identifiers, and links between known things."""
    state: Path | None = None
    """File of what is done; None: beside the sink."""
    dead_letters: Path | None = None
    """Folder of what could not be read; None: beside the sink."""
    settings: IngestSettings = DEFAULT_INGEST
    """Limits and sizes."""
    metrics: Path | None = None
    """File for the textfile collector of Prometheus' node exporter; None: no metrics."""


def ingest(
    request: IngestRequest,
    *,
    environment: Mapping[str, str],
    now: Callable[[], str],
    progress: Callable[[int, int], None] = lambda *_: None,
) -> IngestReport:
    """Ingest files and folders; what was ingested before by the same recogniser is passed over.

    Metrics, if asked for, are written at the end, also at a bad one.

    Raises:
        DataError: a path or a knowledge file is not there.
        ConfigurationError: the sink is none, or needs a place for its state.
        GraphError: the store cannot be opened or written.
    """
    began = monotonic()
    # Its library is in the extras of what answers Prometheus.
    name = "ossamma.ingestion.monitoring.textfile"
    textfile = import_module(name) if request.metrics is not None else None

    def tell(report: IngestReport | None, census: GraphCensus | None) -> None:
        if textfile is not None:
            ended = datetime.fromisoformat(now()).timestamp()
            outcome = textfile.IngestOutcome(report, ended, monotonic() - began)
            textfile.write_ingest_metrics(
                request.metrics, shown_sink(request.sink), outcome, census
            )

    try:
        report, census = _ingested(request, environment, now, progress)
    except BaseException:
        tell(None, None)
        raise
    tell(report, census)
    return report


def shown_sink(sink: str) -> str:
    """Return what a sink is called where others read it: without what only its users know."""
    scheme, colon, rest = sink.partition("://")
    authority, slash, path = rest.partition("/")
    return f"{scheme}{colon}{authority.rpartition('@')[2]}{slash}{path}" if colon else sink


def _ingested(
    request: IngestRequest,
    environment: Mapping[str, str],
    now: Callable[[], str],
    progress: Callable[[int, int], None],
) -> tuple[IngestReport, GraphCensus | None]:
    files = list(find_files(request.paths))
    place = parse_sink(request.sink)
    state = request.state or place.state
    if state is None:
        raise ConfigurationError("a sink on a server needs --state FILE for what is done")
    recogniser, name, hierarchy = recogniser_of(request)
    state.parent.mkdir(parents=True, exist_ok=True)
    sink = open_sink(place, request, (name, hierarchy), environment)
    with closing(sink), FileReader(request.settings) as reader:
        report = Ingestion(
            recogniser=recogniser,
            sink=sink,
            state=IngestState(state, name),
            dead_letters=DeadLetters(request.dead_letters or state.with_suffix(".dead")),
            reader=reader,
            now=now,
            settings=request.settings,
        ).run(files, progress)
        if request.metrics is None or not isinstance(sink, GraphSink):
            return report, None
        return report, sink.census(is_thorough=True)


def hierarchy_of(types: Sequence[str], profile: str) -> Hierarchy:
    """Return the hierarchy of a profile, or a flat one where types are not in it.

    In the flat one each type is a graph label of its own: PERSON is Person.
    """
    own = load_profile(profile).hierarchy
    if own is not None and set(types) <= set(own.super_labels):
        return own
    labels = {name: _label(name) for name in types}
    return Hierarchy(
        properties=dict.fromkeys(labels.values(), "type"), super_labels=labels, fine=()
    )


def _label(name: str) -> str:
    label = "".join(word.capitalize() for word in re.findall("[A-Za-z]+", name)) or "Thing"
    return f"{label}Thing" if label == name else label


def recogniser_of(request: IngestRequest) -> tuple[Recogniser, str, Hierarchy]:
    """Return what recognises, its name, and the hierarchy of its types.

    Raises:
        ConfigurationError: rules without knowledge, or of a profile that has no hierarchy.
        BundleError: the bundle is not intact.
    """
    if request.rules:
        if request.knowledge is None:
            raise ConfigurationError("--rules needs --knowledge DIR, the files of its lexicons")
        hierarchy = load_profile(request.profile).hierarchy
        if hierarchy is None:
            raise ConfigurationError(f"the profile {request.profile!r} has no hierarchy of types")
        folder = _folder(request.profile)
        made, name = load_rule_recogniser(folder, request.knowledge, hierarchy)
        return made, name, hierarchy
    bundle = resolve(request.bundle or shipped_bundle())
    found = load(bundle)
    name = f"bundle:{sha256(bundle / METADATA_FILE)[:16]}"
    return found, name, hierarchy_of(found.types, request.profile)


def _folder(profile: str) -> Path:
    return Path(str(locate(profile).profile)).parent


def open_sink(
    place: SinkPlace,
    request: IngestRequest,
    known: tuple[str, Hierarchy],
    environment: Mapping[str, str],
) -> Sink:
    """Open a sink. `known` is the recogniser's name and hierarchy; the request's paths are unused.

    Raises:
        GraphError: the store cannot be opened.
        DataError: a knowledge file is not there.
    """
    name, hierarchy = known
    if place.kind == "jsonl":
        return JsonlSink(Path(place.place), name)
    knowledge = knowledge_of(request)
    if "://" not in place.place:
        Path(place.place).parent.mkdir(parents=True, exist_ok=True)
    store = open_store(place.place, environment=environment)
    return GraphSink(store, Recorder(knowledge, hierarchy, bundle=name))


def knowledge_of(request: IngestRequest) -> Knowledge:
    """Return what the request's knowledge files know; nothing where it names none.

    Raises:
        DataError: a knowledge file is not there.
    """
    if request.knowledge is None:
        return Knowledge()
    rules = read_lexicon_rules(_folder(request.profile).joinpath(LEXICONS_FILE))
    own = load_profile(request.profile).hierarchy
    assert own is not None  # who has lexicons has a hierarchy
    return load_knowledge(rules, own, request.knowledge)
