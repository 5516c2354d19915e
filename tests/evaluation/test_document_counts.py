"""The counts of documents sum to the strict scores."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ossamma.evaluation.document_counts import COUNTS, count_documents
from ossamma.evaluation.judge import judge
from ossamma.evaluation.metrics import strict_scores_of
from tests.evaluation import judging, spans


@given(st.lists(spans.cases(), min_size=1, max_size=4))
def test_documents_sum_to_the_scores(cases):
    judged = list(judge(*zip(*cases, strict=True)))
    content = count_documents(judged).to_json()
    for column, name in enumerate(content["types"]):
        row = strict_scores_of(judged).per_type[name]
        expected = (row.true_positives, row.false_positives, row.false_negatives)
        assert tuple(sum(line[column] for line in content[one]) for one in COUNTS) == expected
    for index, one in enumerate(judged):
        alone = strict_scores_of([one]).micro
        assert sum(content["tp"][index]) == alone.true_positives
        assert sum(content["fp"][index]) == alone.false_positives
        assert sum(content["fn"][index]) == alone.false_negatives


def test_documents_of_a_group_keep_their_own_counts():
    first = judging.document(judging.right(), group="g", name="a")
    other = judging.document(judging.missed(), name="b")
    last = judging.document(judging.spurious(), group="g", name="c")
    content = count_documents([first, other, last]).to_json()
    assert content == {
        "ids": ["a", "b", "c"],
        "groups": ["g", "", "g"],
        "types": ["A"],
        "tp": [[1], [0], [0]],
        "fp": [[0], [0], [1]],
        "fn": [[0], [1], [0]],
    }


def test_groups_are_left_out_where_there_are_none():
    assert count_documents([judging.document(judging.right())]).to_json()["groups"] == []
