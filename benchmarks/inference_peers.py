"""Time our CPU inference beside spaCy's efficient pipeline and a Hugging Face BERT of mini size.

One text at a time, each contestant in turn in every round. Nothing is downloaded, so the peers'
weights are random: spaCy's `ner` with its own tok2vec, as `spacy init config --optimize efficiency`
builds it, and a BertForTokenClassification of 4 layers and width 256 (11 M parameters with the
published 30,522 pieces) under the `token-classification` pipeline, whose WordPiece tokenizer is
learned from the same file and whose windows of 512 pieces overlap by 64. That changes what they
find, not what they compute; only spaCy's parser does a little less or more, for it decides as it
goes. The text should be ordinary prose of some megabytes: how many pieces a word has decides much.

    python benchmarks/inference_peers.py --text bbc.txt
    python benchmarks/inference_peers.py --text bbc.txt --bundle runs/a --wall --threads 2
"""

from __future__ import annotations

import argparse
import json
import lzma
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import spacy
import torch
from spacy.training import Example
from tokenizers import BertWordPieceTokenizer
from transformers import (
    BertConfig,
    BertForTokenClassification,
    BertTokenizerFast,
    TokenClassificationPipeline,
)

import ossamma

Recognise = Callable[[str], object]
PIECES = 30_522
MOST_CHARACTERS = 10_000_000
SPACY = "spaCy efficiency"
BERT = "BERT-mini pipeline"


def ours(bundle: Path | None) -> tuple[Recognise, tuple[str, ...]]:
    """Return our recogniser and its types."""
    recogniser = ossamma.load(bundle)
    return lambda text: recogniser.recognise([text]), recogniser.types


def spacy_pipeline(types: tuple[str, ...], text: str) -> Recognise:
    """Return a blank English pipeline with spaCy's default recogniser, weights at random."""
    nlp = spacy.blank("en")
    recogniser = nlp.add_pipe("ner")
    for name in types:
        recogniser.add_label(name)
    nlp.initialize(lambda: [Example.from_dict(nlp.make_doc(text[:200]), {"entities": []})])
    nlp.max_length = 10**9
    return nlp


def bert_pipeline(types: tuple[str, ...], text: str) -> Recognise:
    """Return Hugging Face's pipeline around a BERT of 4 layers and width 256."""
    learned = BertWordPieceTokenizer()
    learned.train_from_iterator(text.splitlines(), vocab_size=PIECES, show_progress=False)
    tokenizer = BertTokenizerFast(tokenizer_object=learned._tokenizer, model_max_length=512)
    tags = ["O", *(f"{mark}-{name}" for name in types for mark in "BI")]
    config = BertConfig(
        vocab_size=PIECES,
        hidden_size=256,
        num_hidden_layers=4,
        num_attention_heads=4,
        intermediate_size=1024,
        id2label=dict(enumerate(tags)),
        label2id={tag: number for number, tag in enumerate(tags)},
    )
    return TokenClassificationPipeline(
        model=BertForTokenClassification(config).eval(),
        tokenizer=tokenizer,
        aggregation_strategy="simple",
        stride=64,
    )


def read_lines(path: Path) -> list[list[str]]:
    """Return the lines of a text that have words, as words; `.xz` is unpacked."""
    data = path.read_bytes()
    text = (lzma.decompress(data) if path.suffix == ".xz" else data).decode()[:MOST_CHARACTERS]
    return [words for words in map(str.split, text.splitlines()) if words]


def text_of(lines: list[list[str]], num_words: int) -> str:
    """Return so many words from the middle of the text, in its lines."""
    chosen: list[str] = []
    left = num_words
    for words in lines[len(lines) // 2 :]:
        chosen.append(" ".join(words[:left]))
        left -= len(words)
        if left <= 0:
            return "\n".join(chosen)
    raise SystemExit(f"the second half of the text has fewer than {num_words} words")


def medians(
    ways: dict[str, Recognise], text: str, repeats: int, clock: Callable[[], float]
) -> dict[str, float]:
    """Return the median seconds of each contestant, all of them in every round."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(repeats + 1):
        for name, recognise in ways.items():
            started = clock()
            recognise(text)
            if turn:  # the first round warms up
                seconds[name].append(clock() - started)
    return {name: statistics.median(each) for name, each in seconds.items()}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--text", type=Path, required=True, help="English prose, .txt or .txt.xz")
    parser.add_argument("--bundle", type=Path, help="by default the one of the package")
    parser.add_argument("--words", default="16,128,512,4096", help="lengths of the texts")
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--wall", action="store_true", help="the wall clock, not CPU time")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(arguments.threads)
    recognise, types = ours(arguments.bundle)
    lines = read_lines(arguments.text)
    corpus = "\n".join(map(" ".join, lines))
    ways = {
        "ossamma": recognise,
        SPACY: spacy_pipeline(types, corpus),
        BERT: bert_pipeline(types, corpus),
    }
    clock = time.perf_counter if arguments.wall else time.process_time
    rows: list[dict[str, float | str]] = []
    for length in map(int, arguments.words.split(",")):
        found = medians(ways, text_of(lines, length), arguments.repeats, clock)
        rows.extend(
            {
                "words": length,
                "system": name,
                "p50_ms": 1000 * seconds,
                "words_per_second": length / seconds,
                "times_ours": seconds / found["ossamma"],
            }
            for name, seconds in found.items()
        )
    if arguments.json:
        print(json.dumps({"threads": arguments.threads, "wall": arguments.wall, "rows": rows}))
        return
    print(f"{'words':>6} {'system':20} {'P50 ms':>9} {'words/s':>9} {'/ ours':>7}")
    for row in rows:
        print(
            f"{row['words']:6} {row['system']:20} {row['p50_ms']:9.2f} "
            f"{row['words_per_second']:9.0f} {row['times_ours']:7.2f}"
        )


if __name__ == "__main__":
    main()
