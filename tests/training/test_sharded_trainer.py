"""Pre-training in shards: the command on two processes yields the encoder of one, also resumed."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys

import pytest
from safetensors.torch import load_file

from ossamma.schema.errors import ConfigurationError
from ossamma.training.pretrain_settings import PretrainSettings

NAMES = ("one", "two", "three", "four", "five", "six", "seven", "eight")
SETTINGS = (
    "model.hidden_size=32",
    "model.num_hidden_layers=2",
    "model.num_attention_heads=2",
    "model.num_oscillators=16",
    "model.time_dimension=8",
    "model.dropout=0.0",
    "tokenizer.vocab_size=290",
    "pretraining.batch_pieces=512",
    "pretraining.max_steps=6",
    "pretraining.evaluate_every=2",
    "pretraining.checkpoint_every=3",
    "pretraining.warmup_steps=2",
    "pretraining.learning_rate=3e-3",
    "pretraining.precision=fp32",
    "pretraining.held_out_rows=4",
    "pretraining.num_threads=1",
)


def pretrain(folder, name, *settings, processes=1, options=()):
    start = [sys.executable, "-m"]
    if processes > 1:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        start += ["torch.distributed.run", f"--nproc-per-node={processes}"]
        start += ["--master-addr=127.0.0.1", f"--master-port={port}", "-m"]
    assigned = [part for each in (*SETTINGS, *settings) for part in ("--set", each)]
    result = subprocess.run(
        [
            *(*start, "ossamma.cli.app", "pretrain"),
            *("--text", "t.txt", "--out", name, *assigned, *options),
        ],
        env={**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr[-4000:]
    lines = (folder / name / "metrics.jsonl").read_text().splitlines()
    weights = load_file(folder / name / "encoder" / "model.safetensors")
    return weights, [json.loads(line) for line in lines]


def figures(lines, name):
    return [line[name] for line in lines if name in line]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_command_on_two_processes_yields_the_encoder_of_one(tmp_path):
    text = "\n\n".join(
        " ".join(NAMES[(n + k) % 8] for k in range(5 + n % 20)) + f" {n}" for n in range(400)
    )
    (tmp_path / "t.txt").write_text(text)
    one, log_of_one = pretrain(tmp_path, "one", "pretraining.gradient_accumulation_steps=2")
    sharded = ("pretraining.gradient_accumulation_steps=1", "pretraining.parallel=fsdp")
    two, log_of_two = pretrain(tmp_path, "two", *sharded, processes=2)
    assert one.keys() == two.keys()
    for name, expected in one.items():
        assert float((two[name] - expected).abs().max()) <= 1e-5, name
    for name in ("loss", "grad_norm", "eval_bound"):
        expected = figures(log_of_one, name)
        assert len(expected) == 3
        assert figures(log_of_two, name) == pytest.approx(expected, rel=1e-4)
    # As if it had been killed in its last steps.
    run = tmp_path / "two"
    shutil.rmtree(run / "checkpoints" / "checkpoint-6")
    shutil.rmtree(run / "encoder")
    again, _ = pretrain(tmp_path, "two", *sharded, processes=2, options=["--resume"])
    for name, expected in two.items():
        assert (again[name] == expected).all(), name


@pytest.mark.parametrize(
    "settings", [{"optimizer": "muon"}, {"precision": "fp16"}, {"compile": True}], ids=str
)
def test_what_shards_cannot_do_is_refused(settings):
    with pytest.raises(ConfigurationError, match="with parallel fsdp, got"):
        PretrainSettings(parallel="fsdp", **settings)
