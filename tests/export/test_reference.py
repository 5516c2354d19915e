"""Histograms count what was found; the stability index tells two of them apart."""

from __future__ import annotations

import math

import hypothesis.strategies as st
import pytest
from hypothesis import given

from ossamma.export.manifest import REFERENCE_FILE
from ossamma.export.reference import (
    CONFIDENCE_EDGES,
    LENGTH_EDGES,
    Histogram,
    Reference,
    read_reference,
    reference_file,
    stability_index,
)
from ossamma.schema.errors import BundleError
from ossamma.schema.spans import Entity

COUNTS = st.lists(st.integers(0, 1000), min_size=4, max_size=4).filter(any)


def entity(label, confidence):
    return Entity(0, 1, label, "x", confidence)


@given(st.lists(st.floats(-10, 1e6, allow_nan=False)))
def test_every_number_is_in_the_one_bin_that_holds_it(numbers):
    histogram = Histogram(LENGTH_EDGES)
    for number in numbers:
        histogram.add(number)
    low = (-math.inf, *LENGTH_EDGES)
    high = (*LENGTH_EDGES, math.inf)
    slow = [sum(a < n <= b for n in numbers) for a, b in zip(low, high, strict=True)]
    assert histogram.counts == slow
    assert histogram.total == len(numbers)


def test_a_reference_counts_texts_entities_and_rates():
    reference = Reference(("A", "B"))
    reference.add(1000, [entity("A", 0.5), entity("A", 1.0)])
    reference.add(10, [])
    reference.add(0, [])
    assert (reference.texts, reference.characters) == (3, 1010)
    assert reference.entities == {"A": 2, "B": 0}
    assert reference.confidence.counts[CONFIDENCE_EDGES.index(0.5)] == 1
    assert reference.confidence.counts[-1] == 1
    assert reference.entity_rate["A"].counts == [1, 0, 1, 0, 0, 0, 0, 0]  # 2 per 1,000; none
    assert reference.entity_rate["B"].total == 2  # an empty text has no rate


def test_the_file_gives_it_back(tmp_path):
    reference = Reference(("B", "A"))
    reference.add(300, [entity("B", 0.25)])
    (tmp_path / REFERENCE_FILE).write_bytes(reference_file(reference))
    assert read_reference(tmp_path) == reference
    (tmp_path / REFERENCE_FILE).unlink()
    assert read_reference(tmp_path) is None


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "",
        lambda text: "{}",
        lambda text: text.replace("ossamma-reference/1", "ossamma-reference/2"),
        lambda text: text.replace('"counts": [', '"counts": [1,', 1),
    ],
)
def test_a_file_of_something_else_is_refused(tmp_path, change):
    text = change(reference_file(Reference(("A",))).decode())
    (tmp_path / REFERENCE_FILE).write_text(text)
    with pytest.raises(BundleError, match=r"holds no reference histograms"):
        read_reference(tmp_path)


@given(COUNTS, COUNTS)
def test_the_index_is_symmetric_not_negative_and_blind_to_size(a, b):
    index = stability_index(a, b)
    assert index >= -1e-12
    assert index == pytest.approx(stability_index(b, a))
    assert stability_index(a, [3 * n for n in a]) == pytest.approx(0.0, abs=1e-12)


def test_the_index_of_a_known_pair():
    # (0.75 - 0.5) ln(0.75 / 0.5) + (0.25 - 0.5) ln(0.25 / 0.5)
    assert stability_index([1, 1], [3, 1]) == pytest.approx(0.25 * math.log(3))
    assert math.isnan(stability_index([0, 0], [3, 1]))
