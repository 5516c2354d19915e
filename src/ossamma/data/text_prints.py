"""Prints of texts: all that is needed to compare them with others, made for many texts at once.

A print is the key by which equal texts are found, the sketches by which near ones are, and the
hashes of the words by which shared sentences are. The slow twin is `print_of`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from ossamma.data.minhash import (
    HashArray,
    normalise,
    text_key,
    word_bytes,
    word_hashes,
)
from ossamma.data.near_index import Fingerprint, NearIndex
from ossamma.data.sentences import compared_words
from ossamma.schema.spans import Document

_MOST_DOCUMENTS: Final = 512
_MOST_CHARACTERS: Final = 2**18
"""Documents that are looked at together: enough for NumPy, few enough for the processor's cache."""


class TextPrint(NamedTuple):
    """What stands for a text when it is compared."""

    key: bytes
    """16 bytes for the normalised text (see `minhash.text_key`)."""
    fingerprint: Fingerprint
    """Its sketches; both None where near duplicates are not looked for."""
    words_W: HashArray
    """A hash of each of its `compared_words`."""


def prints_of(texts: Sequence[str], near: NearIndex | None) -> list[TextPrint]:
    """Make the prints of texts; `near` sketches them, or any index of the same settings."""
    keys: list[bytes] = []
    normalised_words: list[HashArray] = []
    words: list[HashArray] = []
    for text in texts:
        normalised = normalise(text)
        keys.append(text_key(normalised))
        normalised_words.append(word_hashes(word_bytes(normalised)))
        # Normalising an ASCII text changes case and space alone: its words are these already.
        words.append(normalised_words[-1] if text.isascii() else word_hashes(compared_words(text)))
    fingerprints: list[Fingerprint] = [(None, None)] * len(texts)
    if near is not None:
        fingerprints = near.fingerprints(normalised_words)
    return list(map(TextPrint, keys, fingerprints, words))


def print_of(text: str, near: NearIndex | None) -> TextPrint:
    """Make the print of one text, step by step: the definition of `prints_of`."""
    normalised = normalise(text)
    return TextPrint(
        text_key(normalised),
        near.fingerprint(normalised) if near is not None else (None, None),
        word_hashes(compared_words(text)),
    )


def batches(documents: Iterable[Document]) -> Iterator[list[Document]]:
    """Cut a stream into batches of a size that suits `prints_of`; none is empty."""
    batch: list[Document] = []
    size = 0
    for document in documents:
        batch.append(document)
        size += len(document.text)
        if size >= _MOST_CHARACTERS or len(batch) == _MOST_DOCUMENTS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
