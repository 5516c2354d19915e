"""Fixtures of the readers' tests."""

from __future__ import annotations

import pytest


@pytest.fixture
def reading(tmp_path):
    """Make a function that writes a file and reads it with a reader and its settings."""

    def make(name, reader, settings):
        def write_and_read(content, *, name=name, **options):
            path = tmp_path / name
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
            return reader(path, settings(**options))

        return write_and_read

    return make
