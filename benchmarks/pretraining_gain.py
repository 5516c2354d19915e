r"""NER from a pre-trained encoder against the same model from scratch, at the same budget.

Both variants are the encoder's architecture, trained on the same files with the same settings for
the same number of epochs; only the weights (and the tokenizer) that they start from differ.

    python benchmarks/pretraining_gain.py --mirror corpora --init runs/encoder --out runs/gain \
        --seeds 1,2,3

Runs that are there are not repeated, so that it continues after an interruption.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

VARIANTS = ("scratch", "init")


class DataSet(NamedTuple):
    """The parts of a data set in a mirror, and how long to train on it."""

    name: str
    train: str
    dev: str
    test: str
    epochs: int


_WNUT, _SCIERC = "wnut17", "scierc_scibert/data/ner/sciie"
_BC5CDR, _CONLL = "mtl_bc5cdr/data/BC5CDR-IOB", "conll2003/corpus/CoNLL-2003"
DATA_SETS = (
    DataSet(
        "WNUT-17",
        f"{_WNUT}/wnut17train.conll",
        f"{_WNUT}/emerging.dev.conll",
        f"{_WNUT}/emerging.test.annotated",
        8,
    ),
    DataSet("SciERC", f"{_SCIERC}/train.txt", f"{_SCIERC}/dev.txt", f"{_SCIERC}/test.txt", 8),
    DataSet("BC5CDR", f"{_BC5CDR}/train.tsv", f"{_BC5CDR}/devel.tsv", f"{_BC5CDR}/test.tsv", 4),
    DataSet("CoNLL-2003", f"{_CONLL}/eng.train", f"{_CONLL}/eng.testa", f"{_CONLL}/eng.testb", 4),
)


class Row(NamedTuple):
    """Test F1 of a data set, a figure for each seed."""

    name: str
    epochs: int
    found: dict[str, list[float]]


def train(arguments: argparse.Namespace, data: DataSet, variant: str, seed: int) -> dict[str, Any]:
    """Train one variant, unless it is there; return its scores."""
    run: Path = arguments.out / f"{data.name}-{variant}-{seed}"
    if not (run / "metrics.json").is_file():
        command = [sys.executable, "-m", "ossamma.cli.app", "train", "--profile", "native"]
        for part in ("train", "dev", "test"):
            command += [f"--{part}", str(arguments.mirror / getattr(data, part))]
        settings = [f"training.epochs={data.epochs}", f"training.seed={seed}", *arguments.set]
        for setting in settings:
            command += ["--set", setting]
        command += ["--recipe", str(arguments.recipe), "--out", str(run)]
        command += ["--init", str(arguments.init)] if variant == "init" else []
        command += ["--resume"] if (run / "run.json").is_file() else []
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    scores: dict[str, Any] = json.loads((run / "metrics.json").read_text())
    return scores


def compare(arguments: argparse.Namespace) -> list[Row]:
    """Train all that is asked for; return test F1 by data set and variant."""
    rows = []
    for data in DATA_SETS:
        if arguments.only in (None, data.name):
            found: dict[str, list[float]] = {}
            for variant in [arguments.variant] if arguments.variant else VARIANTS:
                for seed in map(int, arguments.seeds.split(",")):
                    scores = train(arguments, data, variant, seed)
                    found.setdefault(variant, []).append(100 * scores["test"]["micro"]["f1"])
            rows.append(Row(data.name, data.epochs, found))
    return rows


def main() -> None:
    """Print test F1 of both variants on every data set."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--mirror", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--init", type=Path, help="the encoder; needed unless --variant scratch")
    parser.add_argument("--out", type=Path, required=True, help="folder of the runs")
    parser.add_argument("--recipe", type=Path, default=Path("recipes/default/compare.yaml"))
    parser.add_argument("--seeds", default="1", help="such as 1,2,3")
    parser.add_argument("--variant", choices=VARIANTS, help="train only this one, print nothing")
    parser.add_argument("--only", help="only the data set of this name")
    parser.add_argument("--set", action="append", default=[], help="a setting for both")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if arguments.init is None and arguments.variant != "scratch":
        parser.error("give --init ENCODER, or --variant scratch")
    rows = compare(arguments)
    if arguments.json:
        print(json.dumps([row._asdict() for row in rows]))
    elif not arguments.variant:
        show(rows)


def show(rows: list[Row]) -> None:
    """Print a table."""
    print(f"{'data':<12} {'epochs':>6} {'scratch':>16} {'pre-trained':>16} {'gain':>7}")
    for name, epochs, found in rows:
        cells = [_mean(found[variant]) for variant in VARIANTS]
        gain = statistics.mean(found["init"]) - statistics.mean(found["scratch"])
        print(f"{name:<12} {epochs:>6} {cells[0]:>16} {cells[1]:>16} {gain:>+7.2f}")


def _mean(figures: list[float]) -> str:
    spread = f" ± {statistics.stdev(figures):.2f}" if len(figures) > 1 else ""
    return f"{statistics.mean(figures):.2f}{spread}"


if __name__ == "__main__":
    main()
