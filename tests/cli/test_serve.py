"""`ossamma serve` refuses what cannot be served, and makes keys that work."""

from __future__ import annotations

import pytest

from ossamma.serving.access import read_keys


def test_a_new_key_is_shown_once_and_its_line_kept(ossamma, tmp_path):
    made = ossamma("serve", "--new-key", "alice", "--admin")
    assert made.exit_code == 0
    path = tmp_path / "keys"
    path.write_text(made.stdout, encoding="utf-8")
    key = made.stderr.strip().rpartition(" ")[2]
    assert key not in made.stdout
    holder = read_keys(path).holder(key)
    assert holder is not None
    assert (holder.name, holder.role) == ("alice", "admin")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--bundle", "nowhere"], "no bundle at nowhere"),
        (["--bundle", "a=."] * 2, "name of its own"),
        (["--bundle", "=."], "name of its own"),
        (["--bundle", ".", "--keys", "nokeys"], "cannot read the keys"),
        (["--new-key", "a b"], "expected a name"),
        (["--device", "gpu"], "cpu, cuda or cuda:N"),
        (["--device", "cuda:99"], "sees"),
    ],
)
def test_what_cannot_be_served_is_told(ossamma, arguments, message):
    result = ossamma("serve", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
