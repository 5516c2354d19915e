"""How often documents with rare types should be read, from the types in each."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Sequence
from collections.abc import Set as AbstractSet
from typing import Final

_MOST_REPEATS: Final = 10.0


def repeat_factors(types: Sequence[AbstractSet[Hashable]], threshold: float) -> list[float]:
    """Return how often each document should be read, given the types in it; at least once.

    Gupta et al. 2019 (LVIS), section 4.3: a type in a share f of the documents has the factor
    max(1, sqrt(threshold / f)), a document that of its rarest type. At most 10.
    """
    counts = Counter(name for of_document in types for name in of_document)
    factors = {
        name: min(_MOST_REPEATS, math.sqrt(max(1.0, threshold * len(types) / number)))
        for name, number in counts.items()
    }
    return [max((factors[name] for name in of_document), default=1.0) for of_document in types]
