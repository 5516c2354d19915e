from __future__ import annotations

import json
import os
import random
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossamma.data.audit import Auditor, AuditSettings, audit, can_miss_marks
from ossamma.data.readers.conll import ConllFormat, read_conll
from ossamma.data.readers.jsonl import document_to_json
from ossamma.schema.errors import ConfigurationError
from ossamma.schema.spans import Annotation, Document, Span


def marked(text: str, *marks: tuple[str, str], **fields) -> Document:
    """Mark the first occurrence of each surface with a type."""
    annotations = tuple(
        Annotation(text.index(surface), text.index(surface) + len(surface), tuple(label.split("|")))
        for surface, label in marks
    )
    return Document("d", text, annotations=annotations, **fields)


def audit_of(*documents: Document, **settings: int):
    return audit(lambda: documents, AuditSettings(**settings))


def rows(surfaces) -> list[tuple[str, dict[str, int], int]]:
    return [(row.surface, dict(row.labels), row.unmarked) for row in surfaces.rows]


def test_documents_and_types_are_counted():
    report = audit_of(
        Document("u", "unlabelled"),
        marked("nothing here", annotates=frozenset({"GONE", "PER"})),
        marked("Ada in York", ("Ada", "PER"), ("York", "LOC|ORG")),
        rare_type=2,
    )
    assert (report.documents, report.labelled, report.without_spans, report.spans) == (3, 2, 1, 2)
    assert report.types == {"LOC": 1, "ORG": 1, "PER": 1}
    assert report.rare_types == ("LOC", "ORG", "PER")
    assert report.unused_types == ("GONE",)


def test_a_surface_with_several_labels_is_inconsistent():
    report = audit_of(
        *[marked("in Paris", ("Paris", "LOC"))] * 3,
        marked("says Paris", ("Paris", "PER")),
        *[marked("Ada", ("Ada", "PER"))] * 2,
    )
    assert rows(report.inconsistent) == [("Paris", {"LOC": 3, "PER": 1}, 0)]
    assert report.inconsistent.rows[0].to_json()["minority_share"] == 0.25


def test_a_marked_surface_that_is_elsewhere_not_marked_is_a_suspect():
    report = audit_of(
        # The unmarked place comes before the first mark: the order does not matter.
        marked("New  York and Ada", ("Ada", "PER")),
        *[marked("in New York", ("New York", "LOC"))] * 2,
        marked("New Yorkers love the New York"),
    )
    assert rows(report.missing) == [("New York", {"LOC": 2}, 2)]


def test_silence_counts_only_where_the_type_is_annotated():
    report = audit_of(
        *[marked("in York", ("York", "LOC"))] * 2,
        marked("in York", annotates=frozenset({"PER"})),
        Document("u", "in York"),
    )
    assert report.missing.total == 0


def test_the_longest_surface_counts_and_marks_hide_what_is_in_them():
    report = audit_of(
        *[marked("York", ("York", "LOC")), marked("New York", ("New York", "LOC"))] * 2,
        marked("the New York Times of York", ("New York Times", "ORG")),
        marked("New York York"),
    )
    assert rows(report.missing) == [("York", {"LOC": 2}, 2), ("New York", {"LOC": 2}, 1)]


def test_a_common_word_marked_once_is_suspicious():
    report = audit_of(
        marked("the end", ("the", "LOC")),
        *[marked("the more the merrier")] * 3,
        singleton_unmarked=6,
    )
    assert rows(report.singletons) == [("the", {"LOC": 1}, 6)]
    assert report.missing.total == 0


def test_without_the_search_nothing_is_said_of_unmarked_surfaces():
    auditor = Auditor()
    auditor.add(marked("in York", ("York", "LOC")))
    report = auditor.report()
    assert not report.searched
    assert (report.missing.total, report.singletons.total) == (0, 0)


def test_surfaces_beyond_the_limit_are_left_out_and_counted():
    documents = [marked(f"w{n % 4}", (f"w{n % 4}", "T")) for n in range(10)]
    report = audit_of(*documents, max_surfaces=3)
    assert (report.surfaces, report.spans_left_out) == (3, 2)


def test_examples_are_the_first_and_the_report_is_json():
    documents = [marked(f"{n} York,", ("York,", "LOC")) for n in range(5)]
    table = json.loads(json.dumps(audit_of(*documents, examples=2).to_json()))
    assert table["findings"] == {"punctuation": 5}
    assert (
        table["examples"]["punctuation"]
        == [{"document": "d", "start": 2, "end": 7, "text": "York,", "label": "LOC"}] * 2
    )


def test_only_the_gravest_rows_are_listed():
    documents = [
        marked(f"s{n}", (f"s{n}", label)) for n in range(5) for label in ["A"] * 6 + ["B"] * (n + 1)
    ]
    report = audit_of(*documents, top=2)
    assert report.inconsistent.total == 5
    assert [row.surface for row in report.inconsistent.rows] == ["s4", "s3"]


words = st.sampled_from(["York", "New York", "the", "Ada", "of"])


@st.composite
def labelled(draw):
    parts = draw(st.lists(st.tuples(words, st.sampled_from([None, "A", "B"])), max_size=6))
    text, marks = "", []
    for word, label in parts:
        if label:
            marks.append(Annotation(len(text), len(text) + len(word), (label,)))
        text += word + " "
    promised = draw(st.none() | st.just(frozenset("A")))
    return Document("d", text, annotations=tuple(marks), annotates=promised)


@given(st.lists(labelled(), max_size=6), st.integers(0, 9))
def test_the_order_of_documents_does_not_matter(documents, seed):
    shuffled = list(documents)
    random.Random(seed).shuffle(shuffled)
    one, other = audit_of(*documents, examples=0), audit_of(*shuffled, examples=0)
    assert one == other


class Slow(Auditor):
    """Looks for surfaces in the obvious way."""

    _unmarked_surfaces = Auditor._unmarked_surfaces_reference


spaces = st.sampled_from([" ", "  ", "\n", "\u00a0", ", "])


@st.composite
def untidy(draw):
    """Any white space between words, and words of the document's own that may have some."""
    one = draw(labelled())
    text = "".join(draw(spaces) if c == " " else c for c in one.text)
    text = text if len(text) == len(one.text) else one.text
    words = None
    if draw(st.booleans()):
        edges = sorted(draw(st.sets(st.integers(0, len(text)), max_size=12)))
        words = tuple(Span(a, b) for a, b in zip(edges[::2], edges[1::2], strict=False))
    return replace(one, text=text, words=words)


@given(st.lists(untidy(), max_size=6), st.integers(1, 4))
def test_the_search_equals_its_definition(documents, surface_words):
    settings = AuditSettings(surface_words=surface_words, singleton_unmarked=0, suspect_mentions=0)
    reports = []
    for auditor in (Auditor(settings), Slow(settings)):
        for document in documents:
            auditor.add(document)
        auditor.search_all(documents)
        reports.append(auditor.report())
    assert reports[0] == reports[1]


@given(st.lists(labelled(), max_size=6))
def test_only_documents_that_annotate_a_type_need_be_searched(documents):
    silent = [replace(one, annotates=frozenset()) for one in documents[::2]]
    documents = [*documents, *silent]
    reports = []
    for searched in (
        documents,
        [one for one in documents if can_miss_marks(document_to_json(one))],
    ):
        auditor = Auditor()
        for document in documents:
            auditor.add(document)
        auditor.search_all(searched)
        reports.append(auditor.report())
    assert reports[0] == reports[1]
    assert reports[0].searched


@given(st.lists(labelled(), max_size=6))
def test_marks_and_silences_add_up_to_all_occurrences(documents):
    """Of one-word surfaces that stand in no longer one, every occurrence is marked or not."""
    report = audit_of(*documents, examples=0, suspect_mentions=1)
    for row in report.missing.rows:
        if row.surface == "Ada":
            majority = min(row.labels, key=lambda label: (-row.labels[label], label))
            silent = sum(
                document.text.count("Ada")
                - sum(
                    m.end - m.start == 3 and document.text[m.start] == "A"
                    for m in document.annotations
                )
                for document in documents
                if document.annotates is None or majority in document.annotates
            )
            assert row.unmarked == silent


@pytest.mark.parametrize("name", ["max_words", "max_surfaces", "examples", "top"])
def test_impossible_settings(name):
    with pytest.raises(ConfigurationError, match=name):
        AuditSettings(**{name: -1})


@pytest.mark.data
def test_a_real_corpus_shows_its_known_defects():
    path = Path(os.environ["OSSAMMA_MIRROR"], "aptner/APTNERtrain.txt")
    corpus = read_conll(path, ConllFormat(on_error="skip"))
    report = audit(lambda: corpus.documents)
    assert report.spans == corpus.report.entities
    assert report.types == corpus.report.labels
    inconsistent = {row.surface: dict(row.labels) for row in report.inconsistent.rows}
    assert inconsistent["Winnti"] == {"APT": 66, "MAL": 61}
    assert report.singletons.rows[0].surface == "the"
    assert "S-SECTEAM" in report.rare_types
