"""A signature is of one key and of these bytes."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ossamma.export.manifest import METADATA_FILE, SIGNATURE_FILE, seal, verify
from ossamma.export.signature import (
    read_private_key,
    read_public_key,
    sign_bundle,
    verify_signature,
)
from ossamma.schema.errors import BundleError, ConfigurationError

FACTS = {
    "model_type": "OssammaNER",
    "version": "1",
    "num_labels": 1,
    "label_schema": ["O"],
    "num_parameters": 1,
    "checkpoint_epoch": 1,
    "val_f1": 0.5,
    "exported_at": "2026",
}
OPENSSL = shutil.which("openssl")


@pytest.fixture
def key():
    return Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


@pytest.fixture
def signed(tmp_path, key):
    folder = tmp_path / "b"
    folder.mkdir()
    for name in ("config.json", "model.safetensors", "tokenizer.json", "labels.json"):
        (folder / name).write_text(name)
    seal(folder, FACTS)
    sign_bundle(folder, key)
    return folder


def test_a_signed_bundle_is_still_a_bundle(signed, key):
    verify(signed)
    verify_signature(signed, key.public_key())


def test_another_key_other_metadata_and_another_signature_are_refused(signed, key):
    other = Ed25519PrivateKey.generate()
    with pytest.raises(BundleError, match=r"not of this key"):
        verify_signature(signed, other.public_key())
    path = signed / METADATA_FILE
    content = path.read_bytes()
    path.write_bytes(content.replace(b"2026", b"2027"))
    with pytest.raises(BundleError, match=r"not of this key"):
        verify_signature(signed, key.public_key())
    path.write_bytes(content)
    for nonsense in (b"", b"\xff", b"AAAA", b"*" * 88):
        (signed / SIGNATURE_FILE).write_bytes(nonsense)
        with pytest.raises(BundleError, match=r"not of this key"):
            verify_signature(signed, key.public_key())


def test_a_bundle_without_a_signature_is_refused(signed, key):
    (signed / SIGNATURE_FILE).unlink()
    verify(signed)
    with pytest.raises(BundleError, match=r"is not signed"):
        verify_signature(signed, key.public_key())


def test_the_listed_files_cannot_be_the_signature(signed):
    (signed / METADATA_FILE).unlink()
    with pytest.raises(AssertionError, match=r"plain names"):
        seal(signed, FACTS)


@pytest.mark.skipif(OPENSSL is None, reason="openssl is not installed")
def test_keys_of_openssl_are_read(tmp_path, signed):
    private, public = tmp_path / "key.pem", tmp_path / "public.pem"
    for command in (
        ["genpkey", "-algorithm", "ed25519", "-out", private],
        ["pkey", "-in", private, "-pubout", "-out", public],
    ):
        subprocess.run([OPENSSL, *command], check=True, capture_output=True)
    sign_bundle(signed, read_private_key(private))
    verify_signature(signed, read_public_key(public))
    with pytest.raises(ConfigurationError, match=r"Ed25519 private key"):
        read_private_key(public)
    with pytest.raises(ConfigurationError, match=r"Ed25519 public key"):
        read_public_key(private)


def test_other_keys_and_other_files_are_refused(tmp_path, key):
    nonsense = tmp_path / "n.pem"
    nonsense.write_text("nonsense")
    for read in (read_private_key, read_public_key):
        for path in (nonsense, tmp_path / "missing.pem"):
            with pytest.raises(ConfigurationError, match=r"openssl"):
                read(path)
    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    nonsense.write_bytes(pem)
    read_public_key(nonsense).verify(key.sign(b"a"), b"a")
