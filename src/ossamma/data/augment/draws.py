"""Seeded draws: a generator for each document and step, and bounded shares of a sequence."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from random import Random
from typing import TypeVar

Item = TypeVar("Item")


def seeded(seed: int, *names: str | int) -> Random:
    """Return the generator of a document and step, decided by the seed and the names alone.

    Neither the order of documents nor Python's hash seed has a part in it.
    """
    key = "".join(f"{len(str(name))}:{name}" for name in (seed, *names))
    digest = blake2b(key.encode("utf-8", "surrogatepass"), digest_size=16).digest()
    return Random(int.from_bytes(digest, "big"))


def choose(items: Sequence[Item], rate: float, rng: Random) -> list[Item]:
    """Choose a share of the items, in their order.

    The number chosen is `rate * len(items)`, rounded up or down so that this is its mean: a short
    text is never hit by chance in most of its words.
    """
    number = min(len(items), int(rate * len(items) + rng.random()))
    return [items[index] for index in sorted(rng.sample(range(len(items)), number))]
