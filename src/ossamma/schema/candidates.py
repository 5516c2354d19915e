"""What a source label may mean in a profile: some candidate types, or nothing at all."""

from __future__ import annotations

from enum import Enum
from typing import Final, Literal

from ossamma.schema.errors import ProfileError


class Fate(Enum):
    """What becomes of a source label that maps to no type: the table gives it up explicitly."""

    DROP = "DROP"


DROP: Final = Fate.DROP
Candidates = tuple[str, ...] | Literal[Fate.DROP]


def check_candidates(candidates: Candidates, where: str) -> None:
    """Raise ProfileError unless the candidates are DROP, or some types, sorted and unique."""
    if candidates is DROP:
        return
    if not candidates or list(candidates) != sorted(set(candidates)):
        raise ProfileError(
            f"{where}: candidate types must be at least one, "
            f"sorted and unique, got {list(candidates)}; write DROP to give a label up"
        )
