"""Files of predictions on labelled files. Needs neither torch nor transformers."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from ossamma.data.readers.jsonl import read_predictions_jsonl
from ossamma.evaluation.gold_notes import notes_on_predictions
from ossamma.evaluation.metrics import strict_scores_of
from ossamma.evaluation.scores import Scores
from ossamma.pipeline.corpora import NATIVE
from ossamma.pipeline.gold import Gold
from ossamma.pipeline.judgement import GoldRequest, Judgement, judgement_of
from ossamma.pipeline.labelled import AUTO, format_of, read_corpus, sha256_of
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
    file_format: str = AUTO,
) -> Scores:
    """Score a file of predictions on a labelled file; see `judge_predictions`."""
    request = GoldRequest(files=(gold,), profile=profile, table=table, file_format=file_format)
    return strict_scores_of(judge_predictions((predicted,), request).judged)


def judge_predictions(files: Sequence[Path], request: GoldRequest) -> Judgement:
    """Hold files of predictions against labelled files; documents are paired by id, or by order.

    Args:
        files: a file for each gold file, or one for all of them: CoNLL, DocBin (`.spacy`), or JSONL
            as `ossamma extract --json` writes it.
        request: the gold files. Without a profile their labels are taken as they are.

    Raises:
        ConfigurationError: a label map without a profile, or another number of files.
        DataError: the files do not hold the same documents, or no label in common.
        FormatError: one of the files is malformed.
    """
    named = request.profile if request.profile != NATIVE else None
    profile = None if named is None else load_profile(named)
    gold = request.read(profile)
    if len(files) not in {1, len(gold.files)}:
        raise ConfigurationError(
            f"expected one file of predictions, or one for each of the {len(gold.files)} gold "
            f"files, got {len(files)}"
        )
    documents = gold.documents
    found = _found(gold, files)
    name = ", ".join(map(str, files))
    refuse_strangers(documents, found, name, profile=named)
    system = {
        "kind": "predictions",
        "name": ", ".join(path.name for path in files),
        "path": name,
        "checksum": _checksum(files),
        "notes": list(notes_on_predictions(documents, found)),
    }
    return judgement_of(gold, documents, found, system=system, profile=profile)


def _found(gold: Gold, files: Sequence[Path]) -> list[list[Entity]]:
    if len(files) == 1:
        return _pair(gold.documents, _read_predictions(files[0]), files[0])
    return [
        entities
        for file, path in zip(gold.files, files, strict=True)
        for entities in _pair(file.documents, _read_predictions(path), path)
    ]


def _checksum(files: Sequence[Path]) -> str:
    hashes = [sha256_of(path) for path in files]
    return hashes[0] if len(hashes) == 1 else hashlib.sha256("\n".join(hashes).encode()).hexdigest()


def refuse_strangers(
    gold: Sequence[Document],
    found: Sequence[Sequence[Entity]],
    name: str,
    *,
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
            f"{name}: expected predictions of {', '.join(sorted(wanted))}, got only "
            f"{', '.join(sorted(predicted))}; {advice}"
        )


def _read_predictions(path: Path) -> list[_Prediction]:
    if format_of(path) == "jsonl":
        return list(read_predictions_jsonl(path))
    return [(d.id, d.text, _entities_of(d)) for d in read_corpus(path).documents]


def _entities_of(document: Document) -> list[Entity]:
    if document.annotations is None:
        raise DataError(
            f"{document.where}: expected predictions, got a document that was never labelled; run "
            "the system on it, or leave it out on both sides"
        )
    return [
        Entity(a.start, a.end, a.label, document.text[a.start : a.end])
        for a in document.annotations
    ]


def _pair(
    gold: Sequence[Document], predicted: Sequence[_Prediction], path: Path
) -> list[list[Entity]]:
    if len(gold) != len(predicted):
        raise DataError(
            f"{path}: expected {len(gold)} documents as in the gold file, got {len(predicted)}"
        )
    by_id = {identifier: (text, entities) for identifier, text, entities in predicted}
    ids = {document.id for document in gold}
    # Ids that occur twice, as they may in several gold files, tell nothing.
    in_order = ids != set(by_id) or len(ids) < len(gold)
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
