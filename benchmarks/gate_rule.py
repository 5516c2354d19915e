r"""How often each rule of deciding a gate is wrong: simulated test sets of a known true F1.

A test set of independent mentions is drawn whose F1 is, in the long run, some points below, at, or
above a gate's threshold. Three rules judge it: the value alone, the lower end of the interval
alone, and the rule of `ossamma gate`. A rule should seldom pass what lies below, seldom fail what
lies above, and say that it does not know rather than either.

    python benchmarks/gate_rule.py --draws 2000
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Callable

import numpy as np

from ossamma.evaluation.gates import Metric, Operator, Scope, Score, Threshold, Verdict
from ossamma.evaluation.measurement import Measurement
from ossamma.evaluation.proportions import counted_intervals
from ossamma.evaluation.verdicts import decide

THRESHOLD = 0.85
GAINS = (-0.03, 0.0, 0.03)
MENTIONS = (50, 200, 1000, 5000)

Rule = Callable[[Measurement], Verdict]


def by_value(measured: Measurement) -> Verdict:
    """Compare the value alone."""
    assert measured.value is not None
    return Verdict.PASS if measured.value > THRESHOLD else Verdict.FAIL


def by_lower_end(measured: Measurement) -> Verdict:
    """Compare the lower end of the interval alone."""
    assert measured.low is not None
    return Verdict.PASS if measured.low > THRESHOLD else Verdict.FAIL


def by_gate(measured: Measurement) -> Verdict:
    """Judge by the rule of `ossamma gate`."""
    check = Threshold(
        measure=Score(metric=Metric.F1, scope=Scope.MICRO),
        operator=Operator.ABOVE,
        threshold=THRESHOLD,
    )
    return decide(check, measured)[0]


RULES: dict[str, Rule] = {"value": by_value, "lower end": by_lower_end, "gate": by_gate}


def drawn(true_f1: float, mentions: int, generator: np.random.Generator) -> Measurement:
    """Draw a test set: each gold mention is found or not, and as many predictions are wrong."""
    found = int(generator.binomial(mentions, true_f1))
    # Precision equals recall in the long run, so that F1 is both.
    invented = int(generator.poisson(mentions * (1.0 - true_f1)))
    missed = mentions - found
    low, high = counted_intervals([found, invented, missed])[2]
    value = 2 * found / (2 * found + invented + missed)
    return Measurement(value=value, low=float(low), high=float(high), support=mentions)


def main() -> None:
    """Print a row per true F1 and size: the share of each verdict under each rule."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--draws", type=int, default=2000, help="test sets per row")
    parser.add_argument("--seed", type=int, default=0, help="of the draws")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    generator = np.random.default_rng(options.seed)
    rows = []
    for gain in GAINS:
        for mentions in MENTIONS:
            sample = [drawn(THRESHOLD + gain, mentions, generator) for _ in range(options.draws)]
            shares = {}
            for name, rule in RULES.items():
                counts = Counter(map(rule, sample))
                shares[name] = {each.value: counts[each] / options.draws for each in Verdict}
            rows.append({"true_f1": THRESHOLD + gain, "mentions": mentions, "shares": shares})
    if options.json:
        print(json.dumps({"threshold": THRESHOLD, "draws": options.draws, "rows": rows}))
        return
    print(f"gate: F1 > {THRESHOLD}; share of PASS / FAIL / NOT MEASURABLE in percent")
    print(f"{'true F1':>8} {'mentions':>8}" + "".join(f"{name:>18}" for name in RULES))
    for row in rows:
        cells = (
            " / ".join(f"{100 * share:.0f}" for share in row["shares"][name].values())
            for name in RULES
        )
        line = f"{row['true_f1']:8.2f} {row['mentions']:8}"
        print(line + "".join(f"{cell:>18}" for cell in cells))


if __name__ == "__main__":
    main()
