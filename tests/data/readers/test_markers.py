"""Inline markers: strip inverts add, and whatever is not a marker stays as it is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossamma.data.readers.markers import add_markers, strip_markers
from ossamma.schema.errors import AnnotationError, ConfigurationError, FormatError
from ossamma.schema.spans import Annotation

TYPES = frozenset({"PER", "PERSON", "A-b.c/1"})
# Everything that means something to a marker, whole and in parts.
NASTY = st.lists(
    st.sampled_from(
        [
            *("<", ">", "/", "[", "]", "[[", "]]", ":", "\\", "\\\\", "|", " ", "\n", "x", "é"),
            *("PER", "<PER>", "</PER>", "[[PER:", "<PERSON|PER>", "<b>", "[[b:", "</PERSON>"),
        ]
    ),
    max_size=12,
).map("".join)


@st.composite
def marked_texts(draw):
    """A text with disjoint annotations, none of which begins or ends in white space."""
    text = ""
    annotations = []
    for _ in range(draw(st.integers(0, 3))):
        text += draw(NASTY)
        surface = draw(NASTY).strip() or "y"
        labels = draw(st.sets(st.sampled_from(sorted(TYPES)), min_size=1))
        start = len(text)
        text += surface
        annotations.append(Annotation(start, len(text), tuple(sorted(labels)), "marker"))
    return text + draw(NASTY), tuple(annotations)


@given(marked_texts(), st.sampled_from(["tags", "brackets"]))
def test_strip_inverts_add(case, form):
    text, annotations = case
    marked = add_markers(text, annotations, TYPES, form=form)
    assert strip_markers(marked, TYPES) == (text, annotations)


@given(NASTY)
def test_add_inverts_strip_up_to_the_form(text):
    try:
        stripped, annotations = strip_markers(text, TYPES)
    except FormatError:
        return
    assert all(stripped[a.start : a.end].strip() for a in annotations)
    again = add_markers(stripped, annotations, TYPES)
    assert strip_markers(again, TYPES) == (stripped, annotations)


@given(NASTY)
def test_without_types_every_text_stays(text):
    assert strip_markers(text, []) == (text, ())
    assert add_markers(text, [], []) == text


@pytest.mark.parametrize(
    ("marked", "text", "spans"),
    [
        ("<PER>Ada</PER> and [[PERSON:Bob]].", "Ada and Bob.", [(0, 3, "PER"), (8, 11, "PERSON")]),
        ("<b>x</b> [[y:z]] [[PE:r]] ]] <PER >", "<b>x</b> [[y:z]] [[PE:r]] ]] <PER >", []),
        ("<per>x</per> [[per:x]]", "<per>x</per> [[per:x]]", []),
        ("<PER> Ada\n</PER>!", " Ada\n!", [(1, 4, "PER")]),
        ("<PERSON|PER>x</PERSON|PER>", "x", [(0, 1, "PER|PERSON")]),
        ("<A-b.c/1>x</A-b.c/1>", "x", [(0, 1, "A-b.c/1")]),
        (r"\<PER> \</PER> \[[PER: C:\dir\x", r"<PER> </PER> [[PER: C:\dir\x", []),
        (r"\\<PER>x\\</PER>", "\\x\\", [(1, 3, "PER")]),
        (r"[[PER:a\]\] b]c]]", "a]] b]c", [(0, 7, "PER")]),
        (r"<PER>a]] b</PER>", "a]] b", [(0, 5, "PER")]),
        ("<PER>a</PER><PER>b</PER>", "ab", [(0, 1, "PER"), (1, 2, "PER")]),
        ("[[PER:a]]]", "a]", [(0, 1, "PER")]),
        ("<PER>a <b>c</b></PER>", "a <b>c</b>", [(0, 10, "PER")]),
    ],
)
def test_what_is_a_marker(marked, text, spans):
    found, annotations = strip_markers(marked, TYPES)
    assert found == text
    assert [(a.start, a.end, a.label) for a in annotations] == spans
    assert all((a.origin, a.confidence) == ("marker", 1.0) for a in annotations)


@pytest.mark.parametrize(
    ("marked", "place", "message"),
    [
        ("a\nb <PER>x", "line 8, column 3", "'</PER>' behind the marker of PER"),
        ("[[PER:x", "line 7, column 1", r"'\]\]' behind the marker of PER"),
        ("[[PER:C:\\]]", "line 7, column 1", r"'\]\]' behind"),
        ("<PER>a <PERSON>b</PERSON></PER>", "line 7, column 8", "cannot nest"),
        ("<PER>a\n[[PER:b]]</PER>", "line 8, column 1", "line 7, column 1.*cannot nest"),
        ("[[PER:a <PER>b</PER>]]", "line 7, column 9", "cannot nest"),
        ("a</PER>", "line 7, column 2", "no marker is open"),
        ("<PER>a</PERSON>", "line 7, column 7", "PER is open"),
        ("[[PER:a</PER>", "line 7, column 8", "PER is open"),
        ("<PER|PERSON>a</PERSON|PER>", "line 7, column 14", "open"),
        ("\n\n<PER> \n</PER>", "line 9, column 1", "visible character"),
        ("[[PER:]]", "line 7, column 1", "visible character"),
    ],
)
def test_a_wrong_marker_is_named_with_its_place(marked, place, message):
    with pytest.raises(FormatError, match=message) as caught:
        strip_markers(marked, TYPES, source="notes.txt", first_line=7)
    assert place in caught.value.got
    assert str(caught.value).startswith(f"notes.txt:{place.split()[1][:-1]}: ")


@pytest.mark.parametrize("name", ["", "O", "A B", "A>B", "A|B", "[A", "A]", "é", "-A", "x" * 101])
def test_types_that_cannot_stand_in_a_marker(name):
    with pytest.raises(ConfigurationError, match="a type in a marker"):
        strip_markers("x", [name])


@pytest.mark.parametrize(
    ("annotations", "message"),
    [
        ([Annotation(0, 2, ("PER",)), Annotation(1, 3, ("PER",))], "disjoint"),
        ([Annotation(0, 4, ("PER",))], "without white space at their ends"),
        ([Annotation(5, 9, ("PER",))], "in the text"),
    ],
)
def test_annotations_that_no_marker_can_say(annotations, message):
    with pytest.raises(AnnotationError, match=message):
        add_markers("Ada met", annotations, TYPES)


@pytest.mark.parametrize("types", [TYPES, []])
def test_an_annotation_of_another_type_is_refused(types):
    with pytest.raises(ConfigurationError, match="'DOG' is not among"):
        add_markers("Ada", [Annotation(0, 3, ("DOG",))], types)


def test_long_texts_take_linear_time():
    # Quadratic time would be minutes.
    text = "\\" * 200_000 + "<" * 200_000 + "]" * 200_000 + "[[" * 100_000
    assert strip_markers(text, TYPES) == (text, ())
    many, annotations = strip_markers("<PER>x</PER> " * 20_000, TYPES)
    assert len(annotations) == 20_000
    assert len(many) == 40_000
    brackets = "[[PER:" + "]a" * 50_000 + "]]"
    assert len(strip_markers(brackets, TYPES)[0]) == 100_000
