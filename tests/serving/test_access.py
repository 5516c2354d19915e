"""Keys are kept as hashes, and a key file that is wrong is refused without showing it."""

from __future__ import annotations

import pytest

from ossamma.schema.errors import ConfigurationError
from ossamma.serving.access import KeyRing, Role, new_key, read_keys


def test_a_key_is_known_by_its_hash_alone(tmp_path):
    key, kept = new_key("alice", Role.USE)
    other, kept_too = new_key("root", Role.ADMIN)
    path = tmp_path / "keys"
    path.write_text(f"# ours\n\n{kept.line}\n{kept_too.line}\n", encoding="utf-8")
    assert key not in path.read_text(encoding="utf-8")
    ring = read_keys(path)
    assert ring == KeyRing([kept, kept_too])
    assert ring.holder(key) == kept
    assert ring.holder(other) == kept_too
    for wrong in ("", key[:-1], key + "x", kept.digest, "\udc00"):
        assert ring.holder(wrong) is None


def test_no_two_keys_are_alike():
    assert len({new_key("a", Role.USE)[0] for _ in range(50)}) == 50


@pytest.mark.parametrize("name", ["", "a b", "x" * 65, "a\n"])
def test_names_are_plain(name):
    with pytest.raises(ConfigurationError, match="expected a name"):
        new_key(name, Role.USE)


@pytest.mark.parametrize(
    "line", ["alice use hunter2", "alice owner " + "0" * 64, "alice", "a b c d"]
)
def test_a_wrong_line_is_named_but_not_shown(tmp_path, line):
    path = tmp_path / "keys"
    path.write_text(f"\n{line}\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="keys:2") as error:
        read_keys(path)
    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize("content", ["", "# nobody\n"])
def test_a_file_without_keys_is_refused(tmp_path, content):
    path = tmp_path / "keys"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ConfigurationError, match="no keys"):
        read_keys(path)


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match="cannot read"):
        read_keys(tmp_path / "none")
