"""The import contracts are part of the tests, and a planted offence breaks each of them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = Path("src", "ossamma")

LAYERS = "Imports go down the house only, and every room has a floor"
SERVER = "What serves does not carry the workshop"
TEXT = "What handles text and entities sees a Recogniser, never a network"
SCORE = "Training receives evaluate(model) as a callable"
RINGS = "No rings among siblings"


def lint_imports(root: Path) -> subprocess.CompletedProcess[str]:
    """Check the package below `root` by the contracts in its pyproject.toml."""
    command = "import sys; from importlinter.cli import lint_imports as lint; sys.exit(lint())"
    return subprocess.run(
        [sys.executable, "-c", command],
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(root / "src"), "NO_COLOR": "1", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A copy of the source tree and its contracts, to offend in."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copytree(
        ROOT / PACKAGE, tmp_path / PACKAGE, ignore=shutil.ignore_patterns("__pycache__")
    )
    return tmp_path


def plant(house: Path, files: dict[str, str]) -> None:
    for name, code in files.items():
        path = house / PACKAGE / name
        path.parent.mkdir(exist_ok=True)
        (path.parent / "__init__.py").touch()
        path.write_text(code, encoding="utf-8")


def test_the_house_keeps_its_contracts():
    result = lint_imports(ROOT)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize(
    ("files", "contract"),
    [
        ({"schema/planted.py": "import ossamma.data"}, LAYERS),
        ({"model/planted.py": "import ossamma.inference"}, LAYERS),
        ({"training/planted.py": "from ossamma import cli"}, LAYERS),
        ({"attic/planted.py": "import json"}, LAYERS),  # a room without a floor
        (
            {"training/planted.py": "import ossamma.spacy_path", "spacy_path/planted.py": ""},
            LAYERS,
        ),
        ({"inference/planted.py": "import ossamma.data"}, SERVER),
        ({"inference/planted.py": "import typer"}, SERVER),
        ({"serving/planted.py": "import ossamma.training"}, SERVER),
        ({"schema/planted.py": "import torch"}, TEXT),
        ({"data/planted.py": "from transformers import AutoTokenizer"}, TEXT),
        (
            {
                "graph/planted.py": "import ossamma.model.planted",
                "model/planted.py": "import torch",
            },
            TEXT,
        ),
        ({"ingestion/planted.py": "import torch"}, TEXT),
        ({"training/planted.py": "import ossamma.evaluation"}, SCORE),
        (
            {
                "model/planted.py": "import ossamma.model.other",
                "model/other.py": "import ossamma.model.planted",
            },
            RINGS,
        ),
    ],
)
def test_an_offence_breaks_its_contract(house, files, contract):
    plant(house, files)
    result = lint_imports(house)
    assert f"{contract} BROKEN" in result.stdout, result.stdout + result.stderr
    assert result.returncode == 1
