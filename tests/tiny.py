"""The smallest things of every kind that tests share: a tokenizer, a model, a corpus, a run."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

import torch

from ossamma.inference.recogniser import OssammaRecogniser
from ossamma.inference.settings import InferenceSettings
from ossamma.model.configuration import OssammaConfig
from ossamma.model.modeling import OssammaForTokenClassification, tag_entries
from ossamma.pipeline.recipe import Recipe, build_recipe
from ossamma.pipeline.train_run import TrainOutcome, TrainRequest, train
from ossamma.schema.labels import LabelSet
from ossamma.schema.profile import native_profile
from ossamma.schema.spans import Annotation, Document
from ossamma.tokenization.features import FeatureSpec, WordFeatures
from ossamma.tokenization.tokenizer import PieceTokenizer, TokenizerSettings, train_tokenizer

PEOPLE = ("Ada Lovelace", "Alan Turing", "Grace Hopper", "Marie Curie", "Emmy Noether")
PLACES = ("Oslo", "New York", "Lima", "Mount Everest", "Paris")
LABELS = LabelSet(("PERSON", "PLACE"))
PROFILE = native_profile(LABELS.types)
FEATURES = (("lower", 50), ("shape", 30))

ASSIGNMENTS = (
    "model.hidden_size=16",
    "model.num_hidden_layers=1",
    "model.num_attention_heads=2",
    "model.num_oscillators=4",
    "model.time_dimension=4",
    "model.word_feature_width=4",
    "model.word_features=[[lower, 50], [shape, 30]]",
    "tokenizer.vocab_size=280",
    "training.epochs=2",
    "training.batch_size=4",
    "training.learning_rate=0.01",
    "training.average_decay=0.9",
    "training.num_threads=1",
    "training.window_pieces=60",
)
"""Settings of a run that takes a second."""


def recipe(*assignments: str, **options: object) -> Recipe:
    """The settings above, with some of them changed."""
    return build_recipe(assignments=[*ASSIGNMENTS, *assignments], **options)


def documents(number: int, seed: int, prefix: str = "d") -> list[Document]:
    """Labelled raw texts such as "Ada Lovelace met Alan Turing in Oslo ."."""
    generator = random.Random(seed)
    made = []
    for index in range(number):
        text, annotations = "", []
        for part in generator.choice((("P", "V"), ("P", "in", "L"), ("L", "is", "old"))):
            names = {"P": PEOPLE, "L": PLACES, "V": ("waited", "slept")}.get(part, (part,))
            name = generator.choice(names)
            if part in "PL":
                label = {"P": "PERSON", "L": "PLACE"}[part]
                annotations.append(Annotation(len(text), len(text) + len(name), (label,)))
            text += name + " "
        # Numbered, so that no two documents are the same.
        text += f"{prefix} {index} ."
        made.append(Document(id=f"{prefix}{index}", text=text, annotations=tuple(annotations)))
    return made


def write_conll(path: Path, made: list[Document], names: dict[str, str] | None = None) -> Path:
    """Write documents as two columns; `names` replaces types by a data set's labels."""
    lines = []
    for document in made:
        position = 0
        for word in document.text.split(" "):
            tag = "O"
            for annotation in document.annotations or ():
                if annotation.start <= position < annotation.end:
                    letter = "B" if position == annotation.start else "I"
                    tag = f"{letter}-{(names or {}).get(annotation.label, annotation.label)}"
            lines.append(f"{word}\t{tag}")
            position += len(word) + 1
        lines.append("")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def corpus(folder: Path, names: dict[str, str] | None = None) -> dict[str, Path]:
    """Write train, dev and test files."""
    folder.mkdir(parents=True, exist_ok=True)
    sizes = {"train": 24, "dev": 8, "test": 8}
    return {
        name: write_conll(folder / f"{name}.conll", documents(size, seed, name), names)
        for seed, (name, size) in enumerate(sizes.items())
    }


def tokenizer(texts: tuple[str, ...] = PEOPLE + PLACES) -> PieceTokenizer:
    """A tokenizer of a few more pieces than bytes."""
    return train_tokenizer(texts * 3, TokenizerSettings(vocab_size=290))


def word_features() -> WordFeatures:
    """The features of the tiny model."""
    return WordFeatures([FeatureSpec(*spec) for spec in FEATURES])


def model(
    pieces: PieceTokenizer, labels: LabelSet = LABELS, *, seed: int = 0, scale: float = 3.0
) -> OssammaForTokenClassification:
    """A random model in eval mode; `scale` makes its answers as varied as a trained one's."""
    torch.manual_seed(seed)
    config = OssammaConfig(
        vocab_size=pieces.vocab_size,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_oscillators=4,
        time_dimension=4,
        window_size=8,
        word_features=FEATURES,
        word_feature_width=4,
        **tag_entries(labels),
    )
    made = OssammaForTokenClassification(config)
    with torch.no_grad():
        made.head.emissions.weight.normal_(std=scale / 4)
        for parameter in made.crf.parameters():
            parameter.normal_(std=scale / 4)
    return made.eval()


def recogniser(*, seed: int = 0, **settings: int) -> OssammaRecogniser:
    """A recogniser around a random model; the same seed makes the same one."""
    pieces = tokenizer()
    chosen = InferenceSettings(**settings) if settings else None
    return OssammaRecogniser(model(pieces, seed=seed), pieces, chosen)


@dataclass(frozen=True)
class Trained:
    """A finished run."""

    request: TrainRequest
    outcome: TrainOutcome


def train_native(folder: Path, *assignments: str) -> Trained:
    """Train on the tiny corpus with its own labels; the run goes to `folder`/run."""
    request = TrainRequest(
        profile="native",
        **corpus(folder / "corpus"),
        out=folder / "run",
        recipe=recipe(*assignments),
    )
    return Trained(request, train(request))
