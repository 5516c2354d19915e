"""Atomic writing: the old file or the new one, never a mixture, and nothing left behind."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from ossamma.schema.atomic import atomic_write
from ossamma.schema.errors import DataError


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("existing", [None, "old"])
def test_the_file_appears_at_the_end(tmp_path, existing):
    path = tmp_path / "file.txt"
    if existing is not None:
        path.write_text(existing, encoding="utf-8")
    with atomic_write(path) as file:
        file.write("é\nnew\n")
        file.flush()
        assert (path.read_text(encoding="utf-8") if path.exists() else None) == existing
    assert path.read_bytes() == "é\nnew\n".encode()
    assert names_in(tmp_path) == ["file.txt"]


def test_binary(tmp_path):
    path = tmp_path / "file.bin"
    with atomic_write(str(path), binary=True) as file:
        file.write(b"\x00\r\n\xff")
    assert path.read_bytes() == b"\x00\r\n\xff"


@pytest.mark.parametrize("fault", [RuntimeError, KeyboardInterrupt])
@pytest.mark.parametrize("existing", [None, "old"])
def test_a_failed_block_changes_nothing(tmp_path, existing, fault):
    path = tmp_path / "file.txt"
    if existing is not None:
        path.write_text(existing, encoding="utf-8")

    def write_half_and_fail():
        with atomic_write(path) as file:
            file.write("half")
            raise fault

    with pytest.raises(fault):
        write_half_and_fail()
    assert names_in(tmp_path) == ([] if existing is None else ["file.txt"])
    assert existing is None or path.read_text(encoding="utf-8") == existing


def test_the_mode_is_the_one_of_a_plain_file(tmp_path):
    with atomic_write(tmp_path / "atomic") as file:
        file.write("x")
    (tmp_path / "plain").write_text("x", encoding="utf-8")
    modes = {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("atomic", "plain")}
    assert len(modes) == 1


def test_a_link_is_followed(tmp_path):
    target = tmp_path / "target"
    target.write_text("old", encoding="utf-8")
    link = tmp_path / "link"
    link.symlink_to(target)
    with atomic_write(link) as file:
        file.write("new")
    assert link.is_symlink()
    assert target.read_text(encoding="utf-8") == "new"


def test_a_name_may_be_as_long_as_the_file_system_allows(tmp_path):
    path = tmp_path / ("n" * 255)
    with atomic_write(path) as file:
        file.write("x")
    assert path.read_text(encoding="utf-8") == "x"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing/file", "does not exist; create it first"),
        (".", "is a folder"),
        ("nul\0", "choose another name"),
        ("n" * 256, "cannot write"),
    ],
)
def test_an_impossible_place_is_refused(tmp_path, name, message):
    def write():
        with atomic_write(tmp_path / name) as file:
            file.write("x")

    with pytest.raises(DataError, match=message):
        write()
    assert names_in(tmp_path) == []
