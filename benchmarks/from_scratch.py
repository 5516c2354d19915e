r"""Train from scratch several times, with seeds or with parts switched off, and print one table.

Every run is an `ossamma train` of its own in a folder under --out; finished runs are not repeated.

    python benchmarks/from_scratch.py --recipe recipes/conll2003.yaml --seeds 1,2,3 \
        --train eng.train --dev eng.testa --test eng.testb --out runs/conll2003
    python benchmarks/from_scratch.py --recipe recipes/wnut17.yaml --seeds 1 --ablate \
        --train wnut17train.conll --dev emerging.dev.conll --test emerging.test.annotated \
        --out runs/wnut17
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

ABLATIONS = {
    "no input gate": ["model.input_gate=false"],
    "no output gate": ["model.output_gate=false"],
    "no oscillator": ["model.use_oscillator=false"],
    "no CRF": ["model.use_crf=false"],
    "no boundary head": ["model.boundary_loss_weight=0.0"],
}


def run(arguments: argparse.Namespace, name: str, seed: int, settings: list[str]) -> dict[str, Any]:
    """Train once, or read the figures of the run that is there."""
    folder: Path = arguments.out / f"{name.replace(' ', '-')}-{seed}"
    if not (folder / "metrics.json").is_file():
        command = [sys.executable, "-m", "ossamma.cli.app", "train", "--profile", "native"]
        for option in ("train", "dev", "test", "recipe"):
            command += [f"--{option}", str(getattr(arguments, option))]
        for setting in (*settings, *arguments.set, f"training.seed={seed}"):
            command += ["--set", setting]
        subprocess.run([*command, "--out", str(folder)], check=True, stdout=subprocess.DEVNULL)
    figures: dict[str, Any] = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    return figures


def main() -> None:
    """Print dev and test F1 of every run, and the means over seeds."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    for name in ("train", "dev", "test", "out", "recipe"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--seeds", default="1,2,3")
    parser.add_argument("--ablate", action="store_true", help="also one run with each part off")
    parser.add_argument("--set", action="append", default=[], help="a setting for all runs")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    seeds = [int(seed) for seed in arguments.seeds.split(",")]
    plan = [("full", seed, list[str]()) for seed in seeds]
    if arguments.ablate:
        plan += [(name, seeds[0], settings) for name, settings in ABLATIONS.items()]
    rows = []
    for name, seed, settings in plan:
        figures = run(arguments, name, seed, settings)
        rows.append(
            {
                "name": name,
                "seed": seed,
                "dev_f1": figures["dev"]["micro"]["f1"],
                "test_f1": figures["test"]["micro"]["f1"],
                "test_per_type": {t: v["f1"] for t, v in figures["test"]["per_type"].items()},
                "seconds": figures["training"]["seconds"],
                "epochs": figures["training"]["epochs"],
            }
        )
        if not arguments.json:
            row = rows[-1]
            types = "  ".join(f"{t} {100 * f1:.1f}" for t, f1 in row["test_per_type"].items())
            print(
                f"{name:<18} seed {seed}  dev {100 * row['dev_f1']:.2f}  "
                f"test {100 * row['test_f1']:.2f}  {row['seconds']:.0f} s  ({types})",
                flush=True,
            )
    full = [row["test_f1"] for row in rows if row["name"] == "full"]
    if arguments.json:
        print(json.dumps({"rows": rows, "mean_test_f1": statistics.mean(full)}))
    else:
        spread = f" +- {100 * statistics.stdev(full):.2f}" if len(full) > 1 else ""
        print(f"mean test F1 of {len(full)}: {100 * statistics.mean(full):.2f}{spread}")


if __name__ == "__main__":
    main()
