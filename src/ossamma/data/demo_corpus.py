"""The demonstration corpus: documents with exact annotations, written by a grammar from a seed.

The grammar (`profiles/rag9/demo.yaml`) has sentence templates by topic, with slots that lists of
fillers fill. What makes the evaluation honest:

* The open lists of fillers, and the templates of each topic, are divided once and for all (by the
  hash of each entry, not by the seed) into a shared part, a development part and a test part.
* Training sees the shared part only. A test sentence takes a held-out template half of the time,
  and an entity takes held-out fillers three times in five; development likewise, with its own.
* Lists of closed classes (months, units) and of spellings with two meanings ("Washington") are
  shared by all.
* No text of a document occurs twice in the whole corpus.

So a good score cannot come from learning names or sentences by heart, yet the sentences are of
one hand: the score says that the pipeline works, not how a model does on real text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from hashlib import sha256
from importlib.resources import files
from random import Random
from typing import Final

import yaml

from ossamma.schema.errors import ConfigurationError
from ossamma.schema.spans import Annotation, Document, Provenance

_DEV_SHARE: Final = 0.12
_TEST_SHARE: Final = 0.22
_HELD_OUT_TEMPLATE: Final = 0.5
_HELD_OUT_FILLER: Final = 0.6
_NUM_SENTENCES: Final = (1, 1, 2, 2, 3)
_NUM_REDRAWS: Final = 8
_SEPARATED_FROM: Final = 10_000
"""Whole numbers from here on are written with a comma; years stay below."""
_SLOT: Final = re.compile(
    r"\{(?:(?P<type>[A-Z]+)(?::(?P<of>\w+))?|(?P<low>\d+)\.\.(?P<high>\d+)|(?P<list>\w{2,}))\}"
)
_ARTICLE: Final = "{a} "
_VOWEL: Final = re.compile(r"[aeiou]", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True, slots=True)
class DemoSizes:
    """Number of documents on each side, at least one."""

    train: int = 1200
    """Documents to train on."""
    dev: int = 200
    """Documents to choose the checkpoint and the temperature on."""
    test: int = 200
    """Documents for the final score."""

    def __post_init__(self) -> None:
        for field in fields(self):
            if getattr(self, field.name) < 1:
                raise ConfigurationError(
                    f"{field.name} must be at least 1 document, got {getattr(self, field.name)}"
                )


DEFAULT_SIZES: Final = DemoSizes()


@dataclass(frozen=True, kw_only=True, slots=True)
class DemoCorpus:
    """Training, development and test documents: raw text with character spans, no words."""

    train: tuple[Document, ...]
    dev: tuple[Document, ...]
    test: tuple[Document, ...]


def generate_demo_corpus(seed: int, sizes: DemoSizes = DEFAULT_SIZES) -> DemoCorpus:
    """Write the corpus. The same seed and sizes give the same documents, byte for byte."""
    grammar = _load_grammar()
    taken: set[str] = set()
    written: dict[str, tuple[Document, ...]] = {}
    for side in ("train", "dev", "test"):
        # A stream for each side: the size of one side leaves the sentences of the others alone.
        writer = _Writer(grammar, side, Random(f"{seed}-{side}"))
        written[side] = _write_side(writer, side, getattr(sizes, side), taken)
    return DemoCorpus(**written)


def _write_side(writer: _Writer, side: str, size: int, taken: set[str]) -> tuple[Document, ...]:
    """Write documents until there are `size` with a text that is not taken yet."""
    documents: list[Document] = []
    while len(documents) < size:
        text, annotations = writer.document()
        if text in taken:
            continue
        taken.add(text)
        number = len(documents) + 1
        documents.append(
            Document(
                id=f"demo-{side}-{number:05d}",
                text=text,
                annotations=tuple(annotations),
                provenance=Provenance(f"demo:{side}", number),
            )
        )
    return tuple(documents)


@dataclass(frozen=True, slots=True)
class _Slot:
    """A place for an entry of one of these lists; `label` is empty where none is annotated."""

    label: str
    lists: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Number:
    """A place for a whole number, both ends included."""

    low: int
    high: int


_Piece = str | _Slot | _Number
_Pieces = tuple[_Piece, ...]


@dataclass(frozen=True, slots=True)
class _Division:
    """The entries of one list, divided between the sides."""

    shared: tuple[_Pieces, ...]
    held_out: Mapping[str, tuple[_Pieces, ...]]

    def entries(self, side: str, *, held_out: bool) -> tuple[_Pieces, ...]:
        """Return the side's own entries, or the shared ones where it has none."""
        return (self.held_out.get(side, ()) if held_out else ()) or self.shared


@dataclass(frozen=True, slots=True)
class _Grammar:
    """Lists by name and templates by topic, divided."""

    lists: Mapping[str, _Division]
    templates: Mapping[str, _Division]


def _load_grammar() -> _Grammar:
    file = files("ossamma.profiles").joinpath("rag9", "demo.yaml")
    source: dict[str, dict[str, list[str]]] = yaml.safe_load(file.read_text(encoding="utf-8"))
    entities = source["entities"]
    lists = {name: _divide(texts, entities) for name, texts in source["open"].items()}
    for name, texts in source["closed"].items():
        lists[name] = _Division(tuple(_parse(text, entities) for text in texts), {})
    topics = {name: _divide(texts, entities) for name, texts in source["templates"].items()}
    return _Grammar(lists, topics)


def _divide(texts: Sequence[str], entities: Mapping[str, Sequence[str]]) -> _Division:
    """Divide by the hash of each text alone: a new entry moves no other to another side."""
    parts: dict[str, list[_Pieces]] = {"train": [], "dev": [], "test": []}
    for text in texts:
        place = int.from_bytes(sha256(text.encode()).digest()[:8]) / 2**64
        held_out = "dev" if place < _DEV_SHARE else "test"
        side = held_out if place < _DEV_SHARE + _TEST_SHARE else "train"
        parts[side].append(_parse(text, entities))
    shared = tuple(parts.pop("train"))
    assert shared, f"a list needs entries to train on: {texts}"
    return _Division(shared, {side: tuple(entries) for side, entries in parts.items()})


def _parse(text: str, entities: Mapping[str, Sequence[str]]) -> _Pieces:
    """Cut a template or filler into plain text and places to fill."""
    pieces: list[_Piece] = []
    end = 0
    for match in _SLOT.finditer(text):
        pieces.append(text[end : match.start()])
        end = match.end()
        if match["type"]:
            lists = (match["of"],) if match["of"] else tuple(entities[match["type"]])
            pieces.append(_Slot(match["type"], lists))
        elif match["low"]:
            pieces.append(_Number(int(match["low"]), int(match["high"])))
        else:
            pieces.append(_Slot("", (match["list"],)))
    pieces.append(text[end:])
    return tuple(piece for piece in pieces if piece != "")


class _Writer:
    """Writes documents of one side from the grammar."""

    def __init__(self, grammar: _Grammar, side: str, random: Random) -> None:
        self._grammar = grammar
        self._side: str = side
        self._random = random
        self._topics = tuple(grammar.templates.values())

    def document(self) -> tuple[str, list[Annotation]]:
        """Write one to three sentences on one topic."""
        topic = self._random.choice(self._topics)
        templates: list[_Pieces] = []
        num_sentences = self._random.choice(_NUM_SENTENCES)
        while len(templates) < num_sentences:
            held_out = self._random.random() < _HELD_OUT_TEMPLATE
            template = self._random.choice(topic.entries(self._side, held_out=held_out))
            if template not in templates:
                templates.append(template)
        text, annotations = "", []
        for template in templates:
            if text:
                text += " " if text[-1] in '.?!"' else "\n"  # a headline stands on its own line
            sentence, found = self._sentence(template)
            annotations += [
                replace(a, start=a.start + len(text), end=a.end + len(text)) for a in found
            ]
            text += sentence
        return text, annotations

    def _sentence(self, template: _Pieces) -> tuple[str, list[Annotation]]:
        """Fill a template, if possible without the same entity twice."""
        parts: list[tuple[str, str]] = []
        for piece in template:
            label = piece.label if isinstance(piece, _Slot) else ""
            part = (self._fill(piece), label)
            for _ in range(_NUM_REDRAWS):
                if not label or part not in parts:
                    break
                part = (self._fill(piece), label)
            parts.append(part)
        return _join(parts)

    def _fill(self, piece: _Piece) -> str:
        return self._expand(piece, held_out=self._random.random() < _HELD_OUT_FILLER)

    def _expand(self, piece: _Piece, *, held_out: bool) -> str:
        if isinstance(piece, str):
            return piece
        if isinstance(piece, _Number):
            number = self._random.randint(piece.low, piece.high)
            return f"{number:,}" if number >= _SEPARATED_FROM else str(number)
        division = self._grammar.lists[self._random.choice(piece.lists)]
        entry = self._random.choice(division.entries(self._side, held_out=held_out))
        return "".join(self._expand(part, held_out=held_out) for part in entry)


def _join(parts: Sequence[tuple[str, str]]) -> tuple[str, list[Annotation]]:
    """Join (text, type) parts of a sentence; a part without a type is not annotated."""
    text = ""
    annotations: list[Annotation] = []
    followers = [text for text, _ in parts[1:]] + [""]
    for (part, label), following in zip(parts, followers, strict=True):
        # "Acme Inc." ends a sentence without a second full stop
        written = part.removeprefix(".") if text.endswith(".") else part
        if written.endswith(_ARTICLE):
            article = "an " if _VOWEL.match(following) else "a "
            written = written.removesuffix(_ARTICLE) + article
        if label:
            annotations.append(Annotation(len(text), len(text) + len(written), (label,)))
        text += written
    if text.split(maxsplit=1)[0].islower():  # "iPad" keeps its small letter
        text = text[0].upper() + text[1:]
    return text, annotations
