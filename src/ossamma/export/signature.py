"""The signature of a bundle: who released it, as an Ed25519 signature over metadata.json.

The metadata holds the hash of every other file, so that its signature covers them all. Needs the
library `cryptography` and keys in PEM files, such as OpenSSL makes.
"""

from __future__ import annotations

import base64
import binascii
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    load_pem_private_key,
    load_pem_public_key,
)

from ossamma.export.manifest import METADATA_FILE, SIGNATURE_FILE
from ossamma.schema.errors import BundleError, ConfigurationError

_HOW = "make one with: openssl genpkey -algorithm ed25519 -out key.pem"
_HOW_PUBLIC = "take it out of the private key: openssl pkey -in key.pem -pubout -out public.pem"


def read_private_key(path: Path) -> Ed25519PrivateKey:
    """Read a private key; it must not have a password.

    Raises:
        ConfigurationError: the file is no such key.
    """
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ConfigurationError(
            f"{path}: expected an Ed25519 private key in PEM without password ({error}); {_HOW}"
        ) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigurationError(f"{path}: expected an Ed25519 private key, got another; {_HOW}")
    return key


def read_public_key(path: Path) -> Ed25519PublicKey:
    """Read a public key.

    Raises:
        ConfigurationError: the file is no such key.
    """
    try:
        key = load_pem_public_key(path.read_bytes())
    except (OSError, ValueError, UnsupportedAlgorithm) as error:
        raise ConfigurationError(
            f"{path}: expected an Ed25519 public key in PEM ({error}); {_HOW_PUBLIC}"
        ) from error
    if not isinstance(key, Ed25519PublicKey):
        raise ConfigurationError(
            f"{path}: expected an Ed25519 public key, got another; {_HOW_PUBLIC}"
        )
    return key


def sign_bundle(folder: Path, key: Ed25519PrivateKey) -> None:
    """Write the signature of a sealed bundle beside its metadata."""
    signature = key.sign((folder / METADATA_FILE).read_bytes())
    (folder / SIGNATURE_FILE).write_bytes(base64.b64encode(signature) + b"\n")


def verify_signature(folder: Path, key: Ed25519PublicKey) -> None:
    """Check that the owner of the key has signed this metadata; the hashes are `verify`'s affair.

    Raises:
        BundleError: there is no signature, or it is not of this key and these bytes.
    """
    path = folder / SIGNATURE_FILE
    if path.is_symlink() or not path.is_file():
        raise BundleError(f"{folder} is not signed: expected a file {SIGNATURE_FILE} in it")
    try:
        signature = base64.b64decode(path.read_bytes().strip(), validate=True)
        key.verify(signature, (folder / METADATA_FILE).read_bytes())
    except (OSError, InvalidSignature, binascii.Error) as error:
        raise BundleError(
            f"{path}: the signature is not of this key and this {METADATA_FILE}; do not use the "
            "bundle unless you know why"
        ) from error
