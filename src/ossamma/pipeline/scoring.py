"""A bundle or a spaCy model on labelled files: what it finds there, and how good that is."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

from ossamma.evaluation.gold_notes import notes_on_predictions
from ossamma.evaluation.metrics import strict_scores, strict_scores_of
from ossamma.evaluation.scores import Scores
from ossamma.export.bundle import load
from ossamma.export.manifest import BUNDLE_FOLDER, LABELS_FILE, read_metadata, resolve
from ossamma.inference.recogniser import OssammaRecogniser
from ossamma.inference.settings import InferenceSettings
from ossamma.pipeline.corpora import NATIVE
from ossamma.pipeline.gold import Gold
from ossamma.pipeline.judgement import GoldRequest, Judgement, judgement_of
from ossamma.pipeline.labelled import AUTO
from ossamma.pipeline.speed import measure_speed
from ossamma.pipeline.training_facts import training_facts
from ossamma.schema.profile import Profile, TypeDescription, available_profiles, load_profile
from ossamma.schema.spans import Document, Entity
from ossamma.spacy_path.model_folder import is_spacy_model

_PENDING_PIECES = 32_768
"""Texts are gathered up to this many pieces, so that progress shows."""


def score_bundle(
    bundle: Path,
    gold: Path,
    *,
    profile: str | None = None,
    table: str | None = None,
    file_format: str = AUTO,
    resplit: bool = False,
) -> Scores:
    """Score a bundle on a labelled file; see `judge_bundle`."""
    request = GoldRequest(files=(gold,), profile=profile, table=table, file_format=file_format)
    return strict_scores_of(judge_bundle(bundle, request, resplit=resplit).judged)


def judge_bundle(
    bundle: Path,
    request: GoldRequest,
    *,
    resplit: bool = False,
    timed: bool = False,
    on_document: Callable[[int, int], None] | None = None,
) -> Judgement:
    """Run a bundle on labelled files, whose labels are mapped to the bundle's types.

    Args:
        bundle: a bundle or run folder, or the folder of a spaCy model.
        request: the gold files. Without a profile, or with "native", the bundle's own is meant; a
            spaCy model has none, and the labels are taken as they are.
        resplit: see `without_words`; a spaCy model always splits for itself.
        timed: also measure its speed, which takes seconds.
        on_document: is told after each document how many are done, of how many.

    Raises:
        BundleError: not a bundle, or one that is damaged.
        DataError, FormatError, ProfileError: a gold file cannot be scored on.
    """
    if is_spacy_model(bundle):
        # By its name, because spaCy is an extra that a bundle can do without.
        spacy_judging = import_module("ossamma.pipeline.spacy_judging")
        judged: Judgement = spacy_judging.judge_spacy_model(
            bundle, request, timed=timed, on_document=on_document
        )
        return judged
    recogniser = load(bundle, InferenceSettings(pending_pieces=_PENDING_PIECES))
    profile = (
        profile_of(bundle)
        if request.profile is None or request.profile == NATIVE
        else load_profile(request.profile)
    )
    gold = request.read(profile)
    documents = tuple(map(without_words, gold.documents) if resplit else gold.documents)
    found: list[list[Entity]] = []
    for _, entities in recogniser.recognise_documents(documents):
        found.append(entities)
        if on_document is not None:
            on_document(len(found), len(documents))
    judgement = judgement_of(
        gold,
        documents,
        found,
        system=_describe(bundle, recogniser) | {"notes": _notes(gold, found, resplit=resplit)},
        profile=profile,
    )
    speed = measure_speed(recogniser, documents).to_json() if timed else None
    return replace(judgement, training=training_facts(bundle), speed=speed)


def score(recogniser: OssammaRecogniser, documents: Iterable[Document]) -> Scores:
    """Score a recogniser on labelled documents, on the source's own words where they have them."""
    gold = list(documents)
    return strict_scores(gold, (found for _, found in recogniser.recognise_documents(gold)))


def without_words(document: Document) -> Document:
    """Return the document as raw text: the recogniser then splits it by its own rules.

    An entity whose borders those rules do not hit cannot be found: this is what a user of raw text
    gets, where the source's own words give what the model can do.
    """
    return replace(document, words=None, sentence_starts=())


def profile_of(bundle: Path) -> Profile:
    """Return the profile that a bundle was trained with.

    A profile that does not come with the package, or whose types have changed since, is rebuilt
    from the bundle; it has no label maps.
    """
    content = json.loads((resolve(bundle) / LABELS_FILE).read_text(encoding="utf-8"))
    name = content["profile"]
    if name in available_profiles():
        shipped = load_profile(name)
        if list(shipped.labels.tags) == content["tags"]:
            return shipped
    types = (
        TypeDescription(entry["name"], entry["description"], tuple(entry["examples"]))
        for entry in content["types"]
    )
    return Profile(
        name=name, title=name, description="As in the bundle.", types=tuple(types), datasets={}
    )


def _describe(bundle: Path, recogniser: OssammaRecogniser) -> dict[str, Any]:
    folder = resolve(bundle)
    metadata = read_metadata(folder)
    place = folder.resolve()
    return {
        "kind": "bundle",
        "name": place.parent.name if place.name == BUNDLE_FOLDER else place.name,
        "path": str(bundle),
        "checksum": metadata["checksum"],
        "parameters": metadata["num_parameters"],
        "calibrated": recogniser.calibration is not None,
    }


def _notes(gold: Gold, found: list[list[Entity]], *, resplit: bool) -> list[str]:
    notes = list(notes_on_predictions(gold.documents, found))
    if resplit:
        notes.append("the texts were split by the system, not by the words of the gold files")
    return notes
