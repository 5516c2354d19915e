"""A push brings a hub exactly the release's files; what is no release never leaves the machine.

The hub is a fake of ours: what the real one answers beyond these requests is not tested.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from ossamma.export.bundle import load, save_bundle
from ossamma.export.manifest import verify
from ossamma.export.release import ReleaseContent, as_released, write_release
from tests import tiny
from tests.export.fake_hub import TOKEN, running_hub

FACTS = {"checkpoint_epoch": 3.0, "val_f1": 0.5, "profile": "native"}
REPO = "acme/ner"

pytestmark = pytest.mark.slow


@pytest.fixture
def release(tmp_path):
    pieces = tiny.tokenizer()
    save_bundle(tmp_path / "b", tiny.model(pieces), pieces, tiny.PROFILE, facts=FACTS)
    model = as_released(load(tmp_path / "b").model, "fp32")
    write_release(
        tmp_path / "b",
        tmp_path / "r",
        model,
        ReleaseContent(files={"README.md": b"---\nlicense: mit\n---\n# A card\n"}),
    )
    return tmp_path / "r"


@pytest.fixture
def hub():
    with running_hub() as running:
        yield running


def push(hub, bundle, *options, token=TOKEN):
    """Push in a process of its own: the client reads its environment when it is imported."""
    environment = {
        "HF_HUB_OFFLINE": "0",
        "HF_TOKEN": token,
        "HF_ENDPOINT": hub.url,
        "HF_HUB_DISABLE_XET": "1",
        "HF_HOME": str(bundle.parent / "hf"),
        "NO_PROXY": "127.0.0.1",
    }
    return subprocess.run(
        [sys.executable, "-m", "ossamma.cli.app", "push", str(bundle), REPO, *options],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def content_of(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_repository_holds_the_release_and_nothing_else(hub, release, tmp_path):
    done = push(hub, release)
    assert done.returncode == 0, done.stderr
    assert f"pushed: {hub.url}/{REPO}/commit/" in done.stdout
    assert hub.files[REPO] == content_of(release)
    assert hub.repos[REPO]["visibility"] == "private"
    assert hub.commits == [f"Release {verify(release)['checksum'][:12]}"]
    fetched = tmp_path / "fetched"
    fetched.mkdir()
    for name, data in hub.files[REPO].items():
        (fetched / name).write_bytes(data)
    text = "Ada Lovelace met Alan Turing in Oslo"
    assert load(fetched).recognise([text]) == load(release).recognise([text])


def test_a_second_push_removes_what_the_release_no_longer_has(hub, release):
    assert push(hub, release, "--public", "--message", "first").returncode == 0
    hub.files[REPO]["calibration.json"] = b"{}"
    done = push(hub, release)
    assert done.returncode == 0, done.stderr
    assert hub.files[REPO] == content_of(release)
    assert hub.commits[0] == "first"
    assert hub.repos[REPO]["visibility"] == "public"


def test_what_is_damaged_or_no_release_is_not_sent(hub, release, tmp_path):
    done = push(hub, tmp_path / "b")
    assert done.returncode == 2
    assert "is no release" in done.stderr
    (release / "labels.json").write_text("{}")
    done = push(hub, release)
    assert done.returncode == 2
    assert "labels.json is damaged" in done.stderr
    assert hub.asked == []


def test_a_hub_that_refuses_is_an_error_of_one_line(hub, release):
    done = push(hub, release, token="hf_wrong")
    assert done.returncode == 2
    assert "cannot push" in done.stderr
    assert "Traceback" not in done.stderr
    assert hub.files == {}
