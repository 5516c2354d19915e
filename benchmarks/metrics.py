"""Time strict entity scores from tags against seqeval, on the same sentences in the same run.

Prints the median of several runs of each and how many times slower seqeval is. Ends with an
assertion error if any figure of the report differs.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import statistics
import time
import warnings
from collections.abc import Callable
from typing import Any

from seqeval.metrics import classification_report, f1_score
from seqeval.scheme import IOB2

from ossamma.evaluation.metrics import strict_scores_from_tags
from ossamma.evaluation.scores import Scores

TYPES = ("PERSON", "AGENCY", "PLACE", "MEASURE", "WORK", "EVENT", "DOMAIN", "INSTRUMENT", "SPECIES")
WRONG_TAGS = ("O", *(f"{letter}-{name}" for name in TYPES for letter in "BI"))
ENTITY_RATE = 0.08
"""Chance that a word outside opens an entity: about one word in seven is then inside of one."""
ERROR_RATE = 0.04
"""Chance that a predicted tag is replaced by any tag, legal there or not."""

OURS = "ossamma strict_scores_from_tags"

Sentences = list[list[str]]


def generate(num_sentences: int, seed: int) -> tuple[Sentences, Sentences]:
    """Gold and predicted tags of sentences of 10 to 30 words (20 on average)."""
    generator = random.Random(seed)
    gold = [_sentence(generator.randint(10, 30), generator) for _ in range(num_sentences)]
    predicted = [
        [generator.choice(WRONG_TAGS) if generator.random() < ERROR_RATE else t for t in tags]
        for tags in gold
    ]
    return gold, predicted


def _sentence(length: int, generator: random.Random) -> list[str]:
    tags: list[str] = []
    while len(tags) < length:
        if generator.random() < ENTITY_RATE:
            name = generator.choice(TYPES)
            tags += [f"B-{name}"] + [f"I-{name}"] * generator.randrange(3)
        else:
            tags.append("O")
    return tags[:length]


def timed(calls: dict[str, Callable[[], Any]], num_rounds: int) -> dict[str, list[float]]:
    """Seconds of each call in each round. Rounds alternate, so that a busy machine slows all."""
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(num_rounds):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            seconds[name].append(time.perf_counter() - start)
    return seconds


def assert_identical(scores: Scores, report: dict[str, dict[str, float]], strict_f1: float) -> None:
    """Compare every figure of seqeval's report; means may differ by rounding (1e-12)."""
    rows = dict(scores.per_type) | {
        f"{name} avg": getattr(scores, name) for name in ("micro", "macro", "weighted")
    }
    assert rows.keys() == report.keys(), (rows.keys(), report.keys())
    for name, row in rows.items():
        ours = (row.precision, row.recall, row.f1)
        theirs = tuple(float(report[name][key]) for key in ("precision", "recall", "f1-score"))
        same = all(math.isclose(a, b, abs_tol=1e-12) for a, b in zip(ours, theirs, strict=True))
        assert same, (name, ours, theirs)
        support = getattr(row, "support", scores.micro.support)
        assert support == report[name]["support"], (name, support, report[name])
    assert scores.micro.f1 == strict_f1, (scores.micro.f1, strict_f1)


def main() -> None:
    """Run the comparison and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sentences", type=int, default=100_000, help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=0, help="default: %(default)s")
    parser.add_argument("--rounds", type=int, default=5, help="default: %(default)s")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of text")
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # seqeval warns of zero divisions on small samples

    gold, predicted = generate(options.sentences, options.seed)
    strict: dict[str, Any] = {"mode": "strict", "scheme": IOB2, "zero_division": 0}
    calls: dict[str, Callable[[], Any]] = {
        OURS: lambda: strict_scores_from_tags(gold, predicted),
        "seqeval f1_score": lambda: f1_score(gold, predicted),
        "seqeval f1_score strict": lambda: f1_score(gold, predicted, **strict),
        "seqeval classification_report strict": lambda: classification_report(
            gold, predicted, output_dict=True, **strict
        ),
    }
    scores, _, strict_f1, report = (call() for call in calls.values())
    assert_identical(scores, report, float(strict_f1))

    seconds = timed(calls, options.rounds)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    result = {
        "sentences": options.sentences,
        "words": sum(map(len, gold)),
        "entities": scores.micro.support,
        "seconds": medians,
        "times_slower": {name: value / medians[OURS] for name, value in medians.items()},
    }
    if options.json:
        print(json.dumps(result))
        return
    print(
        f"{result['sentences']} sentences, {result['words']} words, {result['entities']} entities"
    )
    for name, value in medians.items():
        print(f"{name:40}{value:9.3f} s {value / medians[OURS]:9.1f} x")
    print("figures identical")


if __name__ == "__main__":
    main()
