"""Label sets: the types a tagger predicts and the BIO tags that stand for them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from ossamma.schema.errors import LabelError

OUTSIDE = "O"
_TYPE_NAME = re.compile(r"[^\s|]{1,100}")


@dataclass(frozen=True)
class LabelSet:
    """An ordered, closed set of entity types with its tags.

    Tag 0 is O; type number i has B- at 2i + 1 and I- at 2i + 2, so that K = 1 + 2 x types.
    """

    types: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.types:
            raise LabelError("a label set needs at least one type")
        if len(set(self.types)) != len(self.types):
            raise LabelError(f"a label set must not repeat a type, got {self.types}")
        for name in self.types:
            if not _TYPE_NAME.fullmatch(name) or name == OUTSIDE:
                raise LabelError(
                    f"a type must be 1-100 characters without white space or '|' and not 'O', "
                    f"got {name!r}"
                )

    @cached_property
    def tags(self) -> tuple[str, ...]:
        """All tags in index order: O, B-X, I-X, B-Y, I-Y, ..."""
        return (OUTSIDE, *(f"{p}-{t}" for t in self.types for p in "BI"))

    @cached_property
    def tag_index(self) -> dict[str, int]:
        """Tag -> index, the inverse of `tags`."""
        return {tag: index for index, tag in enumerate(self.tags)}

    @cached_property
    def type_index(self) -> dict[str, int]:
        """Type -> index into `types`."""
        return {name: index for index, name in enumerate(self.types)}

    @property
    def num_tags(self) -> int:
        """K = 1 + 2 x number of types."""
        return 1 + 2 * len(self.types)

    def begin(self, type_name: str) -> int:
        """Index of B-`type_name`. Raises LabelError for a type outside the set."""
        return 2 * self._type(type_name) + 1

    def inside(self, type_name: str) -> int:
        """Index of I-`type_name`. Raises LabelError for a type outside the set."""
        return 2 * self._type(type_name) + 2

    def _type(self, type_name: str) -> int:
        try:
            return self.type_index[type_name]
        except KeyError:
            raise LabelError(
                f"unknown type {type_name!r}; the label set has {', '.join(self.types)}"
            ) from None

    @classmethod
    def from_tags(cls, tags: Sequence[str]) -> LabelSet:
        """Rebuild a set from its own `tags`. Raises LabelError for any other order."""
        types = tuple(tag[2:] for tag in tags if tag.startswith("B-"))
        if not types or cls(types).tags != tuple(tags):
            raise LabelError(f"tags must be O, B-X, I-X, B-Y, I-Y, ... in order, got {list(tags)}")
        return cls(types)

    @classmethod
    def of(cls, types: Iterable[str]) -> LabelSet:
        """The sorted set of these types."""
        return cls(tuple(sorted(set(types))))
