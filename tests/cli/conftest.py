"""The command line in this process, and one trained run for it to use."""

from __future__ import annotations

import logging
import warnings

import pytest
from transformers.utils import logging as transformers_logging
from typer.testing import CliRunner

from ossamma.cli.app import app
from tests import tiny


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """A finished run on the tiny corpus."""
    return tiny.train_native(tmp_path_factory.mktemp("trained"))


@pytest.fixture
def files(tmp_path):
    """Paths of a tiny corpus."""
    return tiny.corpus(tmp_path / "corpus")


@pytest.fixture
def ossamma(monkeypatch, tmp_path):
    """Run the command with these arguments in an empty folder; return what came of it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OSSAMMA_BUNDLE", raising=False)
    monkeypatch.setenv("COLUMNS", "120")
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    verbosity = transformers_logging.get_verbosity()
    with warnings.catch_warnings():
        yield lambda *arguments, **options: CliRunner().invoke(
            app, [str(argument) for argument in arguments], **options
        )
    # The command quietens other people's libraries for its process, which here is ours.
    root.handlers, root.level = handlers, level
    transformers_logging.set_verbosity(verbosity)
    transformers_logging.enable_progress_bar()
