"""Scores of a bundle or of a predictions file on a labelled file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ossamma.data.readers.detect import detect_format, read_documents
from ossamma.data.readers.jsonl import read_predictions_jsonl
from ossamma.evaluation.metrics import Scores, strict_scores
from ossamma.export.bundle import load
from ossamma.export.manifest import LABELS_FILE, resolve
from ossamma.pipeline.corpora import NATIVE, read_split
from ossamma.schema.errors import DataError
from ossamma.schema.profile import Profile, load_profile, native_profile
from ossamma.schema.spans import Document, Entity

_Prediction = tuple[str, str, list[Entity]]


def score_bundle(
    bundle: Path,
    gold: Path,
    *,
    profile: str | None = None,
    table: str | None = None,
    file_format: str = "auto",
    resplit: bool = False,
) -> Scores:
    """Score a bundle on a labelled file, whose labels are mapped to the bundle's types.

    Args:
        bundle: a bundle or run folder.
        gold: CoNLL or JSONL.
        profile: whose label maps to use; None means the bundle's own profile.
        table: the label map; None chooses by the labels.
        file_format: "auto", "conll" or "jsonl".
        resplit: ignore the file's own words, as happens to raw text.
    """
    recogniser = load(bundle)
    split = read_split(
        gold,
        load_profile(profile) if profile else _profile_of(bundle, recogniser.types),
        table=table,
        file_format=file_format,
    )
    documents: Sequence[Document] = split.documents
    if resplit:
        documents = [replace(d, words=None, sentence_starts=()) for d in documents]
    found = (entities for _, entities in recogniser.recognise_documents(documents))
    return strict_scores(documents, found)


def score_predictions(
    predicted: Path,
    gold: Path,
    *,
    profile: str | None = None,
    table: str | None = None,
    file_format: str = "auto",
) -> Scores:
    """Score a file of predictions on a labelled file; documents are paired by id, or by order.

    Raises:
        DataError: the files do not hold the same documents.
    """
    if profile is None:
        documents: Sequence[Document] = read_documents(
            gold,
            format=file_format,  # type: ignore[arg-type]
        ).documents
    else:
        documents = read_split(
            gold, load_profile(profile), table=table, file_format=file_format
        ).documents
    return strict_scores(documents, _pair(documents, _read_predictions(predicted), predicted))


def _profile_of(bundle: Path, types: Sequence[str]) -> Profile:
    labels = json.loads((resolve(bundle) / LABELS_FILE).read_text(encoding="utf-8"))
    if labels["profile"] == NATIVE:
        return native_profile(types)
    return load_profile(labels["profile"])


def _read_predictions(path: Path) -> list[_Prediction]:
    if detect_format(path) == "jsonl":
        return list(read_predictions_jsonl(path))
    return [
        (d.id, d.text, [Entity(a.start, a.end, a.label, d.text[a.start : a.end])
                        for a in d.annotations or ()])
        for d in read_documents(path).documents
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
