"""`ossamma data suspects` does what its page in the documentation says."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ossamma.cli.app import app
from ossamma.data.readers.jsonl import write_jsonl
from tests import tiny

DOCS = (Path(__file__).resolve().parents[2] / "docs" / "label-noise.md").read_text("utf-8")
RUNNER = CliRunner()


def commands():
    (block,) = re.findall(r"```console\n(.*?)```", DOCS, re.DOTALL)
    return [line[2:] for line in block.splitlines() if line.startswith("$ ")]


@pytest.mark.e2e
def test_the_commands_of_the_page_work(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_jsonl("train.jsonl", tiny.documents(40, 5))
    write_jsonl("test.jsonl", tiny.documents(10, 7, "t"))
    (tmp_path / "small.yaml").write_text(
        "model: {hidden_size: 16, num_hidden_layers: 1, num_attention_heads: 2, "
        "num_oscillators: 4, time_dimension: 4, word_feature_width: 4, "
        "word_features: [[lower, 50], [shape, 30]]}\n"
        "tokenizer: {vocab_size: 280}\n"
        "training: {epochs: 2, batch_size: 4, num_threads: 1, window_pieces: 60}\n"
    )
    lines = commands()
    assert len(lines) == 4
    for line in lines:
        words = shlex.split(line)
        result = RUNNER.invoke(app, words[1:])
        assert result.exit_code == 0, result.output
        if words[:3] != ["ossamma", "data", "suspects"]:
            continue
        out = Path(words[words.index("--out") + 1])
        named = re.findall(r"^\| `([a-z.]+)` \|", DOCS, re.MULTILINE)
        assert len(named) == 5
        assert all((out / name).is_file() for name in named)
        content = json.loads((out / "suspects.json").read_text())
        assert content["source"]["path"] == words[words.index("--train") + 1]
    rows = (Path("suspects/test") / "review.csv").read_text().splitlines()
    assert rows[0].endswith(",verdict")
    suspects = (Path("suspects/test") / "suspects.jsonl").read_text().splitlines()
    assert len(rows) == 1 + min(20, len(suspects))
    noise = json.loads(Path("report/report.json").read_text())["label_noise"]
    assert noise["sources"][0]["suspects"] == len(suspects)
    filled = [rows[0], *(f"{row}model" for row in rows[1:])]
    (Path("suspects/test") / "review.csv").write_text("\n".join(filled))
    result = RUNNER.invoke(app, ["data", "review", "suspects/test"])
    assert result.exit_code == 0, result.output
    assert "the annotation is wrong at about" in result.output


def test_suspects_are_for_a_report(tmp_path):
    file = tmp_path / "few.jsonl"
    write_jsonl(file, tiny.documents(2, 1))
    options = ["--pred", str(file), "--gold", str(file), "--suspects", str(tmp_path)]
    result = RUNNER.invoke(app, ["evaluate", *options])
    assert result.exit_code == 2
    assert "give --out DIR" in " ".join(result.output.split())


def test_faults_are_told_in_words(tmp_path):
    file = tmp_path / "few.jsonl"
    write_jsonl(file, tiny.documents(2, 1))
    options = ["--profile", "native", "--train", str(file), "--out", str(tmp_path / "out")]
    result = RUNNER.invoke(app, ["data", "suspects", *options, "--preset", "tiny"])
    assert result.exit_code == 2
    assert "give fewer folds" in result.output
    result = RUNNER.invoke(app, ["data", "suspects", *options, "--folds", "0"])
    assert result.exit_code == 2
