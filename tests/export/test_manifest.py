"""Metadata is believed only if every byte of it, and of all it lists, is what was sealed."""

from __future__ import annotations

import json
import random
import shutil

import pytest

from ossamma.export import manifest
from ossamma.export.manifest import (
    METADATA_FILE,
    read_metadata,
    resolve,
    seal,
    sha256,
    verify,
)
from ossamma.schema.errors import BundleError

FACTS = {
    "model_type": "OssammaNER",
    "version": "1",
    "num_labels": 3,
    "label_schema": ["O", "B-X", "I-X"],
    "num_parameters": 5,
    "checkpoint_epoch": 2.0,
    "val_f1": 0.5,
    "exported_at": "2026-01-01T00:00:00+00:00",
}


@pytest.fixture
def bundle(tmp_path):
    folder = tmp_path / "bundle"
    folder.mkdir()
    (folder / "config.json").write_text('{"a": 1}')
    (folder / "model.safetensors").write_bytes(bytes(range(256)))
    (folder / "tokenizer.json").write_text("{}")
    (folder / "labels.json").write_text('["Ångström"]', encoding="utf-8")
    seal(folder, FACTS)
    return folder


def reseal(folder, change):
    """Change metadata and give it a right checksum of its own, as a forger would."""
    metadata = json.loads((folder / METADATA_FILE).read_text())
    change(metadata)
    files = metadata.pop("files", None)
    for name in ("metadata_checksum", "format"):
        metadata.pop(name, None)
    forged = {**metadata, "format": 1, "files": files}
    forged["metadata_checksum"] = manifest._checksum(forged)
    (folder / METADATA_FILE).write_bytes(manifest._serialise(forged))


def test_a_sealed_folder_verifies_and_gives_its_facts_back(bundle):
    metadata = verify(bundle)
    assert {name: metadata[name] for name in FACTS} == FACTS
    assert metadata["checksum"] == sha256(bundle / "model.safetensors")
    assert set(metadata["files"]) == {
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "labels.json",
    }
    assert metadata["files"]["config.json"]["bytes"] == 8


def test_flipping_any_byte_of_any_file_is_refused(bundle):
    generator = random.Random(0)
    for path in sorted(bundle.iterdir()):
        content = path.read_bytes()
        places = {
            0,
            len(content) - 1,
            *generator.sample(range(len(content)), min(30, len(content))),
        }
        for place in places:
            flipped = bytearray(content)
            flipped[place] ^= 1 << generator.randrange(8)
            path.write_bytes(flipped)
            with pytest.raises(BundleError):
                verify(bundle)
        path.write_bytes(content)
    verify(bundle)


@pytest.mark.parametrize("rest", [0, 1, 255])
def test_a_truncated_file_is_refused(bundle, rest):
    path = bundle / "model.safetensors"
    path.write_bytes(path.read_bytes()[:rest])
    with pytest.raises(BundleError, match=rf"expected 256 bytes, got {rest}"):
        verify(bundle)


def test_a_longer_file_is_refused(bundle):
    with (bundle / "tokenizer.json").open("ab") as file:
        file.write(b"\n")
    with pytest.raises(BundleError, match=r"expected 2 bytes, got 3"):
        verify(bundle)


@pytest.mark.parametrize("name", ["notes.txt", "pytorch_model.bin", ".hidden", "METADATA.json"])
def test_an_extra_file_is_refused(bundle, name):
    (bundle / name).write_text("x")
    with pytest.raises(BundleError, match=r"is not listed in metadata.json; remove it"):
        verify(bundle)


def test_an_extra_folder_is_refused(bundle):
    (bundle / "more").mkdir()
    with pytest.raises(BundleError, match=r"is not listed"):
        verify(bundle)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "labels.json"])
def test_a_missing_file_is_refused(bundle, name):
    (bundle / name).unlink()
    with pytest.raises(BundleError, match=rf"{name} is listed in metadata.json but is missing"):
        verify(bundle)


@pytest.mark.parametrize("name", ["config.json", METADATA_FILE])
def test_a_symbolic_link_is_refused_even_to_the_right_content(bundle, tmp_path, name):
    shutil.move(bundle / name, tmp_path / "elsewhere")
    (bundle / name).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BundleError, match=r"symbolic link|is not a bundle"):
        verify(bundle)


def test_a_folder_in_a_files_place_is_refused(bundle):
    (bundle / "labels.json").unlink()
    (bundle / "labels.json").mkdir()
    with pytest.raises(BundleError, match=r"missing"):
        verify(bundle)


@pytest.mark.parametrize(
    "name", ["../x", "/etc/passwd", "a/b", "..", ".x", "", "a\nb", METADATA_FILE]
)
def test_a_name_that_leaves_the_folder_is_refused(bundle, name):
    entry = {"sha256": "0" * 64, "bytes": 1}
    reseal(bundle, lambda metadata: metadata["files"].update({name: entry}))
    with pytest.raises(BundleError, match=r"expected plain names of files"):
        verify(bundle)


@pytest.mark.parametrize(
    "entry",
    [
        {},
        [],
        "x",
        {"sha256": "0" * 64},
        {"sha256": "0" * 63, "bytes": 8},
        {"sha256": 5, "bytes": 8},
        {"sha256": "0" * 64, "bytes": "8"},
        {"sha256": "0" * 64, "bytes": True},
        {"sha256": "0" * 64, "bytes": 8, "more": 1},
    ],
)
def test_an_entry_that_is_none_is_refused(bundle, entry):
    reseal(bundle, lambda metadata: metadata["files"].update({"config.json": entry}))
    with pytest.raises(BundleError, match=r"expected size and SHA-256 of config.json"):
        verify(bundle)


@pytest.mark.parametrize("fact", sorted(FACTS))
def test_a_required_fact_that_is_missing_is_refused(bundle, fact):
    reseal(bundle, lambda metadata: metadata.pop(fact))
    with pytest.raises(BundleError, match=rf"expected a value for '{fact}', got None"):
        verify(bundle)


def test_a_required_file_that_is_not_listed_is_refused(bundle):
    reseal(bundle, lambda metadata: metadata["files"].pop("labels.json"))
    with pytest.raises(BundleError, match=r"at least the files config.json"):
        verify(bundle)


def test_a_checksum_of_other_weights_is_refused(bundle):
    reseal(bundle, lambda metadata: metadata.update(checksum="0" * 64))
    with pytest.raises(BundleError, match=r"'checksum' to be the SHA-256 of model.safetensors"):
        verify(bundle)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "is not JSON as we write it"),
        (b"{", "is not JSON as we write it"),
        (b"\xff", "is not JSON as we write it"),
        (b"[" * 100_000, "is not JSON as we write it"),
        (b'{"a": NaN}', "is not JSON as we write it"),
        (b"[]", "is damaged: expected an object with its format"),
        (b"null", "is damaged: expected an object with its format"),
        (b"{}", "is damaged: expected an object with its format"),
        (b'{"format": 3}', "expected a bundle of format 1 or 2, got 3; use the version of ossamma"),
        (b'{"format": 1}', "its own checksum does not fit"),
        (b" " * (5 << 20), "larger than"),
    ],
)
def test_metadata_that_is_none_is_refused(bundle, content, complaint):
    (bundle / METADATA_FILE).write_bytes(content)
    with pytest.raises(BundleError, match=complaint):
        read_metadata(bundle)


def test_white_space_in_metadata_is_a_change(bundle):
    path = bundle / METADATA_FILE
    path.write_bytes(path.read_bytes() + b"\n")
    with pytest.raises(BundleError, match=r"its own checksum does not fit"):
        verify(bundle)


def test_a_folder_without_metadata_is_no_bundle(tmp_path):
    with pytest.raises(BundleError, match=r"is not a bundle: expected a file metadata.json"):
        verify(tmp_path)


def test_a_bundle_is_found_at_its_place_and_in_its_run(bundle):
    assert resolve(bundle) == bundle
    assert resolve(bundle.parent) == bundle
    assert resolve(str(bundle.parent)) == bundle


def test_a_bundle_that_holds_a_folder_called_bundle_is_itself(bundle):
    (bundle / "bundle").mkdir()
    assert resolve(bundle) == bundle


def test_a_path_that_is_no_folder_is_refused(tmp_path):
    with pytest.raises(BundleError, match=r"expected a bundle or a run folder at .*nowhere"):
        resolve(tmp_path / "nowhere")
