"""The demonstration: the whole way on the embedded corpus."""

from __future__ import annotations

import shutil
from pathlib import Path

from rich.console import Console

from ossamma.data.demo_corpus import generate_demo_corpus
from ossamma.data.readers.jsonl import write_jsonl
from ossamma.pipeline.recipe import build_recipe
from ossamma.pipeline.train_run import RUN_FILE, TrainOutcome, TrainRequest, train
from ossamma.schema.errors import CheckpointError

PROFILE = "rag9"
SETTINGS = (
    "model.hidden_size=128",
    "model.num_hidden_layers=2",
    "model.num_oscillators=128",
    "model.num_attention_heads=4",
    "tokenizer.vocab_size=2000",
    "training.epochs=8",
    "training.learning_rate=0.002",
)


def run_demo(
    out: Path, *, seed: int, overwrite: bool = False, console: Console | None = None
) -> TrainOutcome:
    """Write the corpus into `out`, train a small model on it, and evaluate it.

    Raises:
        CheckpointError: `out` holds something else, or an earlier run and `overwrite` is not set.
    """
    if out.exists() and any(out.iterdir()):
        if not (out / "run" / RUN_FILE).is_file() or not overwrite:
            raise CheckpointError(
                f"{out} is not empty; choose another folder with --out, or replace an earlier "
                "demonstration with --overwrite"
            )
        shutil.rmtree(out)
    corpus_folder = out / "corpus"
    corpus_folder.mkdir(parents=True)
    corpus = generate_demo_corpus(seed)
    files = {}
    for name in ("train", "dev", "test"):
        files[name] = corpus_folder / f"{name}.jsonl"
        write_jsonl(files[name], getattr(corpus, name))
    request = TrainRequest(
        profile=PROFILE,
        train=files["train"],
        dev=files["dev"],
        test=files["test"],
        out=out / "run",
        recipe=build_recipe(assignments=[*SETTINGS, f"training.seed={seed}"]),
    )
    return train(request, console)
