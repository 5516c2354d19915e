r"""Train on plain and on augmented files for equally many optimiser steps, and compare F1.

Every training document is written twice: as itself and as its altered copy. Where an augmentation
changes nothing the original stands twice, and in the plain file every original does. So all files
have the same number of documents, and every run the same number of steps, evaluations and the same
schedule: half the recipe's epochs over twice the documents. Every run is an `ossamma train` of its
own in a folder under --out; finished runs are not repeated.

    OMP_NUM_THREADS=1 python benchmarks/augmentation.py --recipe recipes/wnut17.yaml --seeds 1,2 \
        --train wnut17train.conll --dev emerging.dev.conll --test emerging.test.annotated \
        --out runs/augmentation --set training.num_threads=1
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from ossamma.data.augment.entity_bank import EntityBank
from ossamma.data.augment.policy import AugmentationPolicy, augment
from ossamma.data.readers.detect import read_documents
from ossamma.data.readers.jsonl import write_jsonl
from ossamma.schema.spans import Document

PLAIN = "plain"
RATES: dict[str, dict[str, Any]] = {
    PLAIN: {},
    "replacement": {"replacement": 0.3},
    "dropout": {"dropout": 0.3},
    "shuffling": {"shuffling": 0.3},
    "synonyms": {"synonyms": 0.5},
    "typos": {"typos": 0.05},
    "casing": {"casing": 0.3},
    "all": {
        "replacement": 0.3,
        "dropout": 0.1,
        "shuffling": 0.1,
        "synonyms": 0.3,
        "typos": 0.02,
        "casing": 0.1,
    },
}
"""Rates of each variant. White space noise is left out: a file's own words do not show it."""


def doubled(
    documents: tuple[Document, ...], policy: AugmentationPolicy, bank: EntityBank, seed: int
) -> Iterator[Document]:
    """Yield each document and its copy, or itself again where there is no copy."""
    for document in documents:
        stream = list(augment([document], policy, seed=seed, bank=bank))
        yield document
        yield stream[1] if len(stream) == 2 else replace(document, id=f"{document.id}+again")


def write_files(arguments: argparse.Namespace, name: str, seed: int) -> Path:
    """Write the training file of a variant, unless it is there."""
    path: Path = arguments.out / f"{name}-{seed}.jsonl"
    if not path.is_file():
        documents = read_documents(arguments.train).documents
        policy = AugmentationPolicy(**{"replacement": 0.0, **RATES[name]})
        bank = EntityBank.from_documents(documents)
        write_jsonl(path, doubled(documents, policy, bank, seed))
    return path


def run(arguments: argparse.Namespace, name: str, seed: int) -> dict[str, Any]:
    """Train once, or read the figures of the run that is there."""
    folder: Path = arguments.out / f"{name}-{seed}"
    if not (folder / "metrics.json").is_file():
        command = [sys.executable, "-m", "ossamma.cli.app", "train", "--profile", "native"]
        command += ["--train", str(write_files(arguments, name, seed))]
        for option in ("dev", "test", "recipe"):
            command += [f"--{option}", str(getattr(arguments, option))]
        epochs = arguments.epochs
        settings = [f"training.epochs={epochs}", f"training.patience={epochs}"]
        for setting in (*settings, *arguments.set, f"training.seed={seed}"):
            command += ["--set", setting]
        subprocess.run([*command, "--out", str(folder)], check=True, stdout=subprocess.DEVNULL)
    figures: dict[str, Any] = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    return {
        "name": name,
        "seed": seed,
        "dev_f1": figures["dev"]["micro"]["f1"],
        "test_f1": figures["test"]["micro"]["f1"],
        "steps": figures["training"]["steps"],
        "seconds": figures["training"]["seconds"],
    }


def summary(name: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Means over the seeds, and the mean gain over the plain run of the same seed."""
    own = {row["seed"]: row for row in rows if row["name"] == name}
    plain = {row["seed"]: row for row in rows if row["name"] == PLAIN}
    table: dict[str, Any] = {"name": name, "seeds": len(own)}
    for split in ("dev_f1", "test_f1"):
        table[split] = statistics.mean(row[split] for row in own.values())
        gains = [row[split] - plain[seed][split] for seed, row in own.items()]
        table[f"{split}_gains"] = gains
        table[f"{split}_gain"] = statistics.mean(gains)
    return table


def show(table: dict[str, Any]) -> None:
    """Print one line of the comparison, with the gain of each seed."""
    parts = []
    for split in ("dev", "test"):
        gains = ", ".join(f"{100 * gain:+.2f}" for gain in table[f"{split}_f1_gains"])
        mean, gain = 100 * table[f"{split}_f1"], 100 * table[f"{split}_f1_gain"]
        parts.append(f"{split} {mean:6.2f} ({gain:+.2f}: {gains})")
    print(f"{table['name']:<12} mean of {table['seeds']}  " + "  ".join(parts))


def parse() -> argparse.Namespace:
    """Read the command line; `epochs` becomes half the recipe's, at least one."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    for name in ("train", "dev", "test", "out", "recipe"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--seeds", default="1,2")
    parser.add_argument(
        "--variants", default=",".join(RATES), help="names, by commas; plain always runs"
    )
    parser.add_argument("--epochs", type=int, help="over the doubled file; default: the recipe's/2")
    parser.add_argument("--set", action="append", default=[], help="a setting for all runs")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    unknown = set(arguments.variants.split(",")) - set(RATES)
    if unknown:
        parser.error(f"unknown variants {', '.join(sorted(unknown))}; there are {', '.join(RATES)}")
    if arguments.epochs is None:
        recipe = yaml.safe_load(arguments.recipe.read_text(encoding="utf-8"))
        arguments.epochs = max(1, round(recipe["training"]["epochs"] / 2))
    return arguments


def main() -> None:
    """Print dev and test F1 of every run, then means and gains over plain."""
    arguments = parse()
    arguments.out.mkdir(parents=True, exist_ok=True)
    names = list(dict.fromkeys([PLAIN, *arguments.variants.split(",")]))
    rows = []
    for seed in (int(seed) for seed in arguments.seeds.split(",")):
        for name in names:
            row = run(arguments, name, seed)
            rows.append(row)
            if not arguments.json:
                print(
                    f"{name:<12} seed {seed}  dev {100 * row['dev_f1']:.2f}  test "
                    f"{100 * row['test_f1']:.2f}  {row['steps']} steps  {row['seconds']:.0f} s",
                    flush=True,
                )
    tables = [summary(name, rows) for name in names]
    if len({row["steps"] for row in rows}) > 1:
        print("the runs differ in their number of steps", file=sys.stderr)
    if arguments.json:
        print(json.dumps({"rows": rows, "variants": tables}))
    else:
        for table in tables:
            show(table)


if __name__ == "__main__":
    main()
