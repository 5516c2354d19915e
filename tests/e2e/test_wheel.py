"""The wheel alone is enough: installed without an index, `ossamma extract` finds entities."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MOST_BYTES = 16 * 1024 * 1024
"""Of the bundle that comes with the package."""

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]


def run(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, check=False, **options
    )
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    options = ("--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir")
    run("-m", "pip", "wheel", "-q", *options, str(folder), str(ROOT))
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("installed")
    options = ("--no-deps", "--no-index", "--target")
    run("-m", "pip", "install", "-q", *options, str(folder), str(wheel))
    return folder


def test_extract_works_with_nothing_but_the_wheel(installed: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(installed), "HF_HUB_OFFLINE": "1"}
    environment.pop("OSSAMMA_BUNDLE", None)
    place = "import ossamma; print(ossamma.__file__)"
    found = run("-c", place, env=environment, cwd=tmp_path).stdout.strip()
    assert Path(found).is_relative_to(installed), "the checkout must not be what runs"
    text = "Barack Obama visited Berlin."
    command = ("-m", "ossamma.cli.app", "extract", "--json")
    answer = json.loads(run(*command, env=environment, cwd=tmp_path, input=text).stdout)
    assert [(e["text"], e["label"]) for e in answer["entities"]] == [
        ("Barack Obama", "PERSON"),
        ("Berlin", "PLACE"),
    ]


def test_it_holds_the_whole_bundle_and_no_more_than_it_may(wheel: Path) -> None:
    bundle = ROOT / "src" / "ossamma" / "export" / "shipped_bundles" / "rag9"
    inside = "ossamma/export/shipped_bundles/rag9/"
    with zipfile.ZipFile(wheel) as archive:
        sizes = {
            info.filename.removeprefix(inside): info.file_size
            for info in archive.infolist()
            if info.filename.startswith(inside)
        }
    assert sizes == {path.name: path.stat().st_size for path in bundle.iterdir()}
    assert sum(sizes.values()) <= MOST_BYTES
