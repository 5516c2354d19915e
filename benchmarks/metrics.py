"""Time entity scores from tags against seqeval and nervaluate, on the same sentences in one run.

Prints the median of several runs of each and how many times slower the others are: seqeval than
strict scores, nervaluate than all four schemes. Ends with an assertion error if any strict figure
differs; under the other schemes nervaluate's figures depend on the order of spans, and are printed
beside ours. Tags are well-formed, for nervaluate reads others in its own way.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import statistics
import time
import warnings
from collections.abc import Callable, Mapping
from typing import Any

from nervaluate.evaluator import Evaluator
from seqeval.metrics import classification_report, f1_score
from seqeval.scheme import IOB2

from ossamma.evaluation.metrics import strict_scores_from_tags
from ossamma.evaluation.schemes import Scheme, SchemeCounts
from ossamma.evaluation.scores import Scores
from ossamma.evaluation.tag_schemes import scheme_scores_from_tags

TYPES = ("PERSON", "AGENCY", "PLACE", "MEASURE", "WORK", "EVENT", "DOMAIN", "INSTRUMENT", "SPECIES")
WRONG_TAGS = ("O", *(f"{letter}-{name}" for name in TYPES for letter in "BI"))
ENTITY_RATE = 0.08
"""Chance that a word outside opens an entity: about one word in seven is then inside of one."""
ERROR_RATE = 0.04
"""Chance that a predicted tag is replaced by any tag, and then made legal again."""

OURS = "ossamma strict_scores_from_tags"
OUR_SCHEMES = "ossamma scheme_scores_from_tags"
NERVALUATE = "nervaluate, four schemes"
THEIR_NAMES = {
    Scheme.STRICT: "strict",
    Scheme.EXACT: "exact",
    Scheme.PARTIAL: "partial",
    Scheme.TYPE: "ent_type",
}

Sentences = list[list[str]]


def generate(num_sentences: int, seed: int) -> tuple[Sentences, Sentences]:
    """Gold and predicted tags of sentences of 10 to 30 words (20 on average)."""
    generator = random.Random(seed)
    gold = [_sentence(generator.randint(10, 30), generator) for _ in range(num_sentences)]
    predicted = [
        _legal(
            [generator.choice(WRONG_TAGS) if generator.random() < ERROR_RATE else t for t in tags]
        )
        for tags in gold
    ]
    return gold, predicted


def _legal(tags: list[str]) -> list[str]:
    """Let an I- that continues nothing begin an entity."""
    pairs = zip(["O", *tags], tags, strict=False)
    return [f"B-{t[2:]}" if t[0] == "I" and before[2:] != t[2:] else t for before, t in pairs]


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


def figures(counts: SchemeCounts) -> tuple[int, ...]:
    """Correct, incorrect, partial, missed and spurious."""
    gold = counts.gold
    return gold.correct, gold.incorrect, gold.partial, gold.alone, counts.predicted.alone


def their_figures(row: Any) -> tuple[int, ...]:  # noqa: ANN401  nervaluate has no types
    """The same of nervaluate's result."""
    return row.correct, row.incorrect, row.partial, row.missed, row.spurious


def compare_schemes(
    schemes: Mapping[Scheme, Any], overall: Mapping[str, Any]
) -> dict[str, dict[str, tuple[int, ...]]]:
    """Both sides' outcomes per scheme; what is strictly right must be the same."""
    table = {
        scheme.value: {
            "ossamma": figures(schemes[scheme].micro),
            "nervaluate": their_figures(overall[THEIR_NAMES[scheme]]),
        }
        for scheme in Scheme
    }
    for scheme, rows in table.items():
        ours, theirs = rows["ossamma"], rows["nervaluate"]
        credit, their_credit = (2 * row[0] + row[2] for row in (ours, theirs))
        assert credit >= their_credit, (scheme, ours, theirs)
    return table


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
        OUR_SCHEMES: lambda: scheme_scores_from_tags(gold, predicted),
        NERVALUATE: lambda: Evaluator(gold, predicted, tags=list(TYPES), loader="list").evaluate(),
    }
    scores, _, strict_f1, report, schemes, peer = (call() for call in calls.values())
    assert_identical(scores, report, float(strict_f1))
    outcomes = compare_schemes(schemes, peer["overall"])
    assert schemes[Scheme.STRICT].micro.f1 == scores.micro.f1

    seconds = timed(calls, options.rounds)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    rivals = {name: OUR_SCHEMES if name in (OUR_SCHEMES, NERVALUATE) else OURS for name in calls}
    slower = {name: value / medians[rivals[name]] for name, value in medians.items()}
    result = {
        "sentences": options.sentences,
        "words": sum(map(len, gold)),
        "entities": scores.micro.support,
        "seconds": medians,
        "times_slower": slower,
        "outcomes": outcomes,
    }
    if options.json:
        print(json.dumps(result))
        return
    print(
        f"{result['sentences']} sentences, {result['words']} words, {result['entities']} entities"
    )
    for name, value in medians.items():
        print(f"{name:40}{value:9.3f} s {slower[name]:9.1f} x")
    print("strict figures identical; correct, incorrect, partial, missed, spurious:")
    for scheme, rows in outcomes.items():
        for name, row in rows.items():
            print(f"{scheme:10}{name:12}" + "".join(f"{number:9}" for number in row))


if __name__ == "__main__":
    main()
