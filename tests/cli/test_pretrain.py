"""`ossamma tokenizer train`, `ossamma pretrain` and `ossamma train --init`, one after the other."""

from __future__ import annotations

import json
import random
from pathlib import Path

from ossamma.data.readers.jsonl import write_jsonl
from ossamma.data.writers.conll import ConllOutput, write_conll
from ossamma.tokenization.words import split_words
from tests import tiny
from tests.pipeline.test_pretrain_run import SETTINGS
from tests.pipeline.test_text_corpora import article


def test_from_text_to_a_tagger(ossamma, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    write_jsonl(tmp_path / "text.jsonl", tiny.documents(300, seed=1))
    text, tokenizer, run = (tmp_path / name for name in ("text.jsonl", "tokenizer", "run"))
    made = ossamma(
        "tokenizer", "train", "--text", text, "--out", tokenizer, "--vocab-size", 280, "--json"
    )
    assert json.loads(made.stdout)["pieces"] == 280
    again = ossamma("tokenizer", "train", "--text", text, "--out", tokenizer)
    assert again.exit_code == 2
    assert "exists" in again.stderr
    options = [part for setting in SETTINGS for part in ("--set", setting)]
    done = ossamma(
        "pretrain",
        "--text",
        f"{text}:0.5",
        "--tokenizer",
        tokenizer,
        "--out",
        run,
        "--row-pieces",
        64,
        *options,
        "--json",
    )
    content = json.loads(done.stdout)
    assert content["steps"] == 4
    assert Path(content["encoder"]) == run / "encoder"
    write_jsonl(tmp_path / "train.jsonl", tiny.documents(20, seed=3))
    write_jsonl(tmp_path / "dev.jsonl", tiny.documents(10, seed=4))
    trained = ossamma(
        "train",
        "--init",
        run,
        "--profile",
        "native",
        "--train",
        tmp_path / "train.jsonl",
        "--dev",
        tmp_path / "dev.jsonl",
        "--out",
        tmp_path / "tagger",
        "--set",
        "training.epochs=1",
        "--json",
    )
    assert Path(json.loads(trained.stdout)["bundle"]).is_dir()


def test_a_text_that_is_not_there_is_named(ossamma, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    failed = ossamma("pretrain", "--text", tmp_path / "none.txt", "--out", tmp_path / "r")
    assert failed.exit_code == 2
    assert "none.txt" in failed.stderr
    assert not (tmp_path / "r").exists()


def test_the_commands_of_the_page_work(ossamma, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    page = Path(__file__).parents[2] / "docs" / "pretraining.md"
    commands = [
        line.split() for line in page.read_text().splitlines() if line.startswith("    ossamma ")
    ]
    verbs = [command[1] for command in commands]
    assert verbs == ["tokenizer", "pretrain", "train", "data", "pretrain"]
    write_jsonl(tmp_path / "news.jsonl", tiny.documents(300, seed=1))
    (tmp_path / "papers.txt").write_text("\n\n".join(d.text for d in tiny.documents(90, seed=2)))
    write_jsonl(tmp_path / "test.jsonl", tiny.documents(3, seed=9))
    generator = random.Random(1)
    articles = "\n\n".join(article(generator) for _ in range(300))
    (tmp_path / "articles.txt").write_text(articles)
    (tmp_path / "texts.yaml").write_text(
        "sources: [{name: articles, path: articles.txt, format: text}]"
    )
    output = ConllOutput(split_words=split_words)
    for name, seed in (("train", 3), ("dev", 4)):
        write_conll(tmp_path / f"{name}.conll", tiny.documents(20, seed=seed), output)
    small = {
        "pretrain": [part for setting in SETTINGS for part in ("--set", setting)],
        "train": ["--set", "training.epochs=1"],
    }
    for command in commands:
        result = ossamma(*command[1:], *small.get(command[1], []))
        assert result.exit_code == 0, result.output
    assert (tmp_path / "runs" / "tagger" / "bundle").is_dir()
    assert (tmp_path / "runs" / "prepared" / "encoder").is_dir()
