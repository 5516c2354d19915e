"""The spaCy reader `ossamma.BalancedCorpus.v1`: documents with rare types come more often.

spaCy's transition-based recogniser learns from the costs of moves, and has no place for class
weights or a focal loss; what can be balanced is how often a document is read.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from pathlib import Path

from spacy.language import Language
from spacy.training import Corpus, Example

from ossamma.data.repeat_factors import repeat_factors
from ossamma.schema.errors import ConfigurationError


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
