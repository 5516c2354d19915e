"""`ossamma demo` ends with a command that works."""

from __future__ import annotations

import json
import shlex

import pytest

from ossamma.data.demo_corpus import DemoSizes
from ossamma.pipeline import demo as pipeline_demo
from tests import tiny

pytestmark = pytest.mark.e2e


@pytest.fixture
def small(monkeypatch):
    """The demonstration with a smaller corpus and model: everything else is as it is."""
    options = {"sizes": DemoSizes(train=12, dev=6, test=6), "settings": tiny.ASSIGNMENTS}
    monkeypatch.setattr(pipeline_demo.run_demo, "__kwdefaults__", {
        **pipeline_demo.run_demo.__kwdefaults__, **options
    })  # fmt: skip


@pytest.mark.parametrize("out", ["runs/demo", "a folder/demo"])
def test_the_command_that_it_shows_works(ossamma, small, tmp_path, out):
    result = ossamma("demo", "--out", out, "--text", "Marie Curie visited Oslo .")
    assert result.exit_code == 0, result.stderr
    assert "Curie" in result.stdout
    hint = result.stdout.splitlines()[-1]
    assert hint.startswith("next: echo '...' | ossamma extract --bundle ")
    arguments = shlex.split(hint.partition("| ossamma ")[2])
    found = ossamma(*arguments, "--json", input=b"Marie Curie visited Oslo.")
    assert found.exit_code == 0, found.stderr
    assert json.loads(found.stdout)["id"] == "stdin"


def test_it_overwrites_nothing_unasked(ossamma, small):
    assert ossamma("demo").exit_code == 0
    again = ossamma("demo")
    assert again.exit_code == 2
    assert "is not empty" in again.stderr
    assert ossamma("demo", "--overwrite").exit_code == 0
