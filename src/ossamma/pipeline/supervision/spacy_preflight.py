"""What is checked before spaCy trains: files, labels, what spaCy would drop, memory, disk."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import Any, Final

import spacy
import torch
from spacy.tokens import Doc, DocBin
from spacy.util import import_file, load_config

from ossamma.data.readers.docbin import read_docbin
from ossamma.schema.errors import ConfigurationError, DataError
from ossamma.spacy_path.docbin_facts import DocBinFacts, docbin_facts
from ossamma.spacy_path.placement import token_range

_FEW: Final = 20
_SHOWN: Final = 3
_LEAST_FREE: Final = 200 * 2**20


@dataclass(frozen=True, slots=True)
class Preflight:
    """A configuration with its paths, and what a person should know."""

    config: dict[str, Any]
    train: DocBinFacts
    dev: DocBinFacts
    notes: tuple[str, ...]


def check(
    config: Path, *, train: Path, dev: Path, code: Path | None = None, gpu: int = -1
) -> Preflight:
    """Check everything that can be known before the first step.

    Raises:
        ConfigurationError: the configuration cannot be read, or the GPU cannot be used.
        DataError, FormatError: a file cannot be trained or scored on.
    """
    if train.resolve() == dev.resolve():
        raise DataError(f"{train}: training and dev file are the same; scores would mean nothing")
    filled = _filled(config, code)
    _check_gpu(gpu)
    facts = {name: _facts(name, path) for name, path in (("train", train), ("dev", dev))}
    filled["paths"] = {**filled["paths"], "train": str(train), "dev": str(dev)}
    notes = [*_label_notes(facts["train"], facts["dev"]), *_shared_texts(train, dev)]
    language = filled["nlp"]["lang"]
    for name, path in (("train", train), ("dev", dev)):
        notes += _misaligned(name, path, language)
    if shutil.disk_usage(_existing(config.parent)).free < _LEAST_FREE:
        raise ConfigurationError(
            f"less than {_LEAST_FREE >> 20} MiB are free on the disk; make room"
        )
    return Preflight(filled, facts["train"], facts["dev"], tuple(notes))


def write_hard_sample(train: Path, dev: Path, folder: Path, *, documents: int = 256) -> None:
    """Write the longest documents to train on, and a few to score: what a dry run is made of."""
    blank = spacy.blank("xx")
    docs = list(_docs(train, blank.vocab))
    docs.sort(key=len, reverse=True)
    DocBin(docs=docs[:documents], store_user_data=False).to_disk(folder / "train.spacy")
    scored = (doc for doc in _docs(dev, blank.vocab) if doc.ents)
    DocBin(docs=list(islice(scored, 20)), store_user_data=False).to_disk(folder / "dev.spacy")


def _filled(path: Path, code: Path | None) -> dict[str, Any]:
    try:
        if code is not None:
            import_file("python_code", code)
        config = load_config(path)
        nlp = config["nlp"]["pipeline"]
        training = config["training"]
        # What is read later, so that its want is told here.
        itemgetter("accumulate_gradient", "max_steps", "max_epochs", "optimizer", "logger")(
            training
        )
    except (OSError, ValueError, LookupError, ImportError) as error:
        raise ConfigurationError(
            f"{path}: expected a complete spaCy training configuration: {error}; make one with "
            "`ossamma spacy config`, or complete it with `spacy init fill-config`"
        ) from error
    if not nlp:
        raise ConfigurationError(f"{path}: [nlp] pipeline names no component")
    made: dict[str, Any] = dict(config)
    return made


def _check_gpu(gpu: int) -> None:
    if gpu < 0:
        return
    if not torch.cuda.is_available():
        raise ConfigurationError(
            f"--gpu-id {gpu}: torch sees no CUDA device; use the CPU with --gpu-id -1"
        )
    if find_spec("cupy") is None:
        raise ConfigurationError(
            "spaCy needs CuPy to use a GPU: pip install cupy-cuda12x (or that of your CUDA)"
        )


def _facts(name: str, path: Path) -> DocBinFacts:
    facts = docbin_facts(path)
    if not facts.entities:
        raise DataError(
            f"{path} ({name}): expected entities, got none in {facts.documents:,} documents"
        )
    return facts


def _label_notes(train: DocBinFacts, dev: DocBinFacts) -> Iterator[str]:
    for name, facts in (("train", train), ("dev", dev)):
        if facts.unlabelled:
            number = f"{facts.unlabelled:,} of {facts.documents:,}"
            yield f"{name}: nothing is known of {number} documents, so nothing is learnt from them"
    unseen = sorted(set(dev.labels) - set(train.labels))
    if unseen:
        yield f"dev has labels that train does not have, and cannot be found: {', '.join(unseen)}"
    rare = [f"{label} ({n})" for label, n in train.labels.items() if n < _FEW]
    if rare:
        yield f"train has fewer than {_FEW} examples of {', '.join(rare)}"


def _shared_texts(train: Path, dev: Path) -> Iterator[str]:
    known = {document.text for document in read_docbin(train).documents}
    texts = [document.text for document in read_docbin(dev).documents]
    if shared := sum(text in known for text in texts):
        yield (
            f"{shared:,} of {len(texts):,} dev documents are also in the training set; scores on "
            "them are too good"
        )


def _misaligned(name: str, path: Path, language: str) -> Iterator[str]:
    """Count entities that spaCy would drop because its words are not those of the file."""
    tokenize = spacy.blank(language).make_doc
    lost: list[str] = []
    number = 0
    for document in read_docbin(path).documents:
        doc = tokenize(document.text)
        starts = [token.idx for token in doc]
        ends = [token.idx + len(token) for token in doc]
        for annotation in document.annotations or ():
            number += 1
            first, end = token_range(starts, ends, annotation.start, annotation.end)
            fits = starts[first] == annotation.start and ends[end - 1] == annotation.end
            if not fits:
                lost.append(document.text[annotation.start : annotation.end])
    if lost:
        examples = ", ".join(map(repr, lost[:_SHOWN]))
        yield (
            f"{name}: {len(lost):,} of {number:,} entities begin or end inside a word of spaCy's "
            f"tokenizer, such as {examples}; spaCy learns nothing from them, and cannot find them"
        )


def _docs(path: Path, vocab: Any) -> Iterator[Doc]:  # noqa: ANN401  spaCy's own type
    for file in sorted(path.glob("*.spacy")) if path.is_dir() else [path]:
        yield from DocBin().from_disk(file).get_docs(vocab)


def _existing(folder: Path) -> Path:
    return folder if folder.exists() else Path()
