"""What class weights, a focal loss and balanced sampling do to rare types, on a skewed corpus.

Trains the same small model from scratch on every n-th sentence of APTNER, once as it is and once
with each of the three settings: same seed, same documents, same number of passes. A run that is
finished in --out is not trained again, so that several processes can share the variants.

    python benchmarks/class_balance.py --data APTNER --out runs/balance
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

from ossamma.data.readers.jsonl import write_jsonl
from ossamma.data.readers.registry import read_annotated
from ossamma.pipeline.recipe import build_recipe
from ossamma.pipeline.run_folder import METRICS_FILE
from ossamma.pipeline.train_run import TrainRequest, train

VARIANTS = {
    "plain": (),
    "weights": ("training.type_weight_power=0.5",),
    "focal": ("model.crf_focal_gamma=2.0",),
    "sampling": ("training.repeat_threshold=0.05",),
}
MODEL = (
    "model.hidden_size=128",
    "model.num_hidden_layers=2",
    "model.num_oscillators=128",
    "training.learning_rate=0.002",
    "training.precision=bf16",
    "training.num_threads=1",
)
FILES = {"train": "APTNERtrain.txt", "dev": "APTNERdev.txt", "test": "APTNERtest.txt"}
CPU_FILE = "cpu_seconds.json"


def write_corpus(folder: Path, out: Path, every: int) -> tuple[dict[str, Path], Counter[str]]:
    """Write the parts as JSON lines, training and dev thinned; return them, and training marks."""
    options = {"scheme": "bioes", "on_error": "skip"}
    paths, marks = {}, Counter[str]()
    for part, name in FILES.items():
        documents = read_annotated(folder / name, "conll", options).documents
        kept = documents if part == "test" else documents[::every]
        paths[part] = out / f"{part}.jsonl"
        if not paths[part].is_file():
            write_jsonl(paths[part], kept)
        if part == "train":
            marks.update(a.label for d in kept for a in d.annotations or ())
    return paths, marks


def run_variant(name: str, paths: dict[str, Path], out: Path, seed: int, epochs: int) -> None:
    """Train one variant, unless it is there."""
    folder = out / name
    if (folder / METRICS_FILE).is_file():
        return
    own = (f"training.seed={seed}", f"training.epochs={epochs}", "training.patience=100")
    recipe = build_recipe(assignments=[*MODEL, *own, *VARIANTS[name]])
    started = time.process_time()
    train(TrainRequest(profile="native", **paths, out=folder, recipe=recipe))
    seconds = round(time.process_time() - started)
    (out / f"{name}.{CPU_FILE}").write_text(json.dumps(seconds), encoding="utf-8")


def read_result(name: str, out: Path) -> dict[str, Any]:
    """Test figures of a finished variant, with its processor time."""
    metrics = json.loads((out / name / METRICS_FILE).read_text(encoding="utf-8"))
    seconds = json.loads((out / f"{name}.{CPU_FILE}").read_text(encoding="utf-8"))
    return {**metrics["test"], "cpu_seconds": seconds, "dev_f1": metrics["dev"]["micro"]["f1"]}


def print_table(results: dict[str, dict[str, Any]], marks: Counter[str]) -> None:
    """F1 by type, most frequent first, then the averages."""
    print("| type | marked in training | " + " | ".join(results) + " |")
    print("|---|---:|" + "---:|" * len(results))
    for label, number in marks.most_common():
        rows = [each["per_type"].get(label, {}).get("f1", 0.0) for each in results.values()]
        print(f"| {label} | {number} | " + " | ".join(f"{100 * f1:.1f}" for f1 in rows) + " |")
    for average in ("micro", "macro"):
        for figure in ("precision", "recall", "f1"):
            rows = [each[average][figure] for each in results.values()]
            shown = " | ".join(f"{100 * value:.2f}" for value in rows)
            print(f"| {average} {figure} | | {shown} |")
    seconds = " | ".join(str(each["cpu_seconds"]) for each in results.values())
    print(f"| processor seconds | | {seconds} |")


def main() -> None:
    """Train what is missing, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with APTNER's three files")
    parser.add_argument("--out", type=Path, required=True, help="folder for corpus and runs")
    parser.add_argument("--every", type=int, default=3, help="thins training and dev sentences")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument("--json", action="store_true", help="print figures for machines")
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    paths, marks = write_corpus(asked.data, asked.out, asked.every)
    for name in asked.variants:
        run_variant(name, paths, asked.out, asked.seed, asked.epochs)
    results = {name: read_result(name, asked.out) for name in asked.variants}
    if asked.json:
        print(json.dumps({"marked": marks, "results": results}))
    else:
        print_table(results, marks)


if __name__ == "__main__":
    main()
