"""Time the passes of a build that come after marking, on real text, against parsing it once.

The text is made a shard of documents, one capitalised word of each marked; one document in ten says
that it annotates the type, so that the audit searches it. Then come the passes of `ossamma data
build`: assembling (three passes over the lines), looking for leaks with counting, and auditing. The
peer is `json.loads` of each line of the shard, which no build can do without. Prints megabytes of
text (a million characters each) per second of CPU time, medians of several runs in fresh processes
on one thread, and the peak of memory.
"""

from __future__ import annotations

import argparse
import json
import lzma
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from ossamma.data.assemble import AssembleSettings, Shard, assemble, check_leaks
from ossamma.data.audit import Auditor, can_miss_marks
from ossamma.data.readers.jsonl import stream_jsonl, write_jsonl
from ossamma.data.statistics import Statistics
from ossamma.schema.spans import Annotation, Document

PARSE = "json.loads of each line"


def paragraphs(paths: list[Path], num_bytes: int) -> Iterator[str]:
    """Yield the documents (separated by a blank line) of equal shares of the files."""
    for path in paths:
        opener = lzma.open if path.suffix == ".xz" else open
        with opener(path, "rt", encoding="utf-8") as file:
            left, lines = num_bytes // len(paths), []
            while left > 0 and (line := file.readline()):
                left -= len(line.encode())
                if line.strip():
                    lines.append(line)
                elif lines:
                    yield "".join(lines).strip()
                    lines = []


def documents(texts: Iterator[str]) -> Iterator[Document]:
    """Mark the first capitalised word of each text."""
    for number, text in enumerate(texts):
        marks = [
            Annotation(*match.span(), ("NAME",))
            for match in islice(re.finditer(r"\b[A-Z]\w+", text), 1)
        ]
        yield Document(
            id=f"document-{number}",
            text=text,
            annotations=tuple(marks),
            annotates=frozenset() if number % 10 else frozenset({"NAME"}),
            dataset="texts",
        )


def measure_here(options: argparse.Namespace) -> dict[str, Any]:
    """Run every pass once in this process, which did nothing else: seconds, and bytes at most."""
    seconds: dict[str, float] = {}

    def timed(name: str, call: Callable[[], Any]) -> None:
        start = time.process_time()
        call()
        seconds[name] = time.process_time() - start

    with tempfile.TemporaryDirectory() as name:
        out = Path(name)
        shard = out / "shard.jsonl"
        texts = paragraphs(options.texts, options.bytes)
        timed("writing the shard", lambda: write_jsonl(shard, documents(texts)))
        settings, auditor, counts = AssembleSettings(), Auditor(), Statistics()

        def parse() -> None:
            with shard.open(encoding="utf-8") as lines:
                for line in lines:
                    json.loads(line)

        def watch(stream: Iterable[Document], split: str) -> Iterator[Document]:
            for document in counts.count(stream, split):
                auditor.add(document)
                yield document

        train = out / "train.jsonl"
        timed(PARSE, parse)
        timed("assembling", lambda: assemble([Shard(shard, None)], out, out, settings))
        timed("leaks and counts", lambda: check_leaks(out, settings.leaks, watch=watch))
        timed("audit", lambda: auditor.search_all(stream_jsonl(train, where=can_miss_marks)))
    num_characters = sum(part.characters for part in counts.parts.values())
    num_documents = sum(part.documents for part in counts.parts.values())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {
        "seconds": seconds,
        "characters": num_characters,
        "documents": num_documents,
        "peak": peak,
    }


def compare(options: argparse.Namespace) -> dict[str, Any]:
    """Return the medians of all rounds, each in a fresh process."""
    command = [sys.executable, __file__, "--here", "--bytes", str(options.bytes)]
    rounds = [
        json.loads(
            subprocess.run(
                [*command, *map(str, options.texts)], check=True, capture_output=True, text=True
            ).stdout
        )
        for _ in range(options.rounds)
    ]
    seconds = {
        name: statistics.median(one["seconds"][name] for one in rounds)
        for name in rounds[0]["seconds"]
    }
    return {
        "documents": rounds[0]["documents"],
        "characters": rounds[0]["characters"],
        "peak_bytes": max(one["peak"] for one in rounds),
        "megabytes_per_second": {n: rounds[0]["characters"] / s / 1e6 for n, s in seconds.items()},
        "times_slower_than_parsing": {n: s / seconds[PARSE] for n, s in seconds.items()},
    }


def main() -> None:
    """Run the passes and print how fast they were."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("texts", nargs="+", type=Path, help="text files, plain or .xz")
    parser.add_argument("--bytes", type=int, default=20_000_000, help="default: %(default)s")
    parser.add_argument("--rounds", type=int, default=3, help="default: %(default)s")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of text")
    parser.add_argument("--here", action="store_true", help="one run, in this process, as JSON")
    options = parser.parse_args()
    result = measure_here(options) if options.here else compare(options)
    if options.here or options.json:
        print(json.dumps(result))
        return
    print(
        f"{result['documents']} documents, {result['characters'] / 1e6:.1f} million characters, "
        f"at most {result['peak_bytes'] / 2**20:.0f} MiB of memory"
    )
    for name, speed in result["megabytes_per_second"].items():
        slower = result["times_slower_than_parsing"][name]
        print(f"{name:28}{speed:9.2f} MB/s{slower:9.1f} x the time of parsing")


if __name__ == "__main__":
    main()
