"""The steps of the Dockerfile, in a fresh virtual environment instead of an image.

What other projects publish is not fetched: it is that of the environment that runs the tests.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.dockerfile import environment_of, instructions, last_stage, stages
from tests.serving.processes import await_ready

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = instructions(ROOT / "deploy" / "Dockerfile")
IMAGE = last_stage(DOCKERFILE)
PLACE = "/opt/ossamma"

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]


def run(words, **options):
    done = subprocess.run(words, capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
    return done.stdout


def bare_environment() -> dict[str, str]:
    """Nothing of ours that the shell may have set."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("OSSAMMA_") and name not in {"PYTHONPATH", "VIRTUAL_ENV"}
    }


def value_of(name: str) -> str:
    [value] = [value for key, value in IMAGE if key == name]
    return value


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Of what the first stage copies, and of nothing else."""
    source = tmp_path_factory.mktemp("source")
    copied = [rest.split()[:-1] for name, rest in stages(DOCKERFILE)[0] if name == "COPY"]
    for name in (name for names in copied for name in names):
        if (ROOT / name).is_dir():
            unwanted = shutil.ignore_patterns("__pycache__", "*.egg-info")
            shutil.copytree(ROOT / name, source / name, ignore=unwanted)
        else:
            shutil.copy(ROOT / name, source)
    folder = tmp_path_factory.mktemp("wheels")
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", folder]
    run([sys.executable, "-m", "pip", "wheel", "-q", *options, source])
    [path] = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def place(wheel, tmp_path_factory):
    """What /opt/ossamma is in the image."""
    place = tmp_path_factory.mktemp("opt") / "ossamma"
    run([sys.executable, "-m", "venv", "--without-pip", place])
    pip = [sys.executable, "-m", "pip", "--python", place / "bin" / "python"]
    run([*pip, "install", "-q", "--no-deps", "--no-index", wheel])
    [packages] = place.glob("lib/python*/site-packages")
    # Behind its own packages, so that the wheel is what runs.
    (packages / "others.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    found = run([place / "bin" / "python", "-c", "import ossamma; print(ossamma.__file__)"])
    assert Path(found.strip()).is_relative_to(place)
    return place


def test_the_image_checks_itself_before_it_is_made(place, tmp_path):
    [check] = [rest for name, rest in stages(DOCKERFILE)[1] if name == "RUN" and "extract" in rest]
    command = check.replace(PLACE, str(place)).replace("/tmp/text", str(tmp_path / "text"))
    answer = run(["sh", "-c", command], env=bare_environment(), cwd=tmp_path)
    assert [e["text"] for e in json.loads(answer)["entities"]] == ["Barack Obama", "Berlin"]


def test_the_container_serves_is_healthy_and_ends(place, tmp_path):
    """Its entry point, command, variables and health check, as they stand."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    variables = environment_of(IMAGE)
    path = variables["PATH"].replace(PLACE, str(place)).replace("$PATH", os.environ["PATH"])
    environment = bare_environment() | variables
    environment |= {"PATH": path, "OSSAMMA_PORT": port, "OSSAMMA_HOST": "127.0.0.1"}

    def health() -> int:
        words = json.loads(value_of("HEALTHCHECK").partition("CMD ")[2])
        done = subprocess.run(words, env=environment, capture_output=True, check=False)
        return done.returncode

    assert health() != 0, "nobody is there yet"
    words = json.loads(value_of("ENTRYPOINT")) + json.loads(value_of("CMD"))
    log = tmp_path / "log"
    with log.open("w", encoding="utf-8") as file:
        process = subprocess.Popen(words, env=environment, stderr=file, stdout=file, cwd=tmp_path)
    try:
        await_ready(process, log)
        assert health() == 0
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()
