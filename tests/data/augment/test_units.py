"""Units, their sentences, and how they stand to annotations."""

from __future__ import annotations

from hypothesis import given

from ossamma.data.augment.units import Standing, lone_annotations, units_of
from ossamma.schema.spans import Annotation, Document
from tests.data.augment.strategies import a_document, few, wild_documents


@few
@given(wild_documents())
def test_units_hold_every_visible_character_once(document):
    units = units_of(document)
    covered = [index for unit in units for index in range(unit.start, unit.end)]
    assert len(set(covered)) == len(covered)
    visible = [i for i, character in enumerate(document.text) if not character.isspace()]
    assert [i for i in covered if not document.text[i].isspace()] == visible
    assert all(unit.text == document.text[unit.start : unit.end] for unit in units)


@few
@given(wild_documents())
def test_the_standing_of_a_unit_is_what_brute_force_says(document):
    end = 0
    for unit in units_of(document):
        inside = range(unit.start, unit.end)
        marks = document.annotations or ()
        touched = [m for m in marks if set(inside) & set(range(m.start, m.end))]
        in_gap = any(set(range(end, unit.start)) & set(range(m.start, m.end)) for m in marks)
        cut = any(unit.start < b < unit.end for m in touched for b in (m.start, m.end))
        free = Standing.CUT if in_gap else Standing.FREE
        mention = Standing.CUT if cut else Standing.MENTION
        assert unit.standing is (mention if touched else free)
        end = unit.end


@few
@given(wild_documents())
def test_lone_annotations_are_those_that_share_no_character(document):
    marks = document.annotations or ()

    def is_lone(index):
        own = set(range(marks[index].start, marks[index].end))
        others = [m for i, m in enumerate(marks) if i != index]
        return not any(own & set(range(m.start, m.end)) for m in others)

    found = [index for index, _ in lone_annotations(document)]
    assert sorted(found) == [index for index in range(len(marks)) if is_lone(index)]
    assert all(marks[index] is mark for index, mark in lone_annotations(document))


def test_an_annotation_in_a_long_one_is_not_lone_even_behind_another():
    spans = [(0, 9), (1, 2), (4, 5), (9, 10)]
    marks = tuple(Annotation(start, end, ("X",)) for start, end in spans)
    document = Document(id="d", text="x" * 10, annotations=marks)
    assert [index for index, _ in lone_annotations(document)] == [3]


def sentences(document):
    return [unit.sentence for unit in units_of(document)]


def test_sentences_are_the_sources_own_or_those_of_punctuation_and_lines():
    own = a_document("a b . c", sentence_starts=(0, 1))
    assert sentences(own) == [0, 1, 1, 1]
    assert sentences(Document(id="d", text="A b. C\nd 3.5 e")) == [0, 0, 0, 1, 2, 2, 2]


def test_a_unit_keeps_its_inner_apostrophe_hyphen_and_period():
    document = Document(id="d", text="Don't re-read U.S. news, 3.5!")
    assert [unit.text for unit in units_of(document)] == [
        *("Don't", "re-read", "U.S", ".", "news", ",", "3.5", "!")
    ]


def test_an_annotation_of_white_space_alone_stops_the_word_behind_it():
    document = Document(id="d", text="a b c", annotations=(Annotation(1, 2, ("X",)),))
    standings = [unit.standing for unit in units_of(document)]
    assert standings == [Standing.FREE, Standing.CUT, Standing.FREE]
