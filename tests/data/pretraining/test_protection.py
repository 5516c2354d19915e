"""Held-out documents and their long sentences are in nothing that is kept."""

from __future__ import annotations

from ossamma.data.leaks import find_leak
from ossamma.data.near_index import NearSettings
from ossamma.data.pretraining.prints import DuplicateSettings, PrintMaker
from ossamma.data.pretraining.protection import Protection
from ossamma.data.readers.jsonl import write_jsonl
from ossamma.schema.spans import Document

SENTENCE = "The ministry of Oslo signed the treaty with Acme Ltd in the spring of 1994."
HELD = Document(
    "h", f"{SENTENCE} It rained. " + " ".join(f"w{n}" for n in range(60)), annotations=()
)
OTHER = "A text that has nothing to do with any of it and may well be trained on."


def apply(tmp_path, texts, paths=None):
    write_jsonl(tmp_path / "test.jsonl", [HELD])
    settings = DuplicateSettings()
    protection = Protection(
        [tmp_path / "test.jsonl"] if paths is None else paths, near=NearSettings(), sentence_words=8
    )
    maker = PrintMaker(settings)
    documents = [Document(str(n), text) for n, text in enumerate(texts)]
    kept, prints = protection.apply(documents, maker.prints(texts), maker)
    assert [p.key for p in prints] == [p.key for p in maker.prints([d.text for d in kept])]
    assert all(find_leak(document, protection._held_out) is None for document in kept)
    return [(document.id, document.text) for document in kept], protection.counts


def test_repeated_documents_go_and_repeated_sentences_are_cut(tmp_path):
    texts = [OTHER, HELD.text.upper(), HELD.text + " more", f"Before. {SENTENCE} After.", SENTENCE]
    kept, counts = apply(tmp_path, texts)
    assert kept == [("0", OTHER), ("3", "Before. After.")]
    assert counts == {"exact": 1, "near": 1, "sentence": 2}


def test_without_held_out_sets_everything_stays(tmp_path):
    kept, counts = apply(tmp_path, [OTHER, HELD.text], paths=[])
    assert [identifier for identifier, _ in kept] == ["0", "1"]
    assert not counts
