"""Known label errors, planted or corrected by people: how many suspects are among them.

    python benchmarks/label_noise.py
    python benchmarks/label_noise.py --file eng.train --documents 150 --set training.epochs=8
    python benchmarks/label_noise.py --file test.conll --corrected right.jsonl --suspects DIR

A share of the marks is spoilt by a seed, in equal parts: taken away, moved by a word at one end,
given another type, or invented on a name-like word that nothing marks. `ossamma data suspects`
then ranks its suspects. With --corrected nothing is planted and nothing trained: what differs
between FILE and the same documents as people corrected them is what is wrong, and DIR is the
answer of `ossamma data suspects --min-score -1` for FILE.

A suspect is a hit if it overlaps an error. What nobody planted or corrected counts as a miss, of
all rankings alike:

- margin: the posterior of what is suggested less that of what is marked, which is the default;
- self-confidence: the loss of what is marked, whatever is suggested;
- suggestion: the posterior of what is suggested, which orders the errors of a report;
- surface_rule: what most occurrences of a surface say is right, as `ossamma data audit` shows;
- in_sample (--in-sample): the loss of what is marked, by one model that has learned from it.
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
from typing import Any

from ossamma.data.demo_corpus import DemoSizes, generate_demo_corpus
from ossamma.data.readers.jsonl import write_jsonl
from ossamma.data.readers.registry import read_labelled
from ossamma.evaluation.judge import judge as judge_entities
from ossamma.evaluation.label_noise import Kind, Ranking, SuspectSettings, find_suspects
from ossamma.pipeline.fold_readings import read_with
from ossamma.pipeline.run_family import RunFamily
from ossamma.pipeline.suspects import SuspectRequest, suspects
from ossamma.pipeline.train_run import train
from ossamma.schema.spans import Annotation, Document, Span
from ossamma.tokenization.alignment import words_of

KINDS = tuple(Kind)
SMALL = (
    "training.batch_size=8",
    "training.learning_rate=0.003",
    "training.num_threads=1",
    "tokenizer.vocab_size=2000",
)

Mark = tuple[int, int, str]


@dataclass(frozen=True)
class Place:
    """Where something is, or is thought to be, wrong.

    `score` ranks; `given` and `suggested` are a suspect's posteriors, `mark` what it suggests.
    """

    document: str
    start: int
    end: int
    kind: Kind
    score: float = 0.0
    given: float = 0.0
    suggested: float = 0.0
    mark: Mark | None = None


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


def judge(found: Sequence[Place], wrong: Sequence[Place]) -> dict[str, object]:
    """Precision among the first, and recall of each kind among as many as there are errors."""
    hits = [_hit(place, wrong) for place in found]
    number = len(wrong)
    reached = {hit for hit in hits[:number] if hit is not None}
    ever = {hit for hit in hits if hit is not None}
    of_kind = {kind: [i for i, place in enumerate(wrong) if place.kind is kind] for kind in KINDS}
    return {
        "suspects": len(found),
        "precision": round(sum(hit is not None for hit in hits) / max(1, len(hits)), 3),
        "precision_at": {
            str(k): round(sum(hit is not None for hit in hits[:k]) / k, 3)
            for k in (25, 50, 100, 200, number)
        },
        "recall_at_number": _shares(of_kind, reached),
        "recall": _shares(of_kind, ever),
    }


def rankings(found: Sequence[Place]) -> dict[str, list[Place]]:
    """Order all disagreements of a model and the annotation in three ways."""
    return {
        "margin": sorted(
            (place for place in found if place.score >= 0.0), key=lambda place: -place.score
        ),
        "self_confidence": sorted(found, key=lambda place: place.given),
        "suggestion": sorted(found, key=lambda place: -place.suggested),
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
        family = RunFamily(
            profile="native",
            train=file,
            dev=file,
            preset=arguments.preset,
            assignments=(*SMALL, *arguments.assignments),
        )
        request = SuspectRequest(
            family=family,
            out=Path(folder) / "suspects",
            folds=arguments.folds,
            settings=SuspectSettings(min_score=-1.0),
        )
        began = time.perf_counter()
        suspects(request)
        seconds = time.perf_counter() - began
        result = compare(request.out, planted, documents, noisy)
        if arguments.in_sample:
            learned = in_sample(family, noisy, Path(folder) / "in-sample")
            result["in_sample"] = judge(learned, planted)
    return {"seconds": round(seconds)} | result


def compare(
    folder: Path, wrong: Sequence[Place], right: Sequence[Document], given: Sequence[Document]
) -> dict[str, object]:
    """Judge the suspects of a folder, and its estimate, by what is wrong and what is right.

    Args:
        folder: an answer of `ossamma data suspects`, of all scores.
        wrong: the errors of the annotation.
        right: the documents as they should be.
        given: the same documents as they were read.
    """
    lines = (folder / "suspects.jsonl").read_text(encoding="utf-8").splitlines()
    content = json.loads((folder / "suspects.json").read_text(encoding="utf-8"))
    if content["settings"]["min_score"] > -1.0:
        raise SystemExit(f"{folder} has not all disagreements: make it with --min-score -1")
    found = [_place(json.loads(line)) for line in lines]
    marks = {document.id: _marks(document) for document in right}
    proposed = [place for place in found if place.mark is not None]
    truly = sum(place.mark in marks[place.document] for place in proposed)
    changed = sum(len(_marks(document) - marks[document.id]) for document in given)
    return {
        "documents": len(given),
        "marks": content["source"]["marks"],
        "wrong": dict(Counter(place.kind.value for place in wrong)),
        "marks_changed": changed,
        "model_f1": round(content["scores"]["micro"]["f1"], 4),
        **{name: judge(ranked, wrong) for name, ranked in rankings(found).items()},
        "surface_rule": judge(surface_rule(given), wrong),
        "estimate": content["estimate"],
        "unconfirmed_predictions": len(proposed),
        "unconfirmed_that_are_right": truly,
        "unconfirmed_at_an_error": sum(_hit(place, wrong) is not None for place in proposed),
    }


def differences(given: Sequence[Document], right: Sequence[Document]) -> list[Place]:
    """Return what is wrong in some documents, by the same documents as they should be."""
    places = []
    for before, after in zip(given, right, strict=True):
        if (before.id, before.text) != (after.id, after.text):
            raise SystemExit(f"expected the same documents, got {before.id} and {after.id}")
        old, new = _marks(before), _marks(after)
        added = sorted(new - old)
        found: set[Mark] = set()
        for start, end, _ in sorted(old - new):
            met = [mark for mark in added if mark[0] < end and start < mark[1]]
            found.update(met)
            same = any(mark[:2] == (start, end) for mark in met)
            kind = Kind.TYPE if same else Kind.BOUNDARY if met else Kind.SPURIOUS
            ends = [(start, end), *(mark[:2] for mark in met)]
            places.append(Place(before.id, min(e[0] for e in ends), max(e[1] for e in ends), kind))
        places += [Place(before.id, mark[0], mark[1], Kind.MISSING) for mark in set(added) - found]
    return places


def in_sample(family: RunFamily, documents: Sequence[Document], out: Path) -> list[Place]:
    """Rank the disagreements of a model with what it has learned itself by its loss."""
    model = train(family.request(out, resume=False)).recogniser
    readings = read_with(model, documents)
    judged = judge_entities(documents, (reading.entities for reading in readings))
    settings = SuspectSettings(ranking=Ranking.SELF_CONFIDENCE, min_score=-1.0)
    found = find_suspects(tuple(judged), readings, settings)
    return [_place(suspect.to_json()) for suspect in found.suspects]


def _marks(document: Document) -> set[Mark]:
    return {(mark.start, mark.end, mark.label) for mark in document.annotations or ()}


def _place(row: dict[str, Any]) -> Place:
    sides = [side for side in (row["given"], row["suggested"]) if side]
    new = row["suggested"]
    return Place(
        row["document"],
        min(side["start"] for side in sides),
        max(side["end"] for side in sides),
        Kind(row["kind"]),
        row["score"],
        row["posteriors"]["given"],
        row["posteriors"]["suggested"],
        (new["start"], new["end"], new["type"]) if new else None,
    )


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--file", type=Path, help="labelled file; without it the demo corpus")
    parser.add_argument("--documents", type=int, default=300, help="how many of its first ones")
    parser.add_argument("--rate", type=float, default=0.05, help="share of the marks spoilt")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--preset", default="tiny", help="size of the models")
    parser.add_argument(
        "--in-sample", action="store_true", help="also rank by the loss in training"
    )
    parser.add_argument("--corrected", type=Path, help="the documents of --file as they should be")
    parser.add_argument("--suspects", type=Path, help="with --corrected: the answer for --file")
    parser.add_argument("--seed", type=int, default=1, help="of the planting")
    parser.add_argument("--set", dest="assignments", action="append", default=[])
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if (arguments.corrected is None) != (arguments.suspects is None):
        parser.error("--corrected and --suspects go together")
    if arguments.corrected:
        given = read_labelled(arguments.file, "auto")
        right = read_labelled(arguments.corrected, "auto")
        result = compare(arguments.suspects, differences(given, right), right, given)
    elif arguments.file:
        result = measure(read_labelled(arguments.file, "auto")[: arguments.documents], arguments)
    else:
        sizes = DemoSizes(train=arguments.documents, dev=1, test=1)
        result = measure(generate_demo_corpus(arguments.seed, sizes).train, arguments)
    print(json.dumps(result, indent=None if arguments.json else 2))


if __name__ == "__main__":
    main()
