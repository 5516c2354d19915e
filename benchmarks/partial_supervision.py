r"""Train on many corpora with partial supervision and by naive merging, and compare per type.

Both variants see the same documents in the same order for the same number of steps. `partial` is
the built set as it is: a corpus speaks of the types that it annotates, and open types stay open.
`naive` is what merging files does: every unmarked word is O, and marks of open type are left out.
Dev and test are the same for both; scores leave out what a corpus does not annotate.

    python benchmarks/partial_supervision.py --built built/rag9 --share 3 --out runs/partial \
        --also "CoNLL-2003=eng.testb" --set training.epochs=4
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from ossamma.data.readers.jsonl import stream_jsonl, write_jsonl
from ossamma.data.split import unit_hash
from ossamma.schema.spans import Document

VARIANTS = ("naive", "partial")


def sample(path: Path, share: int) -> Iterator[Document]:
    """Every so many-th document, chosen by the hash of its id."""
    for document in stream_jsonl(path):
        if unit_hash(document.id, "sample") * share < 1:
            yield document


def merged_naively(document: Document) -> Document:
    """The document as if its corpus had marked every type."""
    certain = tuple(mark for mark in document.annotations or () if len(mark.labels) == 1)
    return replace(document, annotations=certain, annotates=None)


def command(*arguments: object) -> list[str]:
    """An `ossamma` command in a process of its own."""
    return [sys.executable, "-m", "ossamma.cli.app", *map(str, arguments)]


def train(arguments: argparse.Namespace, variant: str, seed: int, files: Path) -> Path:
    """Train one variant, unless it is there; return its run."""
    run: Path = arguments.out / f"{variant}-{seed}"
    if not (run / "metrics.json").is_file():
        given = {"train": files / f"train-{variant}.jsonl", "dev": files / "dev.jsonl"}
        options = [part for name, path in given.items() for part in (f"--{name}", path)]
        for setting in (*arguments.set, f"training.seed={seed}"):
            options += ["--set", setting]
        subprocess.run(
            command("train", "--profile", arguments.profile, *options, "--out", run),
            check=True,
            stdout=subprocess.DEVNULL,
        )
    return run


def scores(arguments: argparse.Namespace, run: Path, gold: Path) -> dict[str, Any]:
    """Score a run on labelled documents."""
    options = ("--profile", arguments.profile, "--gold", gold, "--json")
    done = subprocess.run(
        command("evaluate", "--bundle", run, *options), check=True, capture_output=True, text=True
    )
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


def prepare(arguments: argparse.Namespace, files: Path) -> dict[str, Path]:
    """Write the sampled files; return the test files by data set."""
    if not (files / "dev.jsonl").is_file():
        files.mkdir(parents=True, exist_ok=True)
        train_documents = list(sample(arguments.built / "train.jsonl", arguments.share))
        write_jsonl(files / "train-partial.jsonl", train_documents)
        write_jsonl(files / "train-naive.jsonl", map(merged_naively, train_documents))
        tests: dict[str, list[Document]] = {}
        for document in sample(arguments.built / "test.jsonl", arguments.share):
            tests.setdefault(document.dataset, []).append(document)
        for name, documents in tests.items():
            if any(document.annotates for document in documents):
                write_jsonl(files / f"test-{name}.jsonl", documents)
        write_jsonl(files / "dev.jsonl", sample(arguments.built / "dev.jsonl", 2 * arguments.share))
    found = {path.stem.removeprefix("test-"): path for path in sorted(files.glob("test-*.jsonl"))}
    for each in arguments.also:
        name, _, path = each.partition("=")
        found[name] = Path(path)
    return found


def main() -> None:
    """Print per-type F1 of both variants on every held-out file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--built", type=Path, required=True, help="folder of a built set")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--profile", default="rag9")
    parser.add_argument("--share", type=int, default=1, help="take one document of so many")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--variant", choices=VARIANTS, help="train only this one, print nothing")
    parser.add_argument("--also", action="append", default=[], metavar="NAME=FILE")
    parser.add_argument("--set", action="append", default=[], help="a setting for both")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    tests = prepare(arguments, arguments.out / "files")
    if arguments.variant:
        train(arguments, arguments.variant, arguments.seed, arguments.out / "files")
        return
    runs = {v: train(arguments, v, arguments.seed, arguments.out / "files") for v in VARIANTS}
    rows = []
    for name, gold in tests.items():
        found = {variant: scores(arguments, run, gold) for variant, run in runs.items()}
        types = {t: c["support"] for t, c in found["partial"]["per_type"].items() if c["support"]}
        for label, support in [*types.items(), ("micro", sum(types.values()))]:
            figures = {
                variant: (s["micro"] if label == "micro" else s["per_type"].get(label, {"f1": 0.0}))
                for variant, s in found.items()
            }
            rows.append(
                {
                    "test": name,
                    "type": label,
                    "support": support,
                    **{variant: 100 * figures[variant]["f1"] for variant in VARIANTS},
                }
            )
    if arguments.json:
        print(json.dumps(rows))
        return
    print(f"{'test':<24} {'type':<12} {'support':>8} {'naive':>8} {'partial':>8} {'gain':>8}")
    for row in rows:
        gain = row["partial"] - row["naive"]
        print(
            f"{row['test']:<24} {row['type']:<12} {row['support']:>8} {row['naive']:>8.2f} "
            f"{row['partial']:>8.2f} {gain:>+8.2f}"
        )


if __name__ == "__main__":
    main()
