"""Checks before the first step: unusable splits, types never seen, texts in two splits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from importlib.util import find_spec

from ossamma.pipeline.corpora import TRAIN, Split
from ossamma.schema.errors import ConfigurationError, DataError
from ossamma.schema.profile import Profile

_FEW = 20


def check_splits(profile: Profile, splits: Mapping[str, Split]) -> list[str]:
    """Refuse splits that cannot be trained or scored on; return warnings of what will disappoint.

    Raises:
        DataError: naming the split, what was expected, what came, and what to do.
    """
    for name, split in splits.items():
        _refuse_unusable(name, split)
    return [*_repairs(splits), *_unseen_types(profile, splits), *_shared_texts(splits)]


def _refuse_unusable(name: str, split: Split) -> None:
    unlabelled = [d for d in split.documents if d.annotations is None]
    if unlabelled:
        raise DataError(
            f"{unlabelled[0].where} ({name}): expected an 'entities' list, got none; "
            f"{len(unlabelled)} of {len(split.documents)} documents are unlabelled. A document "
            "without entities needs an empty list"
        )
    if not any(d.annotations for d in split.documents):
        raise DataError(
            f"{split.path} ({name}): expected at least one entity, got none in "
            f"{len(split.documents)} documents; check the tag column or the label map"
        )
    if name == TRAIN and not any(d.weight > 0.0 for d in split.documents):
        raise DataError(f"{split.path} ({name}): every document has weight 0; give one a weight")


def _repairs(splits: Mapping[str, Split]) -> list[str]:
    return [
        f"{split.path} ({name}): {report.repaired_tags} illegal tags were repaired and "
        f"{report.skipped_sentences} sentences skipped"
        for name, split in splits.items()
        if (report := split.corpus.report).repaired_tags or report.skipped_sentences
    ]


def _unseen_types(profile: Profile, splits: Mapping[str, Split]) -> list[str]:
    seen = Counter(
        label for d in splits[TRAIN].documents for a in d.annotations or () for label in a.labels
    )
    never = [t for t in profile.labels.types if not seen[t]]
    rare = [f"{t} ({seen[t]})" for t in profile.labels.types if 0 < seen[t] < _FEW]
    warnings = []
    if never:
        warnings.append(f"the training set has no example of {', '.join(never)}")
    if rare:
        warnings.append(f"the training set has fewer than {_FEW} examples of {', '.join(rare)}")
    return warnings


def check_libraries() -> None:
    """Refuse to begin what would fail for a missing library after the data were read.

    Raises:
        ConfigurationError: a library of the extra `train` is not installed.
    """
    if find_spec("accelerate") is None:
        raise ConfigurationError(
            "training needs the library 'accelerate', which is not installed: "
            'pip install "ossamma[train]"'
        )


def _shared_texts(splits: Mapping[str, Split]) -> list[str]:
    train = {d.text for d in splits[TRAIN].documents}
    warnings = []
    for name, split in splits.items():
        shared = sum(d.text in train for d in split.documents) if name != TRAIN else 0
        if shared:
            warnings.append(
                f"{shared} of {len(split.documents)} {name} documents are also in the training "
                "set; scores on them are too good"
            )
    return warnings
