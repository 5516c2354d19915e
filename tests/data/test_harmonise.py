"""Laws of harmonising: nothing is lost uncounted, nothing but annotations changes."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossamma.data.harmonise import HarmoniseReport, harmonise, harmonise_stream
from ossamma.data.readers.conll import read_conll
from ossamma.schema.errors import DataError, ProfileError
from ossamma.schema.label_rules import Condition, Place, Rule
from ossamma.schema.profile import DROP, DatasetTable, Profile, TypeDescription, load_profile
from ossamma.schema.spans import Annotation, Document, Provenance, Span

TABLE = DatasetTable(
    name="animals",
    title="Animals",
    labels={
        "feline": ("CAT",),
        "kitten": ("CAT",),
        "canine": ("DOG",),
        "pet": ("CAT", "DOG"),
        "noise": DROP,
        "static": DROP,
    },
    annotates=frozenset({"CAT", "FISH"}),
)
PROFILE = Profile(
    name="pets",
    title="Pets",
    description="",
    types=tuple(TypeDescription(name, "", ()) for name in ("CAT", "DOG", "FISH")),
    datasets={"animals": TABLE},
)
TEXT = "Tom and Rex and a crackling radio"
RULED = replace(
    TABLE,
    rules=(
        Rule(
            name="tom",
            label="pet",
            types=("CAT",),
            when=(Condition.of_words(Place.SURFACE, ["Tom"]),),
        ),
        Rule(
            name="article",
            label="pet",
            types=DROP,
            when=(Condition(Place.SURFACE, pattern="[a-z]|[0-9]"),),
        ),
    ),
)


@st.composite
def documents(draw, labels):
    """A document with annotations of these labels, each of one label, disjoint and in order."""
    text = draw(st.text(min_size=1, max_size=12))
    cuts = sorted(draw(st.sets(st.integers(0, len(text)), max_size=6)))
    annotations = tuple(
        Annotation(start, end, (draw(st.sampled_from(labels)),))
        for start, end in zip(cuts[::2], cuts[1::2], strict=False)
    )
    return Document(
        id="d1",
        text=text,
        words=(Span(0, 1),),
        sentence_starts=(0,),
        annotations=draw(st.sampled_from([annotations, None])),
        annotates=draw(st.none() | st.frozensets(st.sampled_from(labels))),
        weight=draw(st.floats(0, 3)),
        provenance=Provenance("file.conll", 7),
    )


def document(*annotations: Annotation, annotates: frozenset[str] | None = None) -> Document:
    return Document(
        id="d1",
        text=TEXT,
        annotations=annotations,
        annotates=annotates,
        provenance=Provenance("file.conll", 12),
    )


def annotates(marked: set[str] | None) -> frozenset[str] | None:
    """What a document that marks these source labels annotates afterwards."""
    given_marks = None if marked is None else frozenset(marked)
    [result], _ = harmonise([document(annotates=given_marks)], PROFILE, TABLE)
    return result.annotates


@given(st.lists(documents(sorted(TABLE.labels)), max_size=3))
def test_every_annotation_is_mapped_or_counted_as_dropped(batch):
    result, report = harmonise(batch, PROFILE, TABLE)
    came = Counter(a.label for d in batch for a in d.annotations or ())
    went = Counter(a.labels for d in result for a in d.annotations or ())
    assert report.num_mapped + report.num_dropped == came.total()
    assert report.num_mapped == went.total()
    assert report.num_documents == len(batch) == len(result)
    counted: Counter[str] = Counter()
    mapped: Counter[tuple[str, ...]] = Counter()
    for label, counts in report.mapped.items():
        counted[label] += sum(counts.values())
        mapped.update(counts)
    counted.update(report.dropped)
    assert counted == came
    assert mapped == went
    assert Counter({(label, fate): n for label, fate, n in report.rows()}).total() == came.total()


@given(documents(sorted(TABLE.labels)))
def test_only_what_the_table_drops_is_dropped_and_all_else_keeps_its_place(source):
    [result], report = harmonise([source], PROFILE, TABLE)
    if source.annotations is None:
        assert result.annotations is None
        return
    expected = [
        replace(a, labels=TABLE.labels[a.label])
        for a in source.annotations
        if TABLE.labels[a.label] is not DROP
    ]
    assert list(result.annotations) == expected
    assert set(report.dropped) <= {"noise", "static"}


@given(documents(sorted(TABLE.labels)))
def test_nothing_but_the_annotation_changes(source):
    [result], _ = harmonise([source], PROFILE, TABLE)
    neutral = {"annotations": None, "annotates": None}
    assert replace(result, **neutral) == replace(source, **neutral)


@given(st.lists(documents(["CAT", "DOG"]), max_size=3))
def test_without_a_table_documents_come_back_unchanged(batch):
    result, report = harmonise(batch, PROFILE, None)
    assert result == batch
    assert report.num_dropped == 0
    assert report.table is None
    assert all(counts.keys() == {(label,)} for label, counts in report.mapped.items())


@given(st.lists(documents(sorted(TABLE.labels)), max_size=3))
def test_what_is_harmonised_stays_as_it_is(batch):
    once, _ = harmonise(batch, PROFILE, TABLE)
    twice, report = harmonise(once, PROFILE, None)
    assert twice == once
    assert report.num_dropped == 0


@given(st.lists(documents(sorted(TABLE.labels)), max_size=3), st.randoms(use_true_random=False))
def test_each_document_is_mapped_alone(batch, random):
    shuffled = random.sample(range(len(batch)), len(batch))
    result, report = harmonise(batch, PROFILE, TABLE)
    permuted, other = harmonise([batch[i] for i in shuffled], PROFILE, TABLE)
    assert permuted == [result[i] for i in shuffled]
    assert other == report


def test_a_report_reads_as_rows():
    source = document(
        Annotation(0, 3, ("feline",)), Annotation(8, 11, ("pet",)), Annotation(16, 33, ("noise",))
    )
    [result], report = harmonise([source, source][:1], PROFILE, TABLE)
    assert [a.label for a in result.annotations or ()] == ["CAT", "CAT|DOG"]
    assert report.rows() == [("feline", "CAT", 1), ("noise", "DROP", 1), ("pet", "CAT|DOG", 1)]


def test_an_open_source_label_is_open_between_all_it_may_mean():
    source = document(Annotation(0, 3, ("canine", "feline")))
    [result], report = harmonise([source], PROFILE, TABLE)
    assert result.annotations == (Annotation(0, 3, ("CAT", "DOG")),)
    assert report.mapped == {"canine|feline": {("CAT", "DOG"): 1}}


def test_open_between_two_dropped_labels_is_dropped():
    [result], report = harmonise([document(Annotation(0, 3, ("noise", "static")))], PROFILE, TABLE)
    assert result.annotations == ()
    assert report.dropped == {"noise|static": 1}


def test_half_of_an_open_annotation_is_not_dropped_in_silence():
    with pytest.raises(DataError, match=r"file\.conll:12.*drops some of.*feline, noise"):
        harmonise([document(Annotation(0, 3, ("feline", "noise")))], PROFILE, TABLE)


def test_a_document_that_marks_everything_marks_what_the_table_says():
    assert annotates(None) == TABLE.annotates


@pytest.mark.parametrize(
    ("marked", "expected"),
    [
        (set(), set()),
        ({"feline"}, set()),  # a kitten or a pet may be an unmarked CAT
        ({"feline", "kitten"}, set()),
        ({"feline", "kitten", "pet"}, {"CAT"}),
        ({"canine", "pet"}, set()),  # the table does not say that DOG is marked in full
        (set(TABLE.labels), {"CAT"}),  # no label means FISH, so these marks say nothing of it
    ],
)
def test_a_type_is_exhaustive_only_if_all_its_source_labels_are(marked, expected):
    assert annotates(marked) == expected


@given(st.frozensets(st.sampled_from(sorted(TABLE.labels))))
def test_a_document_never_marks_more_than_the_table_says(marked):
    fewer = annotates(set(marked))
    assert fewer is not None
    assert fewer <= TABLE.annotates
    assert all(annotates(marked | {label}) >= fewer for label in TABLE.labels)


def test_an_unknown_source_label_is_refused_with_its_place_and_table():
    source = document(Annotation(8, 11, ("reptile",)))
    with pytest.raises(DataError) as caught:
        harmonise([source], PROFILE, TABLE)
    message = str(caught.value)
    for part in ("'d1'", "file.conll:12", "[8, 11)", "'reptile'", "'animals'", "feline", "DROP"):
        assert part in message


def test_an_unknown_type_is_refused_with_the_way_out():
    source = document(Annotation(8, 11, ("feline",)))
    with pytest.raises(DataError, match=r"CAT, DOG, FISH.*'feline'.*--map NAME \(animals\)"):
        harmonise([source], PROFILE, None)


@pytest.mark.parametrize("table", [TABLE, None])
def test_an_unknown_mark_is_refused(table):
    with pytest.raises(DataError, match=r"annotates.*'reptile'"):
        harmonise([document(annotates=frozenset({"reptile"}))], PROFILE, table)


def test_a_table_of_another_profile_is_refused():
    with pytest.raises(ProfileError, match="types of profile 'pets'"):
        harmonise([], PROFILE, load_profile("rag9").table("wnut17"))


# Streams.


@given(st.lists(documents(sorted(TABLE.labels)), max_size=3), st.sampled_from([TABLE, RULED]))
def test_a_stream_gives_what_the_list_gives(batch, table):
    stream = harmonise_stream(iter(batch), PROFILE, table)
    result, report = harmonise(batch, PROFILE, table)
    assert list(stream) == result
    assert stream.report == report


def test_a_stream_reads_no_further_than_it_is_read():
    source = document(Annotation(0, 3, ("feline",)))
    taken = []

    def endless():
        while True:
            taken.append(source)
            yield source

    stream = harmonise_stream(endless(), PROFILE, TABLE)
    assert taken == []
    for number in range(1, 4):
        assert next(stream).id == "d1"
        assert len(taken) == stream.report.num_documents == stream.report.num_mapped == number


def test_a_document_that_is_refused_counts_for_nothing():
    good = document(Annotation(0, 3, ("feline",)))
    bad = document(Annotation(0, 3, ("feline",)), Annotation(8, 11, ("reptile",)))
    worse = document(Annotation(0, 3, ("feline",)), annotates=frozenset({"reptile"}))
    for fault in (bad, worse):
        stream = harmonise_stream([good, fault], PROFILE, TABLE)
        next(stream)
        before = stream.report
        with pytest.raises(DataError, match="reptile"):
            next(stream)
        assert stream.report == before


def test_a_table_of_another_profile_is_refused_before_anything_is_read():
    with pytest.raises(ProfileError, match="types of profile 'pets'"):
        harmonise_stream(iter([]), PROFILE, load_profile("rag9").table("wnut17"))


# Rules.


def ruled(*annotations: Annotation) -> tuple[list[Annotation], HarmoniseReport]:
    [result], report = harmonise([document(*annotations)], PROFILE, RULED)
    return list(result.annotations or ()), report


def test_a_rule_narrows_and_says_so():
    result, report = ruled(Annotation(0, 3, ("pet",)), Annotation(8, 11, ("pet",)))
    assert result == [
        Annotation(0, 3, ("CAT",), origin="rule:tom"),
        Annotation(8, 11, ("CAT", "DOG")),  # no rule holds: it stays open
    ]
    assert report.by_rule == {"tom": 1}
    assert report.mapped == {"pet": {("CAT",): 1, ("CAT", "DOG"): 1}}


def test_a_rule_may_give_an_annotation_up():
    result, report = ruled(Annotation(16, 17, ("pet",)), Annotation(16, 17, ("feline",)))
    assert result == [Annotation(16, 17, ("CAT",))]  # the rule is of another label
    assert report.by_rule == {"article": 1}
    assert report.dropped == {"pet": 1}


def test_a_rule_adds_to_an_origin_and_leaves_the_rest():
    before = Annotation(0, 3, ("pet",), origin="lexicon:names", confidence=0.25)
    [result], _ = ruled(before)
    assert result == Annotation(0, 3, ("CAT",), "lexicon:names+rule:tom", 0.25)


def test_rules_leave_alone_what_the_source_itself_left_open():
    result, report = ruled(Annotation(0, 3, ("feline", "pet")))
    assert result == [Annotation(0, 3, ("CAT", "DOG"))]
    assert report.by_rule == {}


@given(st.lists(documents(sorted(RULED.labels)), max_size=3))
def test_rules_only_narrow_and_are_all_counted(batch):
    plain, without = harmonise(batch, PROFILE, TABLE)
    result, report = harmonise(batch, PROFILE, RULED)
    assert report.num_mapped + report.num_dropped == without.num_mapped + without.num_dropped
    decided = 0
    for before, after in zip(plain, result, strict=True):
        narrowed = {(a.start, a.end): a for a in after.annotations or ()}
        for a in before.annotations or ():
            b = narrowed.get((a.start, a.end))
            decided += b is None or b.origin != ""
            assert b is None or set(b.labels) <= set(a.labels)
    assert decided == sum(report.by_rule.values())


# Conll's MISC, and what else ships.


@pytest.mark.parametrize(
    ("before", "surface", "after", "label"),
    [
        ("Ada saw the", "World Cup", "", "EVENT"),
        ("", "BELGIAN GRAND PRIX", "RESULTS", "EVENT"),
        ("an", "Olympic", "champion", "EVENT"),
        ("the", "Tour de France", "", "EVENT"),
        ("the second", "World War II", "", "EVENT"),
        ("the", "Russian", "army", "DOMAIN"),
        ("", "DUTCH", "SQUAD", "DOMAIN"),
        ("the", "Bosnian Serbs", ",", "DOMAIN"),
        ("the", "Moslem-Croat", "federation", "DOMAIN"),
        ("", "neo-Nazi", "jailed", "DOMAIN"),
        ("the", "Clean Air Act", "", "DOMAIN"),
        ("a", "Toyota Celica", "", "INSTRUMENT"),
        ("of", "Windows 95", "", "INSTRUMENT"),
        ("two", "AK-47", "rifles", "INSTRUMENT"),
        ('read "', "Madame Bovary", '" twice', "WORK"),
        ("at 1230", "GMT", ".", None),
        ("worth", "C$", "5", None),
        ("at", "DM", "3.50", None),
        ("the", "Nobel Peace Prize", "", None),
        ("the", "Star Wars", "programme", "DOMAIN|EVENT|INSTRUMENT|WORK"),
        ("the", "Bundesliga", "", "DOMAIN|EVENT|INSTRUMENT|WORK"),
        ("the", "U.S.-led", "force", "DOMAIN|EVENT|INSTRUMENT|WORK"),
        ('the "', "Brady Bill", '" of', "DOMAIN|EVENT|INSTRUMENT|WORK"),
        ("in", "Java", "", "DOMAIN|EVENT|INSTRUMENT|WORK"),
    ],
)
def test_what_misc_of_conll_means(before, surface, after, label):
    profile = load_profile("rag9")
    start = len(before) + 1
    source = Document(
        id="s1",
        text=f"{before} {surface} {after}",
        annotations=(Annotation(start, start + len(surface), ("MISC",)),),
    )
    [result], report = harmonise([source], profile, profile.table_for({"PER", "MISC"}))
    assert [a.label for a in result.annotations or ()] == ([label] if label else [])
    assert report.table == "conll2003"
    assert "MEASURE" not in (result.annotates or ())


@pytest.mark.data
def test_the_rules_for_misc_of_conll_do_what_the_table_says():
    profile = load_profile("rag9")
    table = profile.table("conll2003")
    path = Path(os.environ["OSSAMMA_MIRROR"], "conll2003/corpus/CoNLL-2003/eng.train")
    _, report = harmonise(read_conll(path).documents, profile, table)
    misc = {"|".join(types): count for types, count in report.mapped["MISC"].items()}
    assert misc == {
        "DOMAIN": 2059,
        "EVENT": 424,
        "INSTRUMENT": 60,
        "WORK": 18,
        "DOMAIN|EVENT|INSTRUMENT|WORK": 741,
    }
    assert report.dropped == {"MISC": 136}
    assert sum(report.by_rule.values()) == 3438 - 741
    for figure in ("3,438", "2,561", "2,059", "424", "60", "18", "136", "741"):
        assert figure in table.notes
