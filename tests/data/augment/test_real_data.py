"""Augmentation of real training files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ossamma.data.augment.entity_bank import EntityBank
from ossamma.data.augment.policy import AugmentationPolicy, augment
from ossamma.data.readers.detect import read_documents
from ossamma.data.readers.jsonl import read_jsonl, write_jsonl
from ossamma.schema.supervision import lay_on_words
from tests.data.augment.strategies import surfaces_of, words_in

POLICY = AugmentationPolicy(
    replacement=0.3,
    dropout=0.1,
    shuffling=0.3,
    synonyms=0.3,
    spaces=0.05,
    typos=0.05,
    inside_mentions=True,
    casing=0.1,
)


@pytest.mark.data
@pytest.mark.parametrize(
    "name", ["wnut17/wnut17train.conll", "conll2003/corpus/CoNLL-2003/eng.testa"]
)
def test_every_copy_of_a_real_file_can_be_trained_on(name, tmp_path):
    path = Path(os.environ["OSSAMMA_MIRROR"]) / name
    if not path.is_file():
        pytest.skip(f"{path} is not in the mirror")
    documents = read_documents(path).documents
    bank = EntityBank.from_documents(documents)
    stream = augment(documents, POLICY, seed=1, bank=bank)
    target = tmp_path / "augmented.jsonl"
    write_jsonl(target, stream)
    known = {document.id: document for document in documents}
    copies = [d for d in read_jsonl(target).documents if d.id not in known]
    assert len(copies) == stream.report.copies > len(documents) / 3
    assert all(stream.report.steps.values())
    changed = total = 0
    for copy in copies:
        original = known[copy.id.split("+")[0]]
        before = lay_on_words(original, original.words)
        after = lay_on_words(copy, copy.words)
        assert [span.labels for span in after] == [span.labels for span in before]
        assert all(word and not word.isspace() for word in words_in(copy))
        pairs = zip(surfaces_of(original), surfaces_of(copy), strict=True)
        total += len(before)
        changed += sum(a.casefold() != b.casefold() for a, b in pairs)
    assert 0.3 < changed / total < 0.6
