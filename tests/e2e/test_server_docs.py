"""The commands and the code of the page about the server are run as they stand."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.serving.processes import server, write_bundle

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "server.md").read_text(encoding="utf-8")
ADDRESS = "http://127.0.0.1:8080"
CURL = shutil.which("curl")

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    """A running server."""
    folder = tmp_path_factory.mktemp("server")
    with server(folder, "--bundle", str(write_bundle(folder / "bundle"))) as running:
        yield running.url


def commands(program: str) -> list[str]:
    blocks = re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)
    lines = [line[2:] for block in blocks for line in block.splitlines()]
    return [line for line in lines if line.startswith(program)]


@pytest.mark.skipif(CURL is None, reason="curl is not installed")
def test_every_curl_gets_an_answer(url, tmp_path):
    (tmp_path / "report.txt").write_text("Ada Lovelace\nwas in Oslo.\n", encoding="utf-8")
    line = json.dumps({"id": 1, "text": "Ada Lovelace was in Oslo."})
    (tmp_path / "texts.jsonl").write_text(line + "\n", encoding="utf-8")
    found = commands("curl ")
    assert len(found) >= 11
    for command in found:
        words = shlex.split(command.replace(ADDRESS, url))
        done = subprocess.run(
            [*words, "--fail-with-body"], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}"
        if "/v1/stream" in command:
            assert json.loads(done.stdout.splitlines()[-1])["done"] is True
        elif "/metrics" in command:
            assert "ner_requests_total" in done.stdout
        else:
            json.loads(done.stdout)


def test_the_commands_about_alerts_work(url):
    for command in commands("ossamma alerts"):
        words = shlex.split(command.replace(ADDRESS, url))
        done = subprocess.run(
            [sys.executable, "-m", "ossamma.cli.app", *words[1:]],
            capture_output=True,
            text=True,
            check=False,
        )
        # A slow machine may well be slower than the plan allows.
        assert done.returncode == 0 or "OssammaLatency" in done.stdout, done.stdout + done.stderr


def test_the_python_example_runs(url, tmp_path):
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    done = subprocess.run(
        [sys.executable, "-c", code.replace(ADDRESS, url)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_every_metric_and_route_of_the_page_exists(url):
    import httpx  # noqa: PLC0415  an extra

    page = httpx.get(f"{url}/metrics").text
    for name in set(re.findall(r"`(ner_[a-z_0-9]+[a-z0-9])", PAGE)):
        assert f"# HELP {name}" in page or f"# HELP {name}_" in page, name
    paths = httpx.get(f"{url}/openapi.json").json()["paths"]
    for method, path in re.findall(r"`(GET|POST) (/\S+)`", PAGE):
        assert method.lower() in paths[path], path


def test_schemathesis_finds_no_fault_of_the_server(url, tmp_path):
    """Requests made from the OpenAPI document: none is answered with a 5xx."""
    pytest.importorskip("schemathesis", reason="schemathesis is not installed")
    done = subprocess.run(
        [
            Path(sys.executable).with_name("schemathesis"),
            "run",
            f"{url}/openapi.json",
            "--checks=not_a_server_error,response_schema_conformance,content_type_conformance",
            "--max-examples=40",
            "--seed=1",
            "--generation-database=none",
            "--exclude-path=/v1/stream",  # it makes no JSON lines; test_streaming.py does
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:]
