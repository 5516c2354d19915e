r"""Load 100,000 mentions into the embedded graph: rate, memory, size, and what SIGKILL does to it.

Texts of a folder are recognised by rules beforehand, outside of all clocks, and repeated in a
seeded order, each copy under a line of its own, until there are so many distinct mentions. A child
process writes them in the batches of an ingestion. The peer, in the same run, writes the values of
the first texts row by row: one MERGE for each, one transaction for each text. With --kills a
second child is killed again and again, and goes on each time; its graph must be the same, byte for
byte in the export and row by row in everything else.

    python -m benchmarks.graph_load --corpus reports --knowledge knowledge
    python -m benchmarks.graph_load --corpus reports --knowledge knowledge --kills 10 --json
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import ladybug

from ossamma.graph.batch import GraphBatch, batch_of
from ossamma.graph.exports import csv as csv_export
from ossamma.graph.recording import Recorder
from ossamma.graph.stores.columns import ENDS, TABLES, row_of
from ossamma.graph.stores.embedded import EmbeddedStore
from ossamma.graph.values import Decision, DocumentNode, EntityNode, Evidence, Mention
from ossamma.ingestion.files import find_files
from ossamma.ingestion.reading import read_file
from ossamma.ingestion.settings import DEFAULT_INGEST
from ossamma.ingestion.sinks import GraphSink, ReadText
from ossamma.ingestion.state import IngestState
from ossamma.pipeline.ingest import IngestRequest, knowledge_of, recogniser_of
from ossamma.schema.errors import OssammaError
from ossamma.schema.profile import load_profile
from ossamma.schema.spans import Entity

_BATCH = DEFAULT_INGEST.batch_documents
_TIME = "2026-01-01T00:00:00+00:00"


def read_corpus(arguments: argparse.Namespace) -> list[ReadText]:
    """Read and recognise every text of the corpus; what cannot be read is left out."""
    recogniser, _, _ = recogniser_of(_request(arguments))
    found = []
    for file in find_files([arguments.corpus]):
        try:
            texts = read_file(file.path, DEFAULT_INGEST)
        except OssammaError:
            continue
        answers = recogniser.recognise([text.text for text in texts])
        for text, entities in zip(texts, answers, strict=True):
            name = f"{file.name}#{text.part}" if text.part else file.name
            found.append(ReadText(name, text.text, tuple(entities)))
    return found


def repeated(texts: Sequence[ReadText], mentions: int, seed: int) -> Iterator[ReadText]:
    """Yield texts and copies of them until there are so many mentions, no two texts alike."""
    generator = random.Random(seed)
    seen: set[str] = set()
    written, copy = 0, 0
    while True:
        for text in generator.sample(list(texts), len(texts)):
            one = _copied(text, copy)
            if one.text not in seen and one.entities:
                seen.add(one.text)
                yield one
                written += len(one.entities)
            if written >= mentions:
                return
        if not written:
            raise SystemExit("the rules found no name in any text of the corpus")
        copy += 1


def _copied(text: ReadText, copy: int) -> ReadText:
    if not copy:
        return text
    head = f"Issue {copy + 1} of this report.\n\n"
    moved = (
        Entity(one.start + len(head), one.end + len(head), one.label, one.text, one.confidence)
        for one in text.entities
    )
    return ReadText(f"{text.name}@{copy}", head + text.text, tuple(moved))


def keep(texts: Iterator[ReadText], path: Path) -> None:
    """Write texts with their entities, so that a child can begin anew without the corpus."""
    with path.open("w", encoding="utf-8") as file:
        for one in texts:
            entities = [[e.start, e.end, e.label, e.confidence] for e in one.entities]
            file.write(json.dumps([one.name, one.text, entities]) + "\n")


def kept(path: Path) -> list[ReadText]:
    """Read what `keep` wrote."""
    texts = []
    for line in path.read_text(encoding="utf-8").splitlines():
        name, text, rows = json.loads(line)
        entities = tuple(Entity(s, e, kind, text[s:e], sure) for s, e, kind, sure in rows)
        texts.append(ReadText(name, text, entities))
    return texts


def load(arguments: argparse.Namespace) -> None:
    """Be the child: write what is not written yet, and say how it goes, a line for each batch."""
    texts = kept(arguments.texts)
    store = EmbeddedStore(arguments.store)
    sink = GraphSink(store, _recorder(arguments))
    state = IngestState(arguments.store.with_suffix(".state"), "load")
    started, spent = time.perf_counter(), time.process_time()
    for first in range(0, len(texts), _BATCH):
        batch = [one for one in texts[first : first + _BATCH] if not state.is_done(one.name)]
        if not batch:
            continue
        began = time.perf_counter()
        sink.write(batch, time=_TIME)
        state.add(one.name for one in batch)
        seconds = time.perf_counter() - began
        _say({"mentions": sum(len(one.entities) for one in batch), "seconds": seconds})
    began = time.perf_counter()
    sink.finish()
    ended = time.perf_counter()
    _say({
        "whole_seconds": ended - started,
        "processor_seconds": time.process_time() - spent,
        "finish_seconds": ended - began,
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    })  # fmt: skip
    sink.close()


def undisturbed(arguments: argparse.Namespace, texts: Path, store: Path) -> dict[str, object]:
    """Load everything in a child and return its figures."""
    with _child(arguments, texts, store) as process:
        said = [json.loads(line) for line in process.stdout or ()]
    if process.returncode:
        raise SystemExit(f"the loading process ended with {process.returncode}")
    *batches, end = said
    rates = [one["mentions"] / one["seconds"] for one in batches]
    quarter = max(1, len(rates) // 4)
    mentions = sum(one["mentions"] for one in batches)
    return {
        "mentions": mentions,
        "batches": len(batches),
        "mentions_per_second": mentions / end["whole_seconds"],
        "mentions_per_processor_second": mentions / end["processor_seconds"],
        "batch_rate_p10_p50_p90": [_quantile(rates, share) for share in (0.1, 0.5, 0.9)],
        "first_and_last_quarter": [
            statistics.median(rates[:quarter]), statistics.median(rates[-quarter:])
        ],
        "finish_seconds": end["finish_seconds"],
        "peak_bytes": end["peak_bytes"],
        "store_bytes": sum(file.stat().st_size for file in store.parent.glob(f"{store.name}*")
                           if file.suffix != ".state"),
    }  # fmt: skip


def killed(arguments: argparse.Namespace, texts: Path, store: Path) -> list[int]:
    """Load in children that are killed at random points; return how far each one got."""
    generator = random.Random(arguments.seed)
    batches = -(-len(kept(texts)) // _BATCH)
    each = max(1, batches // (arguments.kills + 1))
    reached = []
    for _ in range(arguments.kills):
        with _child(arguments, texts, store) as process:
            assert process.stdout is not None
            for _ in range(generator.randrange(1, 2 * each)):
                if "whole_seconds" in process.stdout.readline():
                    raise SystemExit("it was done before it could be killed: more --mentions")
            time.sleep(generator.random() / 4)  # somewhere inside of the next batch
            process.kill()
        reached.append(len(IngestState(store.with_suffix(".state"), "load")))
    undisturbed(arguments, texts, store)
    return reached


def digest(place: Path) -> str:
    """SHA-256 of a graph's export, and of everything that the export leaves out."""
    found = hashlib.sha256()
    with closing(EmbeddedStore(place)) as store, tempfile.TemporaryDirectory() as folder:
        csv_export.export(store, Path(folder))
        for file in sorted(Path(folder).iterdir()):
            found.update(file.read_bytes())
        for kind in (DocumentNode, Mention, EntityNode, Evidence, Decision):
            for node in store.scan(kind):
                found.update(repr(node).encode("utf-8", "surrogatepass"))
        for edge in store.edges():
            found.update(repr(edge).encode("utf-8", "surrogatepass"))
    return found.hexdigest()


def row_by_row(batches: Sequence[GraphBatch], place: Path) -> float:
    """Write values one MERGE each, one transaction for each batch; return the seconds."""
    EmbeddedStore(place).close()  # the same tables
    database = ladybug.Database(place, buffer_pool_size=1 << 30, max_db_size=1 << 40)
    connection = ladybug.Connection(database)
    with warnings.catch_warnings():
        # The library would rather prepare each statement anew; the peer shall not pay for that.
        warnings.simplefilter("ignore", DeprecationWarning)
        prepared = {name: connection.prepare(text) for name, text in _merges().items()}
    began = time.perf_counter()
    for batch in batches:
        connection.execute("BEGIN TRANSACTION")
        for table, nodes in zip(TABLES, batch.nodes, strict=True):
            for node in nodes:
                connection.execute(prepared[table.name], row_of(node))
        for edge in batch.edges:
            row = row_of(edge)
            connection.execute(prepared[row.pop("type")], row)
        connection.execute("COMMIT")
    seconds = time.perf_counter() - began
    connection.close()
    database.close()
    return seconds


def _merges() -> dict[str, str]:
    """Return a statement for each table and each type of edge."""
    found = {}
    for table in TABLES:
        sets = ", ".join(f"n.{name} = ${name}" for name in table.columns if name != "id")
        found[table.name] = f"MERGE (n:{table.name} {{id: $id}}) SET {sets}"
    for kind, (source, target) in ENDS.items():
        found[kind.value] = (
            f"MATCH (x:{source} {{id: $source}}), (y:{target} {{id: $target}}) "
            f"MERGE (x)-[e:{kind} {{id: $id}}]->(y) SET e.score = $score, e.reason = $reason"
        )
    return found


def against_peer(arguments: argparse.Namespace, texts: Path, folder: Path) -> dict[str, float]:
    """Write the first texts by turns in both ways; return medians, in mentions per second."""
    recorder = _recorder(arguments)
    part: list[ReadText] = []
    for one in kept(texts):
        part.append(one)
        if sum(len(text.entities) for text in part) >= arguments.peer_mentions:
            break
    mentions = sum(len(text.entities) for text in part)
    values = [batch_of(recorder.values(t.name, t.text, t.entities, time=_TIME)) for t in part]
    ours, theirs = [], []
    for turn in range(arguments.repeats):
        with closing(EmbeddedStore(folder / f"own-{turn}.lbug")) as store:
            began = time.perf_counter()
            for first in range(0, len(values), _BATCH):
                together = [
                    node
                    for batch in values[first : first + _BATCH]
                    for node in (*(n for kind in batch.nodes for n in kind), *batch.edges)
                ]
                store.write(batch_of(together))
            ours.append(mentions / (time.perf_counter() - began))
        theirs.append(mentions / row_by_row(values, folder / f"peer-{turn}.lbug"))
    return {
        "mentions": mentions,
        "ours_per_second": statistics.median(ours),
        "row_by_row_per_second": statistics.median(theirs),
        "ratio": statistics.median(ours) / statistics.median(theirs),
    }


def _request(arguments: argparse.Namespace) -> IngestRequest:
    return IngestRequest(paths=(), sink="", rules=True, knowledge=arguments.knowledge)


def _recorder(arguments: argparse.Namespace) -> Recorder:
    hierarchy = load_profile("ner11").hierarchy
    assert hierarchy is not None
    return Recorder(knowledge_of(_request(arguments)), hierarchy, bundle="rules")


def _child(arguments: argparse.Namespace, texts: Path, store: Path) -> subprocess.Popen[str]:
    line = [sys.executable, "-m", "benchmarks.graph_load", "--knowledge",
            str(arguments.knowledge), "--texts", str(texts), "--store", str(store)]  # fmt: skip
    return subprocess.Popen(line, stdout=subprocess.PIPE, text=True)


def _say(facts: dict[str, float]) -> None:
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


def _quantile(values: Sequence[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def _parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--corpus", type=Path, help="folder of texts, as of `ossamma ingest`")
    parser.add_argument("--knowledge", type=Path, required=True, help="folder of knowledge files")
    parser.add_argument("--mentions", type=int, default=100_000)
    parser.add_argument("--peer-mentions", type=int, default=1_000, help="0: no peer")
    parser.add_argument("--repeats", type=int, default=3, help="turns beside the peer")
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--texts", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--store", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.store is None and arguments.corpus is None:
        parser.error("--corpus is needed")
    return arguments


def main() -> None:
    """Load, compare, kill, print."""
    arguments = _parsed()
    if arguments.store is not None:
        load(arguments)
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        texts, whole = folder / "texts.jsonl", folder / "whole.lbug"
        keep(repeated(read_corpus(arguments), arguments.mentions, arguments.seed), texts)
        facts = undisturbed(arguments, texts, whole)
        if arguments.peer_mentions:
            facts["peer"] = against_peer(arguments, texts, folder)
        if arguments.kills:
            part = folder / "part.lbug"
            facts["killed_after_texts"] = killed(arguments, texts, part)
            facts["same_graph"] = digest(whole) == digest(part)
    if arguments.json:
        print(json.dumps(facts))
    else:
        for name, value in facts.items():
            print(f"{name:<32}{value}")
    raise SystemExit(0 if facts.get("same_graph", True) else 1)


if __name__ == "__main__":
    main()
