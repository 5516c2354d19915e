"""A spaCy model on labelled files: judged exactly as a bundle is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from ossamma.evaluation.gold_notes import notes_on_predictions
from ossamma.pipeline.corpora import NATIVE
from ossamma.pipeline.judgement import GoldRequest, Judgement, judgement_of
from ossamma.pipeline.predictions import refuse_strangers
from ossamma.schema.errors import ConfigurationError
from ossamma.schema.profile import load_profile
from ossamma.schema.spans import Document, Entity
from ossamma.spacy_path.model_folder import checksum_of, meta_of
from ossamma.spacy_path.recogniser import load_spacy


def judge_spacy_model(
    model: Path,
    request: GoldRequest,
    *,
    timed: bool = False,
    on_document: Callable[[int, int], None] | None = None,
) -> Judgement:
    """Run a spaCy model on the texts of labelled files; its own tokenizer splits them.

    The tokenizer is a part of the model: spaCy's training, too, splits the texts by it. Given the
    words of the gold files a model that has learned `CVE-2021` `-` `1234` finds no CVE.

    Args:
        model: its folder.
        request: the gold files. Without a profile their labels are taken as they are: a spaCy
            model does not know of which profile its labels are.
        timed: refused; the speed of a report is in our pieces.
        on_document: is told after each document how many are done, of how many.

    Raises:
        BundleError: not a spaCy model, or one that cannot be loaded.
        ConfigurationError: its speed was asked for.
        DataError: the model and the gold files have no label in common.
    """
    if timed:
        raise ConfigurationError("--speed times a bundle; time a spaCy model by its own tools")
    recogniser = load_spacy(model)
    is_mapped = request.profile not in {None, NATIVE}
    profile = load_profile(str(request.profile)) if is_mapped else None
    gold = request.read(profile)
    documents = tuple(map(_bare, gold.documents))
    found: list[list[Entity]] = []
    for _, entities in recogniser.recognise_documents(documents):
        found.append(entities)
        if on_document is not None:
            on_document(len(found), len(documents))
    notes = list(notes_on_predictions(gold.documents, found))
    notes.append("the texts were split by spaCy, not by the words of the gold files")
    named = request.profile if is_mapped else None
    refuse_strangers(gold.documents, found, str(model), profile=named)
    meta = meta_of(model)
    system = {
        "kind": "spacy",
        "name": f"{meta.get('lang', '')}_{meta.get('name', model.name)}",
        "path": str(model),
        "checksum": checksum_of(model),
        "calibrated": False,
        "notes": notes,
    }
    return judgement_of(gold, documents, found, system=system, profile=profile)


def _bare(document: Document) -> Document:
    return replace(document, words=None, sentence_starts=())
