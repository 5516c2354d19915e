"""The demonstration: the whole way on the embedded corpus."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from ossamma.data.demo_corpus import DEFAULT_SIZES, DemoSizes, generate_demo_corpus
from ossamma.data.readers.jsonl import write_jsonl
from ossamma.pipeline.recipe import build_recipe
from ossamma.pipeline.run_folder import CORPUS_FOLDER, clear_run, refuse_used
from ossamma.pipeline.train_run import TrainOutcome, TrainRequest, train
from ossamma.schema.errors import CheckpointError

PROFILE = "rag9"
SETTINGS = (
    "model.hidden_size=128",
    "model.num_hidden_layers=2",
    "model.num_oscillators=128",
    "model.num_attention_heads=4",
    "tokenizer.vocab_size=2000",
    "training.epochs=12",
    "training.learning_rate=0.002",
)


def run_demo(
    out: Path,
    *,
    seed: int,
    overwrite: bool = False,
    console: Console | None = None,
    sizes: DemoSizes = DEFAULT_SIZES,
    settings: Sequence[str] = SETTINGS,
) -> TrainOutcome:
    """Write the corpus into `out`/corpus, train a small model on it in `out`, and evaluate it.

    Args:
        out: becomes a run folder.
        seed: decides the corpus and the weights.
        overwrite: replace an earlier demonstration in `out`.
        console: where to tell of the progress.
        sizes: number of documents of each side.
        settings: assignments of the recipe.

    Raises:
        CheckpointError: `out` holds something else, or an earlier run and `overwrite` is not set.
    """
    recipe = build_recipe(assignments=[*settings, f"training.seed={seed}"])
    if overwrite:
        clear_run(out)
    refuse_used(out)
    corpus_folder = out / CORPUS_FOLDER
    try:
        corpus_folder.mkdir(parents=True)
    except OSError as error:
        raise CheckpointError(
            f"cannot make {corpus_folder}: {error.strerror}; choose another folder with --out, or "
            "replace an earlier demonstration with --overwrite"
        ) from error
    corpus = generate_demo_corpus(seed, sizes)
    files = {}
    for name in ("train", "dev", "test"):
        files[name] = corpus_folder / f"{name}.jsonl"
        write_jsonl(files[name], getattr(corpus, name))
    request = TrainRequest(
        profile=PROFILE,
        train=files["train"],
        dev=files["dev"],
        test=files["test"],
        out=out,
        recipe=recipe,
    )
    return train(request, console)
