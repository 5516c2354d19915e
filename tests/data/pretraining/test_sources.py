"""Sources and their fingerprints: what changes a file or its name changes the digest."""

from __future__ import annotations

import pytest

from ossamma.data.catalog import load_card
from ossamma.data.pretraining.sources import (
    TextSource,
    digest_input,
    fingerprint,
    source_of_card,
)
from ossamma.schema.errors import ConfigurationError, DataError


def test_a_card_becomes_a_source(tmp_path):
    source = source_of_card(load_card("bookcorpus"), tmp_path, {"join_rows": 8})
    assert (source.name, source.format) == ("bookcorpus", "parquet")
    assert source.options == {"text": "text", "join_rows": 8}
    assert source.redistributable == "no"
    with pytest.raises(ConfigurationError, match="format"):
        source_of_card(load_card("wnut17"), tmp_path)


def test_a_name_must_do_for_a_file(tmp_path):
    with pytest.raises(ConfigurationError, match="name"):
        TextSource(name="../x", path=tmp_path, format="text")


def test_digests_depend_on_names_and_contents_alone(tmp_path):
    digests = set()
    for folder, files in {
        "a": {"x.txt": "1", "y/z.txt": "2"},
        "b": {"x.txt": "1", "y/z.txt": "3"},
        "c": {"x.txt": "1", "z.txt": "2"},
        "d": {"x.txt": "1"},
    }.items():
        for name, text in files.items():
            path = tmp_path / folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        digest = digest_input(tmp_path / folder)
        assert digest.files == len(files)
        assert digest.num_bytes == sum(map(len, files.values()))
        digests.add(digest.sha256)
    assert len(digests) == 4
    assert digest_input(tmp_path / "a").sha256 in digests
    (tmp_path / "a").rename(tmp_path / "moved")
    assert digest_input(tmp_path / "moved").sha256 in digests
    assert digest_input(tmp_path / "d" / "x.txt") == digest_input(tmp_path / "d")
    with pytest.raises(DataError, match="nowhere"):
        digest_input(tmp_path / "nowhere")


def test_fingerprints_do_not_depend_on_the_order_of_keys():
    assert fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})
    assert fingerprint(1, 2) != fingerprint(2, 1)
