"""Label errors planted into a clean set: how many suspects are planted, against a surface rule.

    python benchmarks/label_noise.py
    python benchmarks/label_noise.py --file eng.train --documents 150 --set training.epochs=8

A share of the marks is spoilt by a seed, in equal parts: taken away, moved by a word at one end,
given another type, or invented on a name-like word that nothing marks. `ossamma data suspects`
then ranks its suspects, and so does the rule that `ossamma data audit` shows people: what most
occurrences of a surface say is right. A suspect is a hit if it overlaps a planted error. What was
wrong before counts as a miss of both.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from ossamma.data.demo_corpus import DemoSizes, generate_demo_corpus
from ossamma.data.readers.jsonl import write_jsonl
from ossamma.data.readers.registry import read_labelled
from ossamma.evaluation.label_noise import Kind
from ossamma.pipeline.run_family import RunFamily
from ossamma.pipeline.suspects import SuspectRequest, suspects
from ossamma.schema.spans import Annotation, Document, Span
from ossamma.tokenization.alignment import words_of

KINDS = tuple(Kind)
TINY = (
    "training.batch_size=8",
    "training.learning_rate=0.003",
    "training.num_threads=1",
    "tokenizer.vocab_size=2000",
)


@dataclass(frozen=True)
class Place:
    """Where something is, or is thought to be, wrong; `score` ranks, `kind` may be unknown."""

    document: str
    start: int
    end: int
    kind: Kind
    score: float = 0.0


def plant(
    documents: Sequence[Document], rate: float, seed: int
) -> tuple[list[Document], list[Place]]:
    """Spoil a share of the marks; return the documents and where they were spoilt."""
    generator = random.Random(seed)
    types = sorted({m.label for d in documents for m in d.annotations or ()})
    targets = [(i, j) for i, d in enumerate(documents) for j in range(len(d.annotations or ()))]
    chosen = generator.sample(targets, round(rate * len(targets)))
    spoilt = [list(document.annotations or ()) for document in documents]
    places = []
    for number, (i, j) in enumerate(chosen):
        kind = KINDS[number % len(KINDS)]
        document, mark = documents[i], (documents[i].annotations or ())[j]
        made = _spoil(document, mark, kind, spoilt[i], types, generator)
        if made is None:
            continue
        before, after = made
        if before is not None:
            spoilt[i].remove(before)
        if after is not None:
            spoilt[i].append(after)
        ends = [one for one in made if one is not None]
        places.append(
            Place(document.id, min(e.start for e in ends), max(e.end for e in ends), kind)
        )
    noisy = [
        replace(document, annotations=tuple(sorted(marks)))
        for document, marks in zip(documents, spoilt, strict=True)
    ]
    return noisy, places


def _spoil(
    document: Document,
    mark: Annotation,
    kind: Kind,
    marks: list[Annotation],
    types: Sequence[str],
    generator: random.Random,
) -> tuple[Annotation | None, Annotation | None] | None:
    """What to take away and what to put there; None where this cannot be done here."""
    if kind is Kind.MISSING:
        return mark, None
    if kind is Kind.TYPE:
        other = generator.choice([name for name in types if name != mark.label])
        return mark, replace(mark, labels=(other,))
    words = words_of(document)
    taken = [w for w in words if any(w.start < m.end and m.start < w.end for m in marks)]
    free = [w for w in words if w not in taken]
    if kind is Kind.SPURIOUS:
        names = [w for w in free if document.text[w.start].isupper()] or free
        word = generator.choice(names) if names else None
        label = generator.choice(types)
        return None if word is None else (None, Annotation(word.start, word.end, (label,)))
    return _moved(mark, words, set(free), generator)


def _moved(
    mark: Annotation, words: Sequence[Span], free: set[Span], generator: random.Random
) -> tuple[Annotation, Annotation] | None:
    inside = [i for i, w in enumerate(words) if mark.start <= w.start and w.end <= mark.end]
    if not inside:
        return None
    first, last = inside[0], inside[-1]
    moved = []
    if last > first:
        moved += [(words[first + 1].start, mark.end), (mark.start, words[last - 1].end)]
    if first > 0 and words[first - 1] in free:
        moved.append((words[first - 1].start, mark.end))
    if last + 1 < len(words) and words[last + 1] in free:
        moved.append((mark.start, words[last + 1].end))
    if not moved:
        return None
    start, end = generator.choice(moved)
    return mark, replace(mark, start=start, end=end)


def surface_rule(documents: Sequence[Document], longest: int = 6) -> list[Place]:
    """Suspects of the rule: what a surface is most often, it is everywhere.

    The score is the share of what it is most often, less that of what is said here, with one
    occurrence added that says otherwise: a surface that occurs twice proves little.
    """
    readings: dict[str, Counter[str]] = {}
    occurrences: list[tuple[Document, int, int, str]] = []
    marked = {d.text[m.start : m.end] for d in documents for m in d.annotations or ()}
    for document in documents:
        occurrences += [(document, m.start, m.end, m.label) for m in document.annotations or ()]
        occurrences += [
            (document, start, end, "")
            for start, end in _unmarked(document, longest)
            if document.text[start:end] in marked
        ]
    for document, start, end, label in occurrences:
        readings.setdefault(document.text[start:end], Counter())[label] += 1
    places = []
    for document, start, end, label in occurrences:
        counts = readings[document.text[start:end]]
        usual, number = counts.most_common(1)[0]
        if usual == label:
            continue
        kind = Kind.TYPE if usual and label else Kind.SPURIOUS if label else Kind.MISSING
        score = (number - counts[label]) / (counts.total() + 1)
        places.append(Place(document.id, start, end, kind, score))
    return sorted(places, key=lambda place: -place.score)


def _unmarked(document: Document, longest: int) -> Iterable[tuple[int, int]]:
    """Runs of words that no mark touches."""
    words = words_of(document)
    is_free = [
        not any(w.start < m.end and m.start < w.end for m in document.annotations or ())
        for w in words
    ]
    for first in range(len(words)):
        for last in range(first, min(len(words), first + longest)):
            if not is_free[last]:
                break
            yield words[first].start, words[last].end


def judge(found: Sequence[Place], planted: Sequence[Place]) -> dict[str, object]:
    """Precision among the first, and recall of each kind among as many as were planted."""
    hits = [_hit(place, planted) for place in found]
    number = len(planted)
    reached = {hit for hit in hits[:number] if hit is not None}
    ever = {hit for hit in hits if hit is not None}
    of_kind = {kind: [i for i, place in enumerate(planted) if place.kind is kind] for kind in KINDS}
    return {
        "suspects": len(found),
        "precision_at": {
            str(k): round(sum(hit is not None for hit in hits[:k]) / k, 3)
            for k in (25, 50, 100, number)
        },
        "recall_at_planted": _shares(of_kind, reached),
        "recall": _shares(of_kind, ever),
    }


def _shares(of_kind: dict[Kind, list[int]], found: set[int]) -> dict[str, float]:
    shares = {
        kind.value: round(len(found.intersection(places)) / max(1, len(places)), 3)
        for kind, places in of_kind.items()
    }
    total = sum(map(len, of_kind.values()))
    return shares | {"all": round(len(found) / max(1, total), 3)}


def _hit(place: Place, planted: Sequence[Place]) -> int | None:
    for index, error in enumerate(planted):
        overlaps = error.start < place.end and place.start < error.end
        if overlaps and error.document == place.document:
            return index
    return None


def measure(documents: Sequence[Document], arguments: argparse.Namespace) -> dict[str, object]:
    """Plant, look, and compare."""
    noisy, planted = plant(documents, arguments.rate, arguments.seed)
    with TemporaryDirectory() as folder:
        file = Path(folder) / "noisy.jsonl"
        write_jsonl(file, noisy)
        request = SuspectRequest(
            family=RunFamily(
                profile="native",
                train=file,
                dev=file,
                preset="tiny",
                assignments=(*TINY, *arguments.assignments),
            ),
            out=Path(folder) / "suspects",
            folds=arguments.folds,
        )
        began = time.perf_counter()
        outcome = suspects(request)
        seconds = time.perf_counter() - began
        lines = (request.out / "suspects.jsonl").read_text(encoding="utf-8").splitlines()
    found = [_place(json.loads(line)) for line in lines]
    estimate = outcome.estimate.to_json()
    return {
        "documents": len(noisy),
        "marks": sum(len(d.annotations or ()) for d in noisy),
        "planted": dict(Counter(place.kind.value for place in planted)),
        "seconds": round(seconds),
        "model_f1": round(outcome.content["scores"]["micro"]["f1"], 4),
        "model": judge(found, planted),
        "surface_rule": judge(surface_rule(noisy), planted),
        "estimate": estimate,
        "planted_with_a_prediction": _confirmed(found, planted),
    }


def _place(row: dict[str, dict[str, int]]) -> Place:
    sides = [side for side in (row["given"], row["suggested"]) if side]
    return Place(
        str(row["document"]),
        min(side["start"] for side in sides),
        max(side["end"] for side in sides),
        Kind(str(row["kind"])),
    )


def _confirmed(found: Sequence[Place], planted: Sequence[Place]) -> int:
    """Planted errors that a suspect with a prediction meets: what the estimate speaks of."""
    met = {_hit(place, planted) for place in found if place.kind is not Kind.SPURIOUS}
    return len({i for i in met if i is not None and planted[i].kind is not Kind.SPURIOUS})


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--file", type=Path, help="labelled file; without it the demo corpus")
    parser.add_argument("--documents", type=int, default=300, help="how many of its first ones")
    parser.add_argument("--rate", type=float, default=0.05, help="share of the marks spoilt")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1, help="of the planting")
    parser.add_argument("--set", dest="assignments", action="append", default=[])
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if arguments.file:
        documents = read_labelled(arguments.file, "auto")[: arguments.documents]
    else:
        sizes = DemoSizes(train=arguments.documents, dev=1, test=1)
        documents = list(generate_demo_corpus(arguments.seed, sizes).train)
    result = measure(documents, arguments)
    print(json.dumps(result, indent=None if arguments.json else 2))


if __name__ == "__main__":
    main()
