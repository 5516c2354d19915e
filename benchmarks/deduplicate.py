"""Time near-duplicate removal against datasketch's MinHashLSH, on the same documents.

Both hash 5-word shingles of the same normalised words under 128 permutations into 18 bands of 7.
The peer is used as its documentation shows, and keeps its sketches, so that both decide by an
estimated similarity. Prints medians of several runs in fresh processes: documents per second, the
peak of allocated memory per document, and how many duplicates each found. Exact keys are compared
on both sides.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from itertools import accumulate
from typing import Any

from datasketch import MinHash, MinHashLSH

from ossamma.data.deduplicate import DeduplicateSettings, Deduplicator
from ossamma.data.minhash import normalise, text_key, word_bytes
from ossamma.data.near_index import NearSettings
from ossamma.schema.spans import Document

OURS, PEER = "ossamma Deduplicator", "datasketch MinHashLSH"
THRESHOLD = 0.8
WIDTH = 5
RECENT = 5000
"""Duplicates repeat one of so many documents before them, so that the generator stays small."""


def generate(num_documents: int, num_words: int, seed: int) -> Iterator[Document]:
    """Documents over a vocabulary with Zipf's frequencies; 10 % repeat one, 10 % nearly."""
    generator = random.Random(seed)
    vocabulary = ["".join(generator.choices("abcdefghij", k=n % 8 + 2)) for n in range(20_000)]
    cumulative = list(accumulate(1 / rank for rank in range(1, len(vocabulary) + 1)))
    recent: list[list[str]] = []
    for number in range(num_documents):
        chance = generator.random()
        if recent and chance < 0.2:
            words = list(generator.choice(recent))
            if chance < 0.1:
                words[generator.randrange(len(words))] = generator.choice(vocabulary)
        else:
            words = generator.choices(vocabulary, cum_weights=cumulative, k=num_words)
        recent.append(words)
        del recent[:-RECENT]
        yield Document(f"document-{number}", " ".join(words))


def with_ours(documents: list[Document]) -> int:
    """Return how many documents our deduplicator drops."""
    near = NearSettings(threshold=THRESHOLD, long_words=1, long_shingle=WIDTH)
    deduplicator = Deduplicator(DeduplicateSettings(near=near))
    return sum(not deduplicator.add(document).keep for document in documents)


def with_peer(documents: list[Document]) -> int:
    """Return how many documents the peer drops."""
    index = MinHashLSH(threshold=THRESHOLD, num_perm=128, params=(18, 7))
    keys: set[bytes] = set()
    sketches: dict[str, MinHash] = {}
    dropped = 0
    for document in documents:
        normalised = normalise(document.text)
        key = text_key(normalised)
        words = word_bytes(normalised)
        sketch = MinHash(num_perm=128)
        sketch.update_batch(
            [b" ".join(words[n : n + WIDTH]) for n in range(len(words) - WIDTH + 1)]
        )
        if key in keys or any(
            sketch.jaccard(sketches[name]) >= THRESHOLD for name in index.query(sketch)
        ):
            dropped += 1
            continue
        keys.add(key)
        index.insert(document.id, sketch)
        sketches[document.id] = sketch
    return dropped


CALLS: dict[str, Callable[[list[Document]], int]] = {OURS: with_ours, PEER: with_peer}


def measure_here(name: str, options: argparse.Namespace) -> dict[str, float]:
    """Seconds and documents dropped; or, since tracing is slow, the peak of allocated bytes."""
    documents = list(generate(options.documents, options.words, options.seed))
    if options.memory:
        tracemalloc.start()
        CALLS[name](documents)
        return {"bytes": tracemalloc.get_traced_memory()[1]}
    start = time.perf_counter()
    dropped = CALLS[name](documents)
    return {"seconds": time.perf_counter() - start, "dropped": dropped}


def measure(name: str, options: argparse.Namespace, *flags: str) -> dict[str, float]:
    """`measure_here` in a fresh process, whose memory and caches nobody used before."""
    command = [sys.executable, __file__, "--only", name, *flags]
    for option in ("documents", "words", "seed"):
        command += [f"--{option}", str(getattr(options, option))]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    result: dict[str, float] = json.loads(output)
    return result


def compare(options: argparse.Namespace) -> dict[str, Any]:
    """Medians of all rounds, which alternate, and the peak of memory of one more run each."""
    rounds = [{name: measure(name, options) for name in CALLS} for _ in range(options.rounds)]
    sides = {
        name: {
            "seconds": statistics.median(one[name]["seconds"] for one in rounds),
            "dropped": rounds[0][name]["dropped"],
            **measure(name, options, "--memory"),
        }
        for name in CALLS
    }
    return {
        "documents": options.documents,
        "words": options.words,
        "sides": sides,
        "times_slower": sides[PEER]["seconds"] / sides[OURS]["seconds"],
        "times_larger": sides[PEER]["bytes"] / sides[OURS]["bytes"],
    }


def main() -> None:
    """Run the comparison and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=10_000, help="default: %(default)s")
    parser.add_argument("--words", type=int, default=150, help="of each; default: %(default)s")
    parser.add_argument("--seed", type=int, default=0, help="default: %(default)s")
    parser.add_argument("--rounds", type=int, default=3, help="default: %(default)s")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of text")
    parser.add_argument("--only", choices=list(CALLS), help="one run of one side, in this process")
    parser.add_argument("--memory", action="store_true", help="with --only: memory, not time")
    options = parser.parse_args()
    if options.only:
        print(json.dumps(measure_here(options.only, options)))
        return
    result = compare(options)
    if options.json:
        print(json.dumps(result))
        return
    print(f"{options.documents} documents of {options.words} words, {options.rounds} rounds")
    for name, side in result["sides"].items():
        print(
            f"{name:24}{options.documents / side['seconds']:9.0f} documents/s"
            f"{side['bytes'] / options.documents:9.0f} bytes/document"
            f"{side['dropped']:8.0f} dropped"
        )
    print(
        f"the peer is {result['times_slower']:.1f} x slower and takes "
        f"{result['times_larger']:.1f} x the memory"
    )


if __name__ == "__main__":
    main()
