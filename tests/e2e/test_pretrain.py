"""Pre-training on two processes: the same weights as on one, and killed anywhere, to the bit."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from ossamma.data.readers.jsonl import write_jsonl
from tests import tiny

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs POSIX signals"),
    pytest.mark.skipif(not torch.distributed.is_available(), reason="torch without distributed"),
]

SETTINGS = (
    "model.hidden_size=16",
    "model.num_hidden_layers=1",
    "model.num_attention_heads=2",
    "model.num_oscillators=4",
    "model.time_dimension=4",
    "tokenizer.vocab_size=280",
    "pretraining.max_steps=24",
    "pretraining.batch_pieces=512",
    "pretraining.warmup_steps=2",
    "pretraining.learning_rate=0.01",
    "pretraining.precision=fp32",
    "pretraining.evaluate_every=8",
    "pretraining.checkpoint_every=4",
    "pretraining.held_out_rows=4",
    "pretraining.num_threads=1",
)


def start(text: Path, run: Path, *assignments: str, processes: int, resume: bool = False):  # type: ignore[no-untyped-def]
    """Start `ossamma pretrain`, under torchrun for several processes."""
    line = [sys.executable, "-m"]
    if processes > 1:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        line += ["torch.distributed.run", f"--nproc-per-node={processes}"]
        line += ["--master-addr=127.0.0.1", f"--master-port={port}", "-m"]
    line += ["ossamma.cli.app", "pretrain", "--text", str(text), "--out", str(run)]
    # Dropout draws other numbers on another number of processes.
    for assignment in (*SETTINGS, *assignments):
        line += ["--set", assignment]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    with (run.parent / f"{run.name}.log").open("ab") as log:
        return subprocess.Popen(
            [*line, *(["--resume"] if resume else [])],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=log,
        )


def finish(process: subprocess.Popen[bytes], run: Path) -> dict[str, torch.Tensor]:
    assert process.wait(timeout=300) == 0, (run.parent / f"{run.name}.log").read_text()
    return load_file(run / "encoder" / "model.safetensors")


@pytest.fixture
def text(tmp_path: Path) -> Path:
    write_jsonl(tmp_path / "text.jsonl", tiny.documents(400, seed=1))
    return tmp_path / "text.jsonl"


def test_two_processes_do_what_one_does_with_two_batches_a_step(text: Path, tmp_path: Path) -> None:
    undropped = "model.dropout=0.0"
    one = finish(
        start(
            text,
            tmp_path / "one",
            undropped,
            "pretraining.gradient_accumulation_steps=2",
            processes=1,
        ),
        tmp_path / "one",
    )
    two = finish(
        start(
            text,
            tmp_path / "two",
            undropped,
            "pretraining.gradient_accumulation_steps=1",
            processes=2,
        ),
        tmp_path / "two",
    )
    assert one.keys() == two.keys()
    for name in one:
        # Sums in another order, through 24 steps of Adam.
        torch.testing.assert_close(one[name], two[name], rtol=1e-3, atol=1e-4, msg=name)


def test_a_run_on_two_processes_that_is_killed_ends_with_the_same_bits(
    text: Path, tmp_path: Path
) -> None:
    accumulate = "pretraining.gradient_accumulation_steps=1"
    whole = finish(start(text, tmp_path / "whole", accumulate, processes=2), tmp_path / "whole")
    run = tmp_path / "part"
    process = start(text, run, accumulate, processes=2)
    wait_for(run / "checkpoints" / "checkpoint-4" / "sealed.json", process)
    kill(process)
    part = finish(start(text, run, accumulate, processes=2, resume=True), run)
    assert whole.keys() == part.keys()
    assert all(torch.equal(whole[name], part[name]) for name in whole)


def wait_for(path: Path, process: subprocess.Popen[bytes]) -> None:
    """Wait until a file is there, or the process has ended."""
    deadline = time.monotonic() + 200
    while not path.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)


def kill(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL for torchrun and its workers, which are not in its process group."""
    listed = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(process.pid)], capture_output=True, check=False
    )
    for each in (process.pid, *map(int, listed.stdout.split())):
        try:
            os.kill(each, signal.SIGKILL)
        except ProcessLookupError:
            continue
    process.wait()
