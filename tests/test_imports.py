"""What is light stays light: neither the package, nor its help, nor its lower floors load torch."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import ossamma
from ossamma.schema import spans

SOURCE = Path(__file__).resolve().parents[1] / "src"
HEAVY = frozenset({"torch", "transformers", "accelerate", "spacy", "tensorboard", "sklearn"})

REPORT = (
    "import json, sys; print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
)


def loaded_by(code: str) -> set[str]:
    """Top-level packages that a fresh interpreter has loaded after running `code`."""
    path = os.pathsep.join(filter(None, [str(SOURCE), os.environ.get("PYTHONPATH")]))
    result = subprocess.run(
        [sys.executable, "-c", f"{code}\n{REPORT}"],
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return set(json.loads(result.stdout.splitlines()[-1]))


def modules_of(room: str) -> str:
    """Code that imports every module of a room but the doors to spaCy, which loads torch itself."""
    files = sorted((SOURCE / "ossamma" / room).rglob("*.py"))
    files = [file for file in files if file.name != "docbin.py"]
    names = [".".join(file.relative_to(SOURCE).with_suffix("").parts) for file in files]
    return "\n".join(f"import {name.removesuffix('.__init__')}" for name in names)


HELP = """
import sys
from ossamma.cli.app import main
sys.argv = ["ossamma", "--help"]
try:
    main()
except SystemExit as stop:
    assert not stop.code, stop.code
"""


@pytest.mark.parametrize(
    "code",
    [
        pytest.param("import ossamma", id="the package"),
        pytest.param("import ossamma; ossamma.Entity, ossamma.__version__", id="its light names"),
        pytest.param("import ossamma.cli.app", id="the command line"),
        pytest.param(HELP, id="its help"),
        pytest.param(modules_of("schema"), id="schema"),
        pytest.param(modules_of("data"), id="data"),
    ],
)
def test_light_code_loads_nothing_heavy(code):
    assert loaded_by(code) & HEAVY == set()


def test_the_measure_sees_torch():
    assert "torch" in loaded_by("import torch") & HEAVY


AUTO = "from transformers import AutoConfig, AutoModelForTokenClassification as Tagger"
CONFIG = "AutoConfig.for_model('ossamma')"


@pytest.mark.slow
@pytest.mark.parametrize(
    "code",
    [
        f"import ossamma; from transformers import AutoConfig; {CONFIG}",
        f"from transformers import AutoConfig; import ossamma; {CONFIG}",
        f"import ossamma; {AUTO}; assert type({CONFIG}) in Tagger._model_mapping",
        f"{AUTO}; import ossamma; assert type({CONFIG}) in Tagger._model_mapping",
        "import ossamma, transformers.models.auto.modeling_auto as m; m.__spec__.loader.path",
    ],
)
def test_the_auto_classes_know_our_models_after_the_import_in_either_order(code):
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr


def test_the_console_script_answers():
    script = Path(sys.executable).with_name("ossamma")
    if not script.exists():
        pytest.skip("needs an installed package: there is no `ossamma` beside this interpreter")
    result = subprocess.run([script, "--help"], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert "Usage" in result.stdout


def test_lazy_names_are_the_things_themselves():
    assert ossamma.Entity is spans.Entity
    assert ossamma.Document is spans.Document
    assert ossamma.Span is spans.Span
    assert ossamma.load is import_module("ossamma.export.bundle").load


@pytest.mark.parametrize("name", ossamma.__all__)
def test_every_public_name_exists_and_is_listed(name):
    assert getattr(ossamma, name) is not None
    assert name in dir(ossamma)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="'nothing'"):
        _ = ossamma.nothing
