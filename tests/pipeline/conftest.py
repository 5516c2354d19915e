"""One trained run for the tests that only look at one."""

from __future__ import annotations

import pytest

from tests import tiny


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """A finished run on the tiny corpus, with its request and outcome."""
    folder = tmp_path_factory.mktemp("trained")
    return tiny.train_native(folder)


@pytest.fixture
def files(tmp_path):
    """Paths of a tiny corpus."""
    return tiny.corpus(tmp_path / "corpus")
