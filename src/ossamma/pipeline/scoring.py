"""Scores of a bundle on a labelled file."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from ossamma.evaluation.metrics import strict_scores
from ossamma.evaluation.scores import Scores
from ossamma.export.bundle import load
from ossamma.export.manifest import LABELS_FILE, resolve
from ossamma.inference.recogniser import OssammaRecogniser
from ossamma.pipeline.corpora import read_split
from ossamma.schema.profile import Profile, TypeDescription, available_profiles, load_profile
from ossamma.schema.spans import Document


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
        resplit: see `without_words`.

    Raises:
        BundleError: not a bundle, or one that is damaged.
        DataError, FormatError, ProfileError: the gold file cannot be scored on.
    """
    recogniser = load(bundle)
    split = read_split(
        gold,
        load_profile(profile) if profile else profile_of(bundle),
        table=table,
        file_format=file_format,
    )
    documents = map(without_words, split.documents) if resplit else split.documents
    return score(recogniser, documents)


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
