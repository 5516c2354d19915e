"""Means over seeds and paired differences, as a loop would compute them, with honest intervals."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from ossamma.evaluation.ablation import FULL, ablation_table
from ossamma.evaluation.claims import CLAIMS, Claim, ClaimMetric, border_counts, strict_counts
from ossamma.evaluation.judge import judge
from ossamma.evaluation.metrics import strict_scores
from ossamma.evaluation.resampling import ResamplingSettings
from ossamma.evaluation.scores import Counts
from ossamma.schema.errors import DataError
from ossamma.schema.spans import Annotation, Document, Entity

METRICS = (
    ClaimMetric("f1", "f1", "", strict_counts),
    ClaimMetric("borders", "recall", "", border_counts),
)
FEW = ResamplingSettings(resamples=400)


def system(gold, quality, seed):
    """The same gold marks, each found with this probability; some inventions."""
    generator = np.random.default_rng(seed)
    found = generator.binomial(gold, quality)
    invented = generator.poisson(0.3, size=gold.shape)
    return found, invented


def runs(**qualities):
    """Three seeds of systems that find a share of the same marks in 60 documents."""
    gold = np.random.default_rng(7).poisson(2.0, size=(60, 2))
    return {
        name: [judged(gold, *system(gold, quality, [index, seed])) for seed in range(3)]
        for index, (name, quality) in enumerate(qualities.items())
    }


def judged(gold, found, invented):
    """Documents whose text and marks depend on `gold` only."""
    documents, answers = [], []
    for number, row in enumerate(gold):
        total = int(row.sum())
        text = "g" * total + "n" * 40
        labels = ["A"] * int(row[0]) + ["B"] * int(row[1])
        marks = tuple(Annotation(i, i + 1, (label,)) for i, label in enumerate(labels))
        documents.append(Document(id=str(number), text=text, annotations=marks))
        hits = [i for i in range(int(row[0])) if i < found[number][0]]
        hits += [int(row[0]) + i for i in range(int(row[1])) if i < found[number][1]]
        answer = [Entity(i, i + 1, labels[i], "g") for i in hits]
        extra = int(invented[number].sum())
        answer += [Entity(total + i, total + i + 1, "A", "n") for i in range(extra)]
        answers.append(answer)
    return list(judge(documents, answers))


def test_values_are_means_over_seeds():
    made = runs(full=0.8, worse=0.4)
    table = ablation_table(made, METRICS, FEW)
    for name, seeds in made.items():
        wanted = [
            strict_scores(
                [each.document for each in seed],
                [[p.predicted for p in each.pairs if p.predicted] for each in seed],
            ).micro.f1
            for seed in seeds
        ]
        cell = table.cells[name]["f1"]
        assert cell.per_seed == pytest.approx(tuple(wanted))
        assert cell.value == pytest.approx(np.mean(wanted))
        assert cell.interval.low < cell.value < cell.interval.high
        assert cell.support == sum(len(each.document.annotations) for each in seeds[0])
    assert table.cells[FULL]["f1"].difference is None


def test_differences_have_the_right_sign_and_find_what_is_large():
    table = ablation_table(runs(full=0.8, worse=0.4, better=0.95, same=0.8), METRICS, FEW)
    cells = {name: row["f1"] for name, row in table.cells.items()}
    assert cells["worse"].difference_interval.high < 0 < cells["better"].difference_interval.low
    same = cells["same"].difference_interval
    assert same.low < 0 < same.high
    for name in ("worse", "better", "same"):
        assert cells[name].difference == pytest.approx(cells[name].value - cells[FULL].value)


def test_a_variant_that_is_the_whole_differs_in_nothing_but_seeds():
    """With one seed each the differences of paired documents vanish."""
    made = runs(full=0.7)
    table = ablation_table({FULL: made[FULL][:1], "copy": made[FULL][:1]}, METRICS, FEW)
    cell = table.cells["copy"]["f1"]
    assert cell.difference == 0.0
    assert cell.difference_interval.to_json() == [0.0, 0.0]


def test_pairing_makes_differences_narrower_than_the_figures():
    made = runs(full=0.7, worse=0.65)
    table = ablation_table({name: seeds[:1] for name, seeds in made.items()}, METRICS, FEW)
    copy = ablation_table({FULL: made[FULL][:1], "copy": made[FULL][:1]}, METRICS, FEW)
    assert copy.cells["copy"]["f1"].difference_interval.width == 0.0
    assert table.cells["worse"]["f1"].interval.width > 0.0


def test_the_spread_of_seeds_widens_the_interval():
    gold = np.random.default_rng(7).poisson(2.0, size=(60, 2))
    alike = [judged(gold, *system(gold, 0.6, [9, s])) for s in (1, 1, 1)]
    apart = [judged(gold, *system(gold, q, [9, s])) for s, q in enumerate((0.3, 0.6, 0.9))]
    widths = [
        ablation_table({FULL: seeds}, METRICS, FEW).cells[FULL]["f1"].interval.width
        for seeds in (alike, apart)
    ]
    assert widths[1] > 1.5 * widths[0]


def test_the_order_of_seeds_and_documents_does_not_matter_for_values():
    made = runs(full=0.8, worse=0.5)
    turned = {name: [list(reversed(s)) for s in reversed(seeds)] for name, seeds in made.items()}
    one, other = (ablation_table(each, METRICS, FEW) for each in (made, turned))
    for name, row in one.cells.items():
        for metric, cell in row.items():
            assert other.cells[name][metric].value == pytest.approx(cell.value)


def test_intervals_of_differences_hold_the_truth_about_as_often_as_they_say():
    """Two systems of equal quality: 0 should be outside of a 90 % interval about 1 time in 10."""
    settings = ResamplingSettings(resamples=200, level=0.9)
    misses = 0
    for trial in range(60):
        gold = np.random.default_rng([1, trial]).poisson(2.0, size=(40, 2))
        made = {
            name: [judged(gold, *system(gold, 0.6, [trial, offset, s])) for s in range(2)]
            for offset, name in enumerate((FULL, "same"))
        }
        interval = ablation_table(made, METRICS, settings).cells["same"]["f1"].difference_interval
        misses += not interval.low <= 0.0 <= interval.high
    assert misses <= 14


def test_what_nothing_is_known_of_is_not_measurable():
    nothing = ClaimMetric("nothing", "recall", "", lambda judged: Counts())
    made = runs(full=0.8, worse=0.4)
    table = ablation_table(made, [nothing], FEW)
    cell = table.cells["worse"]["nothing"]
    assert (cell.value, cell.interval, cell.difference, cell.support) == (None, None, None, 0.0)
    claim = Claim("c", "s", "nothing", ("worse",))
    assert [v.verdict for v in table.verdicts([claim])] == ["not measurable"]


def test_verdicts_follow_the_intervals():
    table = ablation_table(runs(full=0.8, worse=0.4, better=0.95, same=0.8), METRICS, FEW)
    claim = Claim("c", "s", "f1", ("worse", "better", "same", "absent"))
    found = {v.variant: v.verdict for v in table.verdicts([claim])}
    assert found == {"worse": "supported", "better": "contradicted", "same": "undecided"}


def test_a_figure_of_few_mentions_judges_no_claim():
    """Resamples of a few mentions that are all missed would make a narrow interval."""
    made = {name: [seed[:3] for seed in seeds] for name, seeds in runs(full=1.0, worse=0.0).items()}
    table = ablation_table(made, METRICS, FEW)
    assert table.cells["worse"]["f1"].support < 20
    claim = Claim("c", "s", "f1", ("worse",))
    assert [v.verdict for v in table.verdicts([claim])] == ["not measurable"]


def test_without_the_whole_there_is_nothing_to_compare_with():
    table = ablation_table(runs(worse=0.4), METRICS, FEW)
    assert table.cells["worse"]["f1"].difference is None
    assert table.verdicts(CLAIMS) == ()


def test_a_table_is_plain_json():
    content = ablation_table(runs(full=0.8, worse=0.4), METRICS, FEW).to_json()
    assert json.loads(json.dumps(content)) == content
    assert list(content["metrics"]) == ["f1", "borders"]


def test_other_documents_are_refused():
    made = runs(full=0.8)
    with pytest.raises(DataError, match="'other': expected runs on the same documents"):
        ablation_table({**made, "other": [made[FULL][0][1:]]}, METRICS, FEW)
    for nothing in ({}, {FULL: [[]]}):
        with pytest.raises(DataError, match="at least one"):
            ablation_table(nothing, METRICS, FEW)


def test_documents_of_a_group_are_drawn_together():
    """Ten copies of each document in a group of its own tell no more than one."""
    made = runs(full=0.6)[FULL][:1]
    grouped = in_groups(made[0], 10)
    one, ten = (
        ablation_table({FULL: [seed]}, METRICS, FEW).cells[FULL]["f1"].interval.width
        for seed in (made[0], grouped)
    )
    assert ten == pytest.approx(one, rel=1e-9)


def in_groups(made, times):
    return [
        replace(each, document=replace(each.document, group=str(index)))
        for index, each in enumerate(made)
        for _ in range(times)
    ]
