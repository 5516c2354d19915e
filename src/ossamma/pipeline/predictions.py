"""Scores of a file of predictions on a labelled file. Needs neither torch nor transformers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ossamma.data.readers.detect import detect_format, read_documents
from ossamma.data.readers.jsonl import read_predictions_jsonl
from ossamma.evaluation.metrics import strict_scores
from ossamma.evaluation.scores import Scores
from ossamma.pipeline.corpora import read_split
from ossamma.schema.errors import ConfigurationError, DataError
from ossamma.schema.profile import load_profile
from ossamma.schema.spans import Document, Entity

_Prediction = tuple[str, str, list[Entity]]
"""Id, text and entities."""


def score_predictions(
    predicted: Path,
    gold: Path,
    *,
    profile: str | None = None,
    table: str | None = None,
    file_format: str = "auto",
) -> Scores:
    """Score a file of predictions on a labelled file; documents are paired by id, or by order.

    Args:
        predicted: CoNLL, or JSONL as `ossamma extract --json` writes it.
        gold: CoNLL or JSONL.
        profile: the profile whose types the predictions have; None takes gold labels as they are.
        table: the profile's label map for the gold file; None chooses by the labels.
        file_format: format of the gold file: "auto", "conll" or "jsonl".

    Raises:
        ConfigurationError: a label map without a profile.
        DataError: the files do not hold the same documents, or no label in common.
        FormatError: one of the files is malformed.
    """
    documents = _read_gold(gold, profile, table, file_format)
    found = _pair(documents, _read_predictions(predicted), predicted)
    _refuse_strangers(documents, found, predicted, profile)
    return strict_scores(documents, found)


def _refuse_strangers(
    gold: Sequence[Document],
    found: Sequence[Sequence[Entity]],
    path: Path,
    profile: str | None,
) -> None:
    """Refuse predictions in another set of labels: zeros would say that they are wrong."""
    wanted = {label for d in gold for a in d.annotations or () for label in a.labels}
    predicted = {entity.label for entities in found for entity in entities}
    if wanted and predicted and wanted.isdisjoint(predicted):
        advice = (
            "the gold labels were mapped to the profile, predictions are taken as they are"
            if profile
            else "map the gold labels with --profile P"
        )
        raise DataError(
            f"{path}: expected predictions of {', '.join(sorted(wanted))}, got only "
            f"{', '.join(sorted(predicted))}; {advice}"
        )


def _read_gold(
    path: Path, profile: str | None, table: str | None, file_format: str
) -> Sequence[Document]:
    if profile is not None:
        split = read_split(path, load_profile(profile), table=table, file_format=file_format)
        return split.documents
    if table is not None:
        raise ConfigurationError(f"the label map {table!r} belongs to a profile; give --profile P")
    return read_documents(path, format=file_format).documents  # type: ignore[arg-type]  # it checks


def _read_predictions(path: Path) -> list[_Prediction]:
    if detect_format(path) == "jsonl":
        return list(read_predictions_jsonl(path))
    return [(d.id, d.text, _entities_of(d)) for d in read_documents(path).documents]


def _entities_of(document: Document) -> list[Entity]:
    return [
        Entity(a.start, a.end, a.label, document.text[a.start : a.end])
        for a in document.annotations or ()
    ]


def _pair(
    gold: Sequence[Document], predicted: Sequence[_Prediction], path: Path
) -> list[list[Entity]]:
    if len(gold) != len(predicted):
        raise DataError(
            f"{path}: expected {len(gold)} documents as in the gold file, got {len(predicted)}"
        )
    by_id = {identifier: (text, entities) for identifier, text, entities in predicted}
    in_order = {document.id for document in gold} != set(by_id)
    pairs: list[list[Entity]] = []
    for index, document in enumerate(gold):
        text, entities = predicted[index][1:] if in_order else by_id[document.id]
        if text != document.text:
            raise DataError(
                f"{path}: the prediction for document {document.id!r} is about another text: "
                f"expected {document.text[:60]!r}, got {text[:60]!r}"
            )
        pairs.append(entities)
    return pairs
