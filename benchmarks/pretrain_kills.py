r"""Kill a pre-training run again and again, and compare its weights with an undisturbed run's.

The run is killed with SIGKILL (all of its processes) a moment after it has passed a random step,
and resumed, until it has been killed so many times; then it may end. The encoder must have the same
bytes as that of a run that nobody disturbed.

    python benchmarks/pretrain_kills.py --text text.jsonl --out runs/kills --kills 10
    python benchmarks/pretrain_kills.py --text text.jsonl --out runs/kills2 --kills 10 --processes 2
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil

SETTINGS = (
    "model.hidden_size=32",
    "model.num_hidden_layers=2",
    "model.num_attention_heads=2",
    "model.num_oscillators=16",
    "model.time_dimension=8",
    "model.dropout=0.1",
    "tokenizer.vocab_size=400",
    "pretraining.batch_pieces=1024",
    "pretraining.gradient_accumulation_steps=1",
    "pretraining.warmup_steps=5",
    "pretraining.learning_rate=3e-3",
    "pretraining.precision=fp32",
    "pretraining.held_out_rows=8",
    "pretraining.num_threads=1",
)


def command(arguments: argparse.Namespace, run: Path, *, resume: bool) -> list[str]:
    """The `ossamma pretrain` command, under torchrun for several processes."""
    start = [sys.executable, "-m"]
    if arguments.processes > 1:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        start += [
            "torch.distributed.run",
            f"--nproc-per-node={arguments.processes}",
            "--master-addr=127.0.0.1",
            f"--master-port={port}",
            "-m",
        ]
    settings = (
        *SETTINGS,
        f"pretraining.max_steps={arguments.steps}",
        f"pretraining.evaluate_every={arguments.steps // 4}",
        f"pretraining.checkpoint_every={max(arguments.steps // 20, 1)}",
    )
    options = [part for setting in settings for part in ("--set", setting)]
    options += ["--resume"] if resume else []
    options += [part for text in arguments.text for part in ("--text", str(text))]
    return [*start, "ossamma.cli.app", "pretrain", "--out", str(run), *options]


def start(line: list[str]) -> subprocess.Popen[bytes]:
    """Start a command; what it says stays silent unless it fails."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    return subprocess.Popen(
        line,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def kill(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL for a process and all that it started: torchrun's workers are in no common group."""
    everyone = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    for each in everyone:
        with suppress(psutil.NoSuchProcess):
            each.kill()
    psutil.wait_procs(everyone[1:], timeout=30)
    process.communicate()


def finish(line: list[str]) -> float:
    """Run a command to its end and return its seconds; a failure shows what it said."""
    began = time.monotonic()
    process = start(line)
    _, errors = process.communicate()
    if process.returncode:
        raise SystemExit(f"exit code {process.returncode}: {errors.decode()[-2000:]}")
    return time.monotonic() - began


def steps_done(run: Path) -> int:
    """The newest sealed checkpoint of a run."""
    sealed = (run / "checkpoints").glob("checkpoint-*/sealed.json")
    return max((int(path.parent.name.rpartition("-")[2]) for path in sealed), default=0)


def kill_again_and_again(arguments: argparse.Namespace, run: Path) -> list[int]:
    """Kill the run past random steps; return the step that each attempt could start from."""
    generator = random.Random(arguments.seed)
    targets = sorted(generator.sample(range(arguments.steps * 9 // 10), arguments.kills))
    found: list[int] = []
    for target in targets:
        process = start(command(arguments, run, resume=(run / "run.json").exists()))
        while steps_done(run) < target - arguments.steps // 20 or not (run / "run.json").exists():
            if process.poll() is not None:
                _, errors = process.communicate()
                raise SystemExit(f"it ended by itself: {errors.decode()[-2000:]}")
            time.sleep(0.05)
        # Somewhere between two checkpoints, or while one is written.
        time.sleep(generator.uniform(0.0, arguments.patience))
        kill(process)
        found.append(steps_done(run))
    return found


def digest(run: Path) -> str:
    """SHA-256 of the encoder's weights."""
    return hashlib.sha256((run / "encoder" / "model.safetensors").read_bytes()).hexdigest()


def main() -> None:
    """Run, kill, compare, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--text", type=Path, action="append", required=True)
    parser.add_argument("--out", type=Path, required=True, help="a new folder")
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--patience", type=float, default=3.0, help="most seconds before a blow")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True)
    whole, part = arguments.out / "whole", arguments.out / "part"
    seconds = finish(command(arguments, whole, resume=False))
    found = kill_again_and_again(arguments, part)
    finish(command(arguments, part, resume=True))
    same = digest(whole) == digest(part)
    facts = {
        "processes": arguments.processes,
        "kills": len(found),
        "resumed_from_steps": found,
        "steps": arguments.steps,
        "undisturbed_seconds": round(seconds, 1),
        "same_weights": same,
    }
    print(json.dumps(facts) if arguments.json else f"{facts}")
    raise SystemExit(0 if same else 1)


if __name__ == "__main__":
    main()
