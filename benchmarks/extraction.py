"""Extract the entities of a long text and show that time is linear and memory bounded.

An untrained model reads texts of growing size, each in a fresh process. Peak memory is the
operating system's own figure.

    python benchmarks/extraction.py --megabytes 0.25,0.5,1
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import resource
import time

import torch

from ossamma.inference.recogniser import OssammaRecogniser
from ossamma.model.configuration import PRESETS, OssammaConfig
from ossamma.model.modeling import OssammaForTokenClassification, tag_entries
from ossamma.pipeline.recipe import FROM_SCRATCH
from ossamma.schema.labels import LabelSet
from ossamma.tokenization.tokenizer import TokenizerSettings, train_tokenizer
from ossamma.tokenization.words import split_words

TYPES = (
    "PERSON",
    "AGENCY",
    "PLACE",
    "ORGANISM",
    "EVENT",
    "INSTRUMENT",
    "WORK",
    "DOMAIN",
    "MEASURE",
)


def make_text(num_characters: int, *, spaces: bool) -> str:
    """Words of one to twelve letters, by a fixed seed; lines of twenty words."""
    generator = random.Random(0)
    if not spaces:
        return "".join(generator.choices("abcdefghijklmnopqrstuvwxyz", k=num_characters))
    words: list[str] = []
    length = 0
    while length < num_characters:
        word = "".join(generator.choices("etaoinshrdlu", k=generator.randint(1, 12)))
        words.append(word.title() if generator.random() < 0.1 else word)
        length += len(word) + 1
    lines = (" ".join(words[i : i + 20]) for i in range(0, len(words), 20))
    return "\n".join(lines)[:num_characters]


def measure(megabytes: float, preset: str, threads: int, *, spaces: bool) -> dict[str, float]:
    """Time one extraction and return seconds, words per second and peak memory in MB."""
    torch.manual_seed(0)
    torch.set_num_threads(threads)
    tokenizer = train_tokenizer(
        [make_text(200_000, spaces=True)], TokenizerSettings(vocab_size=8_000)
    )
    config = OssammaConfig(
        **{**FROM_SCRATCH["model"], **PRESETS[preset], "vocab_size": tokenizer.vocab_size},
        **tag_entries(LabelSet(TYPES)),
    )
    recogniser = OssammaRecogniser(OssammaForTokenClassification(config).eval(), tokenizer)
    recogniser.recognise(["Warm up."])
    text = make_text(int(megabytes * 1e6), spaces=spaces)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.perf_counter()
    (entities,) = recogniser.recognise([text])
    seconds = time.perf_counter() - started
    assert all(text[e.start : e.end] == e.text for e in entities)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "megabytes": megabytes,
        "words": len(split_words(text)),
        "entities": len(entities),
        "seconds": seconds,
        "words_per_second": len(split_words(text)) / seconds,
        "memory_before_mb": before / 1024,
        "memory_peak_mb": peak / 1024,
    }


def main() -> None:
    """Print one row per size."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--megabytes", default="0.25,0.5,1")
    parser.add_argument("--preset", default="mini")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--no-spaces", action="store_true", help="one run of letters, no white space"
    )
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    rows = []
    context = multiprocessing.get_context("spawn")
    for size in arguments.megabytes.split(","):
        with context.Pool(1) as pool:
            rows.append(
                pool.apply(
                    measure,
                    (float(size), arguments.preset, arguments.threads),
                    {"spaces": not arguments.no_spaces},
                )
            )
    if arguments.json:
        print(json.dumps(rows))
        return
    for row in rows:
        print(
            f"{row['megabytes']:>5} MB  {row['words']:>8,.0f} words  {row['seconds']:7.1f} s  "
            f"{row['words_per_second']:8,.0f} words/s  memory {row['memory_before_mb']:,.0f} -> "
            f"{row['memory_peak_mb']:,.0f} MB"
        )
    first, last = rows[0], rows[-1]
    print(
        f"time x {last['seconds'] / first['seconds']:.2f} for text x "
        f"{last['megabytes'] / first['megabytes']:.2f}"
    )


if __name__ == "__main__":
    main()
