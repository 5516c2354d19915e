"""The spaCy reader `ossamma.BalancedCorpus.v1`: documents with rare types come more often.

spaCy's transition-based recogniser learns from the costs of moves, and has no place for class
weights or a focal loss; what can be balanced is how often a document is read.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from spacy.language import Language
from spacy.training import Corpus, Example

from ossamma.schema.errors import ConfigurationError

_MOST_REPEATS: Final = 10.0


def balanced_corpus(
    path: Path | None, threshold: float = 0.05, seed: int = 0
) -> Callable[[Language], Iterator[Example]]:
    """Make the reader.

    Args:
        path: `.spacy` file or folder.
        threshold: types in at least this share of the documents are left as they are.
        seed: decides what becomes of the fraction of a repetition.

    Raises:
        ConfigurationError: no path, or a threshold that is no share.
    """
    if path is None:
        raise ConfigurationError("the balanced corpus needs a path; give --paths.train FILE")
    if not 0.0 < threshold <= 1.0:
        raise ConfigurationError(f"threshold must lie in (0, 1], got {threshold}")

    def read(nlp: Language) -> Iterator[Example]:
        examples = list(Corpus(path)(nlp))
        types = [{span.label_ for span in example.reference.ents} for example in examples]
        generator = random.Random(seed)
        for example, factor in zip(examples, repeat_factors(types, threshold), strict=True):
            whole = math.floor(factor)
            yield from [example] * (whole + (generator.random() < factor - whole))

    return read


def repeat_factors(types: Sequence[set[str]], threshold: float) -> list[float]:
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
