"""Train spaCy's efficiency NER from scratch on labelled files and print its scores.

The peer of `ossamma train --profile native` without --init: `spacy train` on a blank English
pipeline, `--optimize efficiency`, nothing pre-trained, on the same files. The files are read by
ossamma's readers and written as DocBin with the source's own words, so both sides see the same
words and entities. spaCy's scores come from its own scorer on the same words.

    python benchmarks/spacy_from_scratch.py --train T --dev D --test T2 --out runs/spacy --seed 0
"""

from __future__ import annotations

import argparse
import itertools
import json
import subprocess
import sys
import time
from pathlib import Path

import spacy
from spacy.tokens import Doc, DocBin, Span
from spacy.training import Example
from spacy.vocab import Vocab

from ossamma.data.readers.detect import read_documents
from ossamma.schema.spans import Document


def to_docs(documents: tuple[Document, ...], vocab: Vocab, sentences: int) -> list[Doc]:
    """Turn documents that carry words into spaCy docs of so many sentences each."""
    return [
        part.as_doc()
        for doc in whole_docs(documents, vocab)
        for part in groups_of_sentences(doc, sentences)
    ]


def groups_of_sentences(doc: Doc, size: int) -> list[Span]:
    """Cut a doc into runs of `size` sentences."""
    starts = [sentence.start for sentence in doc.sents][::size]
    return [doc[start:end] for start, end in itertools.pairwise((*starts, len(doc)))]


def whole_docs(documents: tuple[Document, ...], vocab: Vocab) -> list[Doc]:
    """Turn documents into spaCy docs with the same words, sentences and entities."""
    docs = []
    for document in documents:
        words = document.words or ()
        first = {word.start: index for index, word in enumerate(words)}
        last = {word.end: index + 1 for index, word in enumerate(words)}
        starts = set(document.sentence_starts)
        doc = Doc(
            vocab,
            words=[document.text[w.start : w.end] for w in words],
            spaces=[True] * len(words),
            sent_starts=[index in starts for index in range(len(words))],
        )
        doc.ents = [
            Span(doc, first[a.start], last[a.end], a.label) for a in document.annotations or ()
        ]
        docs.append(doc)
    return docs


def main() -> None:
    """Train, score, and print one JSON line or a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    for name in ("train", "dev", "test", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--sentences", type=int, default=10, help="sentences per doc, as `spacy convert -n` groups"
    )
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    out: Path = arguments.out
    out.mkdir(parents=True, exist_ok=False)
    vocab = Vocab()
    for name in ("train", "dev", "test"):
        docs = to_docs(
            read_documents(getattr(arguments, name)).documents, vocab, arguments.sentences
        )
        DocBin(docs=docs).to_disk(out / f"{name}.spacy")
    config = out / "config.cfg"
    command = [sys.executable, "-m", "spacy"]
    subprocess.run(
        [
            *command,
            "init",
            "config",
            config,
            "--lang",
            "en",
            "--pipeline",
            "ner",
            "--optimize",
            "efficiency",
            "--force",
        ],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    started = time.monotonic()
    with (out / "train.log").open("w", encoding="utf-8") as log:
        subprocess.run(
            [
                *command,
                "train",
                config,
                "--output",
                out,
                "--paths.train",
                out / "train.spacy",
                "--paths.dev",
                out / "dev.spacy",
                "--system.seed",
                str(arguments.seed),
                "--training.seed",
                str(arguments.seed),
            ],
            check=True,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    seconds = time.monotonic() - started
    pipeline = spacy.load(out / "model-best")
    report: dict[str, object] = {"seed": arguments.seed, "train_seconds": round(seconds, 1)}
    for name in ("dev", "test"):
        gold = list(DocBin().from_disk(out / f"{name}.spacy").get_docs(pipeline.vocab))
        begun = time.monotonic()
        predicted = [
            pipeline(Doc(pipeline.vocab, words=[t.text for t in d], spaces=[True] * len(d)))
            for d in gold
        ]
        words_per_second = sum(map(len, gold)) / (time.monotonic() - begun)
        scores = pipeline.evaluate([Example(p, g) for p, g in zip(predicted, gold, strict=True)])
        report[name] = {
            "f1": scores["ents_f"],
            "precision": scores["ents_p"],
            "recall": scores["ents_r"],
            "per_type": {k: v["f"] for k, v in sorted(scores["ents_per_type"].items())},
            "words_per_second": round(words_per_second),
        }
    print(json.dumps(report, indent=None if arguments.json else 2))


if __name__ == "__main__":
    main()
