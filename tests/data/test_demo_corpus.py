"""Laws of the demonstration corpus: exact annotations, natural text, honest held-out parts."""

from __future__ import annotations

import re
from importlib.resources import files
from itertools import pairwise

import pytest
import yaml

from ossamma.data.demo_corpus import DemoCorpus, DemoSizes, generate_demo_corpus
from ossamma.schema.errors import ConfigurationError
from ossamma.schema.profile import load_profile
from ossamma.schema.spans import Document

TYPES = load_profile("rag9").labels.types
SLOT = re.compile(r"\{([^{}]+)\}")
NUMBER_WORDS = re.compile(
    r"\b(two|three|four|five|six|seven|eight|nine|ten|first|second|third|thousand|million|"
    r"(to|yester)day|tomorrow|tonight|days?|weeks?|months?|years?|hours?|minutes?|January|Monday)\b"
)


@pytest.fixture(scope="module")
def corpus() -> DemoCorpus:
    return generate_demo_corpus(13)


@pytest.fixture(scope="module")
def many() -> DemoCorpus:
    return generate_demo_corpus(1, DemoSizes(train=4000, dev=400, test=400))


@pytest.fixture(scope="module")
def everything(corpus: DemoCorpus) -> list[Document]:
    return [*corpus.train, *corpus.dev, *corpus.test]


@pytest.fixture(scope="module")
def grammar() -> dict[str, dict[str, list[str]]]:
    file = files("ossamma.profiles").joinpath("rag9", "demo.yaml")
    return yaml.safe_load(file.read_text(encoding="utf-8"))


def surfaces(documents: tuple[Document, ...]) -> set[tuple[str, str]]:
    """Distinct (type, text) of the entities."""
    return {
        (a.label, document.text[a.start : a.end])
        for document in documents
        for a in document.annotations or ()
    }


def outside(document: Document) -> str:
    """The text without its entities: a bullet stands for each."""
    text = document.text
    for a in reversed(document.annotations or ()):
        text = text[: a.start] + "\N{BULLET}" + text[a.end :]
    return text


def sentences(documents: tuple[Document, ...]) -> set[str]:
    """Distinct contexts of entities: sentences with a bullet for each entity."""
    split = [s for d in documents for s in re.split(r"(?<=[.?!]) |\n", outside(d))]
    return {s for s in split if "\N{BULLET}" in s}


# The generator.


def test_the_same_seed_writes_the_same_corpus(corpus):
    assert generate_demo_corpus(13) == corpus
    assert generate_demo_corpus(14) != corpus


def test_sizes_are_kept_and_change_nothing_else(corpus):
    small = generate_demo_corpus(13, DemoSizes(train=30, dev=10, test=20))
    assert [len(small.train), len(small.dev), len(small.test)] == [30, 10, 20]
    assert small.train == corpus.train[:30]


@pytest.mark.parametrize("side", ["train", "dev", "test"])
def test_an_empty_side_is_refused(side):
    with pytest.raises(ConfigurationError, match=f"{side} must be at least 1"):
        DemoSizes(**{side: 0})


def test_the_default_sizes(corpus):
    assert [len(corpus.train), len(corpus.dev), len(corpus.test)] == [1200, 200, 200]


# Text and annotation.


def test_documents_are_raw_text_fully_annotated(everything):
    assert len({d.id for d in everything}) == len(everything)
    for document in everything:
        assert document.words is None
        assert document.annotations is not None
        assert document.annotates is None
        assert document.provenance is not None


def test_annotations_are_disjoint_and_cut_no_word(everything):
    for document in everything:
        text = document.text
        assert document.annotations == tuple(sorted(document.annotations or ()))
        for left, right in pairwise(document.annotations or ()):
            between = document.text[left.end : right.start]
            assert left.end < right.start
            # "Ada Lovelace" is one entity, not two that stand side by side.
            assert between.strip() or left.labels != right.labels
        for a in document.annotations or ():
            assert a.labels[0] in TYPES
            assert text[a.start : a.end] == text[a.start : a.end].strip()
            # Any splitter of words has a border here: nothing touches but blanks, points and 's.
            assert not re.match(r"[\w-]|'(?!s\b)", text[a.end :])
            assert not re.match(r"[\w'$€£-]", text[a.start - 1 : a.start])


def test_text_looks_like_text(everything):
    for document in everything:
        text = document.text
        assert not re.search(
            r"[{}]|\s\s|\s[.,;:?!)]|\(\s|\.\.|,,|\ba [aeio]|\ban [^aeioAEIO]", text
        )
        assert text == text.strip()
        assert not text[0].islower() or re.match(r"i[A-Z]", text)


def test_every_number_and_date_is_a_measure_or_part_of_a_name(everything):
    for document in everything:
        rest = outside(document)
        assert not re.search(r"\d", rest), rest
        assert not NUMBER_WORDS.search(rest), rest


def test_a_lower_case_entity_is_an_entity_wherever_it_stands(everything, grammar):
    # Spellings with two meanings stand in the closed lists and are exempt.
    slots = {name for t in all_templates(grammar) for name in re.findall(r"\{[A-Z]+:(\w+)\}", t)}
    words = [w for name in slots & set(grammar["open"]) for w in grammar["open"][name]]
    lower = "|".join(re.escape(word) for word in words if word.islower())
    assert lower
    pattern = re.compile(rf"\b({lower})\b", re.IGNORECASE)
    for document in everything:
        assert not pattern.search(outside(document)), document.text


def test_documents_have_one_to_three_sentences(grammar):
    # Counted by the closing marks: every template has at most one.
    for template in all_templates(grammar):
        assert len(re.findall(r"[.?!](?= |$)", re.sub(SLOT, "x", template))) <= 1
    corpus = generate_demo_corpus(5, DemoSizes(train=200, dev=1, test=1))
    counts = {len(re.split(r"(?<=[.?!]) |\n", outside(document))) for document in corpus.train}
    assert counts == {1, 2, 3}


# Variety.


def all_templates(grammar) -> list[str]:
    return [template for topic in grammar["templates"].values() for template in topic]


def test_the_grammar_is_rich(grammar):
    templates = all_templates(grammar)
    assert len(set(templates)) == len(templates) >= 120
    assert sum(not re.search(r"\{[A-Z]", template) for template in templates) >= 20


def test_every_list_is_used_and_every_slot_has_a_list(grammar):
    lists = grammar["open"] | grammar["closed"]
    texts = [
        t for group in ("open", "closed", "templates") for v in grammar[group].values() for t in v
    ]
    slots = {match for text in texts for match in SLOT.findall(text)} - {"a"}
    named = {slot.partition(":")[2] or slot for slot in slots if ".." not in slot}
    used = {name for slot in named for name in grammar["entities"].get(slot, [slot])}
    assert used == set(lists)
    assert all(isinstance(text, str) for text in texts)


def test_an_open_filler_stands_in_one_list_only(grammar):
    # Else a held-out filler of one list could be a training filler of another.
    fillers = [filler for entries in grammar["open"].values() for filler in entries]
    closed = {filler for entries in grammar["closed"].values() for filler in entries}
    assert len(set(fillers)) == len(fillers)
    assert closed.isdisjoint(fillers)


def test_every_type_has_many_fillers_and_occurs_on_every_side(corpus):
    for label in TYPES:
        trained = {text for name, text in surfaces(corpus.train) if name == label}
        assert len(trained) >= 60, label
        for side in (corpus.dev, corpus.test):
            assert sum(a.label == label for d in side for a in d.annotations or ()) >= 15, label
    assert all(any(not d.annotations for d in side) for side in (corpus.train, corpus.test))


@pytest.mark.parametrize(
    ("spelling", "types"),
    [
        ("Washington", {"PERSON", "PLACE"}),
        ("Hamlet", {"PERSON", "WORK"}),
        ("Amazon", {"AGENCY", "PLACE"}),
        ("Java", {"INSTRUMENT", "PLACE"}),
        ("Mars", {"AGENCY", "PLACE"}),
        ("May", {"PERSON", "MEASURE"}),
        ("Nature", {"WORK"}),
        ("Apple", {"AGENCY", "ORGANISM"}),
    ],
)
def test_a_spelling_has_several_meanings_in_training(spelling, types, many):
    assert {label for label, text in surfaces(many.train) if text == spelling} == types


def test_training_shows_every_spelling_with_two_meanings(grammar, many):
    trained = {text.lower() for _, text in surfaces(many.train)}
    doubles = [name for name in grammar["closed"] if "_or_" in name]
    assert len(doubles) >= 20
    for name in doubles:
        assert {entry.lower() for entry in grammar["closed"][name]} <= trained, name


@pytest.mark.parametrize("word", ["Nature", "Time", "bank", "Frank", "may"])
def test_a_name_is_also_a_plain_word(word, grammar):
    assert any(
        re.search(rf"\b{word}\b", re.sub(SLOT, "", template)) for template in all_templates(grammar)
    )


# Honesty.


def test_no_text_occurs_twice(everything):
    assert len({d.text for d in everything}) == len(everything)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_good_part_of_the_test_was_never_seen(seed):
    corpus = generate_demo_corpus(seed)
    seen, tested = surfaces(corpus.train), surfaces(corpus.test)
    assert len(tested - seen) >= 0.4 * len(tested)
    for label in TYPES:
        of_type = {surface for surface in tested if surface[0] == label}
        assert len(of_type - seen) >= 0.25 * len(of_type), label
    contexts = sentences(corpus.test)
    assert len(contexts - sentences(corpus.train)) >= 0.3 * len(contexts)


def test_choosing_on_dev_does_not_see_the_held_out_part_of_the_test(corpus):
    unseen = surfaces(corpus.test) - surfaces(corpus.train)
    assert len(unseen & surfaces(corpus.dev)) <= 0.1 * len(unseen)


def test_a_held_out_filler_never_occurs_in_training(grammar, many):
    # Lists of whole entities: no amount of training text shows the part that is held out.
    trained = {text.lower() for _, text in surfaces(many.train)}
    for name in ("software", "country", "field", "animals", "event_name", "historic"):
        entries = {entry.lower() for entry in grammar["open"][name]}
        tested = {text.lower() for _, text in surfaces(many.test)} & entries
        assert tested - trained, name
        assert len(entries - trained) >= 0.2 * len(entries), name
