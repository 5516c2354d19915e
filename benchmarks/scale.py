"""Throughput from 1 to 2 workers on Ray, and of file ingestion beside a loop written by hand.

`extract` reads documents with a bundle: in this process, then on Ray with growing numbers of
workers, by turns. Every worker has one thread, and so has this process. "whole" counts from the
call to the end, with the start of Ray; "work" from the first document to the last. Words per second
of processor hold on a busy machine, too.

`ingest` reads a folder of files into a sink, and beside it a loop over the same files that reads,
recognises and writes in this very process, in the same batches: what one would write by hand,
without limits, dead letters, or a memory of what is done. Recogniser and store are the same, and
are loaded before the clock starts.

    OMP_NUM_THREADS=1 python benchmarks/scale.py extract bbc.txt.xz --words 30000
    OMP_NUM_THREADS=1 python benchmarks/scale.py ingest reports --knowledge knowledge --sink jsonl
"""

from __future__ import annotations

import argparse
import json
import lzma
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path

import torch

from ossamma.data.readers.jsonl import write_jsonl
from ossamma.ingestion.child import FileReader
from ossamma.ingestion.dead_letters import DeadLetters
from ossamma.ingestion.files import SourceFile, find_files
from ossamma.ingestion.reading import read_file
from ossamma.ingestion.run import Ingestion
from ossamma.ingestion.settings import DEFAULT_INGEST
from ossamma.ingestion.sharded.planning import PlanSettings, plan
from ossamma.ingestion.sharded.ray_engine import RayEngine, RaySettings
from ossamma.ingestion.sharded.shards import Shard
from ossamma.ingestion.sharded.work import Engine, LocalEngine, ShardOutcome, ShardWork
from ossamma.ingestion.sinks import ReadText, Sink, parse_sink
from ossamma.ingestion.state import IngestState
from ossamma.pipeline.extract import ExtractRequest, extract_to
from ossamma.pipeline.ingest import IngestRequest, open_sink, recogniser_of
from ossamma.schema.errors import OssammaError
from ossamma.schema.spans import Document, Recogniser
from ossamma.tokenization.words import split_words

Row = dict[str, float | str]


def documents_of(source: Path, words: int, per_document: int) -> Iterator[Document]:
    """Yield paragraphs of a text, joined to documents of a length, until there are enough words."""
    held: list[str] = []
    taken = number = 0
    with (lzma.open if source.suffix == ".xz" else open)(source, "rt", encoding="utf-8") as file:
        for line in file:
            held.append(line)
            if sum(len(one.split()) for one in held) < per_document:
                continue
            text = "".join(held)
            taken += len(split_words(text))
            yield Document(id=f"d{number}", text=text)
            held, number = [], number + 1
            if taken >= words:
                return


class Timed:
    """An engine that notes when work began and ended, beside the call itself."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.begun: list[float] = []
        self.ended: list[float] = []
        self.processor_seconds = 0.0

    def run(self, work: ShardWork, shards: list[Shard]) -> Iterator[ShardOutcome]:
        """Yield what the engine yields."""
        for outcome in self.engine.run(work, shards):
            now = time.perf_counter()
            self.begun.append(now - outcome.seconds)
            self.ended.append(now)
            self.processor_seconds += outcome.processor_seconds
            yield outcome

    @property
    def at_work(self) -> float:
        """Seconds from the first document to the last."""
        return max(self.ended) - min(self.begun)


Run = tuple[float, float, float, bytes]
"""Seconds as a whole, at work, and of processors; and what came out."""


def extract_once(source: Path, shard_bytes: int, engine: Engine) -> Run:
    """Extract into a new folder."""
    timed = Timed(engine)
    settings = PlanSettings(documents=True, shard_bytes=shard_bytes)
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        extract_to(Path(folder) / "out", ExtractRequest(files=(source,), plan=settings), timed)
        whole = time.perf_counter() - started
        parts = sorted(Path(folder).glob("out/part-*"))
        content = b"".join(part.read_bytes() for part in parts)
        return whole, timed.at_work, timed.processor_seconds, content


def extraction(arguments: argparse.Namespace) -> list[Row]:
    """Measure the engines by turns."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "documents.jsonl"
        made = list(documents_of(arguments.text, arguments.words, arguments.document_words))
        write_jsonl(source, made)
        words = sum(len(split_words(document.text)) for document in made)
        shard_bytes = max(1, source.stat().st_size // arguments.shards)
        started = time.perf_counter()
        shards = plan([source], PlanSettings(documents=True, shard_bytes=shard_bytes))
        planned = source.stat().st_size / (time.perf_counter() - started)
        engines: dict[str, Engine] = {"local": LocalEngine()}
        for workers in arguments.workers:
            engines[f"ray, {workers}"] = RayEngine(RaySettings(workers=workers))
        found: dict[str, list[Run]] = {name: [] for name in engines}
        for _ in range(arguments.repeats):
            for name, engine in engines.items():
                found[name].append(extract_once(source, shard_bytes, engine))
    assert len({content for runs in found.values() for *_, content in runs}) == 1, "same bytes"
    rows: list[Row] = []
    for name, runs in found.items():
        at_work = statistics.median(run[1] for run in runs)
        ratios = [first[1] / run[1] for first, run in zip(found["local"], runs, strict=True)]
        rows.append(
            {
                "engine": name,
                "documents": len(made),
                "words": words,
                "shards": len(shards),
                "whole_seconds": statistics.median(run[0] for run in runs),
                "work_seconds": at_work,
                "documents_per_second": len(made) / at_work,
                "words_per_second": words / at_work,
                "words_per_processor_second": words / statistics.median(run[2] for run in runs),
                "ratio_to_local": statistics.median(ratios),
                "planned_mb_per_second": planned / 1e6,
                "out_bytes": len(runs[0][3]),
            }
        )
    return rows


def by_hand(files: list[SourceFile], recogniser: Recogniser, sink: Sink) -> int:
    """Read, recognise and write, file by file in batches; return how many characters were read."""
    held: list[tuple[str, str]] = []
    characters = 0

    def flush() -> None:
        answers = recogniser.recognise([text for _, text in held])
        sink.write(
            [
                ReadText(name, text, tuple(entities))
                for (name, text), entities in zip(held, answers, strict=True)
            ],
            time="2026",
        )
        held.clear()

    for file in files:
        try:
            texts = read_file(file.path, DEFAULT_INGEST)
        except OssammaError:
            continue
        held += [(f"{file.name}#{text.part}", text.text) for text in texts]
        characters += sum(len(text.text) for text in texts)
        if sum(len(text) for _, text in held) > DEFAULT_INGEST.batch_characters:
            flush()
    flush()
    sink.finish()
    return characters


def ingested(files: list[SourceFile], recogniser: Recogniser, sink: Sink, folder: Path) -> int:
    """Ingest the files as the verb does; return how many characters were read."""
    with FileReader(DEFAULT_INGEST) as reader:
        report = Ingestion(
            recogniser=recogniser,
            sink=sink,
            state=IngestState(folder / "state", "bench"),
            dead_letters=DeadLetters(folder / "dead"),
            reader=reader,
            now=lambda: "2026",
        ).run(files)
    return report.characters


def processor_seconds() -> float:
    """Seconds of the processor that this process took, and its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def ingestion(arguments: argparse.Namespace) -> list[Row]:
    """Measure ingestion and the loop by turns, each into a sink of its own."""
    torch.set_num_threads(1)
    files = list(islice(find_files([arguments.folder]), arguments.files))
    request = IngestRequest(
        paths=(arguments.folder,),
        sink="",
        rules=not arguments.model,
        knowledge=arguments.knowledge,
    )
    recogniser, name, hierarchy = recogniser_of(request)
    recogniser.recognise(["Warm up."])
    ways: dict[str, Callable[[list[SourceFile], Recogniser, Sink, Path], int]] = {
        "by hand": lambda files, recogniser, sink, _: by_hand(files, recogniser, sink),
        "ingest": ingested,
    }
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    used: dict[str, list[float]] = {way: [] for way in ways}
    characters: dict[str, int] = {}
    for _ in range(arguments.repeats):
        for way, run in ways.items():
            with tempfile.TemporaryDirectory() as place:
                folder = Path(place)
                ending = "out.jsonl" if arguments.sink == "jsonl" else "graph.lbug"
                sink = parse_sink(str(folder / ending))
                with closing(open_sink(sink, request, (name, hierarchy), {})) as opened:
                    started, before = time.perf_counter(), processor_seconds()
                    characters[way] = run(files, recogniser, opened, folder)
                    seconds[way].append(time.perf_counter() - started)
                    used[way].append(processor_seconds() - before)
    first, second = (characters[way] for way in ways)
    assert first == second, "both read the same"
    return [
        {
            "way": way,
            "sink": arguments.sink,
            "files": len(files),
            "characters": characters[way],
            "seconds": statistics.median(seconds[way]),
            "processor_seconds": statistics.median(used[way]),
            "characters_per_second": characters[way] / statistics.median(seconds[way]),
            "ratio_to_hand": statistics.median(
                hand / own for hand, own in zip(seconds["by hand"], seconds[way], strict=True)
            ),
            "ratio_of_processor_time": statistics.median(
                hand / own for hand, own in zip(used["by hand"], used[way], strict=True)
            ),
        }
        for way in ways
    ]


def main() -> None:
    """Print a row for each engine or way."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    verbs = parser.add_subparsers(dest="verb", required=True)
    extract = verbs.add_parser("extract", help="1 -> 2 workers on Ray")
    extract.add_argument("text", type=Path, help="a text, plain or .xz")
    extract.add_argument("--words", type=int, default=30_000)
    extract.add_argument("--document-words", type=int, default=300)
    extract.add_argument("--shards", type=int, default=12)
    extract.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    ingest = verbs.add_parser("ingest", help="beside a loop written by hand")
    ingest.add_argument("folder", type=Path)
    ingest.add_argument("--knowledge", type=Path)
    ingest.add_argument("--model", action="store_true", help="the default model, not the rules")
    ingest.add_argument("--sink", choices=["jsonl", "graph"], default="jsonl")
    ingest.add_argument("--files", type=int, default=None, help="the first so many")
    for verb in (extract, ingest):
        verb.add_argument("--repeats", type=int, default=3)
        verb.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    rows = extraction(arguments) if arguments.verb == "extract" else ingestion(arguments)
    if arguments.json:
        print(json.dumps({"cores": os.cpu_count(), "load": os.getloadavg(), "rows": rows}))
        return
    for row in rows:
        print(
            "  ".join(
                f"{key} {value:,.2f}" if isinstance(value, float) else f"{key} {value}"
                for key, value in row.items()
            )
        )


if __name__ == "__main__":
    main()
