"""The server as a process of its own, around a small random model."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from ossamma.export.bundle import save_bundle
from tests import tiny

TEXTS = tuple(
    f"{person} met {other} in {place} .\n{place} is old ."
    for person, other, place in zip(tiny.PEOPLE, tiny.PEOPLE[::-1], tiny.PLACES, strict=True)
)


def write_bundle(folder: Path, seed: int = 0) -> Path:
    """A bundle of a random model, whose answers vary."""
    pieces = tiny.tokenizer()
    facts = {"checkpoint_epoch": 1.0, "val_f1": 0.5, "profile": "native"}
    save_bundle(folder, tiny.model(pieces, seed=seed), pieces, tiny.PROFILE, facts=facts)
    return folder


class Process:
    """A server that runs."""

    def __init__(self, process: subprocess.Popen, log: Path, port: int) -> None:
        self.process = process
        self.log = log
        self.url = f"http://127.0.0.1:{port}"

    def send(self, signal_number: int) -> None:
        self.process.send_signal(signal_number)

    def lines(self) -> list[str]:
        return self.log.read_text(encoding="utf-8").splitlines()


def start(folder: Path, *arguments: str, port: int = 0) -> subprocess.Popen:
    """Start `ossamma serve`; its log goes to `folder`/log."""
    with (folder / "log").open("a", encoding="utf-8") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "ossamma.cli.app", "serve", "--port", str(port), *arguments],
            stderr=log,
            stdout=log,
            cwd=folder,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )


@contextmanager
def server(folder: Path, *arguments: str, port: int = 0) -> Iterator[Process]:
    """Start a server, wait until it is ready, and end it with the block."""
    process = start(folder, *arguments, port=port)
    try:
        yield await_ready(process, folder / "log")
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def await_ready(process: subprocess.Popen, log: Path) -> Process:
    """Wait until the last server that wrote to this log is ready."""
    end = time.monotonic() + 120
    while time.monotonic() < end:
        content = log.read_text(encoding="utf-8")
        assert process.poll() is None, content
        ports = re.findall(r"http://127\.0\.0\.1:(\d+)", content)
        if ports:
            try:
                if httpx.get(f"http://127.0.0.1:{ports[-1]}/ready").status_code == 200:
                    return Process(process, log, int(ports[-1]))
            except httpx.TransportError:
                pass
        time.sleep(0.1)
    raise AssertionError(f"not ready in time: {log.read_text(encoding='utf-8')}")
