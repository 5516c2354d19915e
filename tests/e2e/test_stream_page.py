"""The commands and the code of the page on streams run as they stand, in order, at real brokers."""

from __future__ import annotations

import json
import logging
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ossamma.cli.app import app
from tests.ingestion.streaming.servers import server_or_skip

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "stream.md").read_text(encoding="utf-8")
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(280)]


@pytest.fixture
def servers(tmp_path):
    if shutil.which("redis-cli") is None:
        pytest.skip("redis-cli is not installed")
    found = {}
    for kind in ("redis", "nats"):
        (tmp_path / kind).mkdir()
        found[kind] = server_or_skip(kind, tmp_path / kind)
    yield found
    for server in found.values():
        server.stop()


def at_home(code: str, servers) -> str:
    """The page's code with the ports of these servers."""
    for kind, server in servers.items():
        code = re.sub(rf"({kind}://127\.0\.0\.1)", rf"\1:{server.port}", code)
    return code


@pytest.fixture
def logs():
    """The root's logging afterwards as before: the verb makes its own."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = before


def said_by(line: str, servers) -> str:
    program, *words = shlex.split(at_home(line, servers))
    if program == "ossamma":
        done = CliRunner().invoke(app, words)
        assert done.exit_code == 0, f"{line}\n{done.output}"
        return done.stdout
    assert program == "redis-cli"
    return output_of([program, "-e", "-p", str(servers["redis"].port), *words])


def output_of(words: list[str]) -> str:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{words}\n{done.stdout}{done.stderr}"
    return done.stdout


def test_every_command_of_the_page_succeeds(servers, logs, tmp_path, monkeypatch):
    (tmp_path / "twin").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    said = []
    for kind, block in re.findall(r"```(console|python)\n(.*?)```", PAGE, re.DOTALL):
        if kind == "python":
            said.append(output_of([sys.executable, "-c", at_home(block, servers)]))
        else:
            said += [said_by(line[2:], servers) for line in block.splitlines()]
    assert len(said) >= 10
    assert "1 messages with 2 mentions written, 1 dead letters" in said[2]
    assert json.loads(said[3])["documents"] == 1
    assert "1 messages" in said[5]
    assert json.loads(said[6])["written"] == 1
    assert "Barack Obama" in said[8]
    assert "expected a field text" in said[9]
