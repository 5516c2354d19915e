"""Laws of profiles: what ships is consistent, and what is inconsistent is refused by name."""

from __future__ import annotations

import copy
import itertools
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ossamma.schema.errors import ProfileError
from ossamma.schema.label_rules import Condition, Place, Rule
from ossamma.schema.profile import (
    DROP,
    DatasetTable,
    Profile,
    Shape,
    TypeDescription,
    available_profiles,
    load_profile,
    native_profile,
)

SHIPPED = {name: load_profile(name) for name in available_profiles()}
RAG9 = (
    "PERSON",
    "AGENCY",
    "PLACE",
    "ORGANISM",
    "EVENT",
    "INSTRUMENT",
    "WORK",
    "DOMAIN",
    "MEASURE",
)
PROFILE = """\
name: pets
title: Pets
description: For the tests.
types:
  - name: CAT
    description: Cats
    examples: [Tom, Felix]
  - name: DOG
    description: Dogs
"""
TABLE = """\
title: Two animals
labels:
  feline: CAT
  any: [DOG, CAT]
  noise: DROP
annotates: [CAT]
licence: CC0
url: https://example.org
notes: Dogs are marked now and then.
"""


def write(folder: Path, profile: str = PROFILE, **tables: str) -> Path:
    """Lay out a profile folder."""
    (folder / "datasets").mkdir(parents=True)
    (folder / "profile.yaml").write_text(profile, encoding="utf-8")
    for name, text in tables.items():
        (folder / "datasets" / f"{name}.yaml").write_text(text, encoding="utf-8")
    return folder


def table(name: str, *labels: str) -> DatasetTable:
    """A table that maps every label to CAT."""
    return DatasetTable(
        name=name, title=name, labels=dict.fromkeys(labels, ("CAT",)), annotates=frozenset()
    )


def profile_with(*tables: DatasetTable) -> Profile:
    return Profile(
        name="pets",
        title="Pets",
        description="",
        types=(TypeDescription("CAT", "", ()), TypeDescription("DOG", "", ())),
        datasets={t.name: t for t in tables},
    )


# What ships.


@pytest.mark.parametrize("name", available_profiles())
def test_every_shipped_profile_loads_and_describes_itself(name):
    profile = load_profile(name)
    assert profile.name == name
    assert profile.title
    assert profile.description
    assert profile.datasets
    for described in profile.types:
        assert described.description
        assert described.examples


@pytest.mark.parametrize(
    ("profile", "table"), [(p, t) for p in SHIPPED for t in sorted(SHIPPED[p].datasets)]
)
def test_every_shipped_table_gives_its_source_and_reasons(profile, table):
    shipped = SHIPPED[profile].table(table)
    assert shipped.title
    assert shipped.url.startswith("https://")
    assert shipped.licence
    assert shipped.notes
    # A type that a data set marks in full is one that it has a label for.
    mapped = {name for types in shipped.labels.values() if types is not DROP for name in types}
    assert shipped.annotates <= mapped


@pytest.mark.parametrize("profile", available_profiles())
def test_every_shipped_table_is_found_by_its_own_labels_unless_it_says_that_it_is_not(profile):
    loaded = load_profile(profile)
    for shipped in loaded.datasets.values():
        if shipped.found_by_labels:
            assert loaded.table_for(set(shipped.labels)) is shipped


@pytest.mark.parametrize(
    ("labels", "table"),
    [
        ({"PER", "ORG", "LOC"}, "conll2003"),  # btc and uner_ewt have just these
        ({"PER", "ORG", "LOC", "MISC"}, "conll2003"),  # so has wikineural
        ({"person", "location"}, "wnut17"),
        ({"Organism"}, "bionlp13cg_species"),
        ({"Disease"}, "ncbi_disease"),
        ({"Chemical", "Disease"}, "bc5cdr"),
        ({"GPE", "NORP"}, "ontonotes5"),
    ],
)
def test_common_labels_mean_the_well_known_corpus(labels, table):
    found = SHIPPED["rag9"].table_for(labels)
    assert found is not None
    assert found.name == table


def test_rag9_keeps_its_order():
    # The order is the tag indices of every trained model.
    assert load_profile("rag9").labels.types == RAG9


def test_rag9_leaves_open_what_its_corpora_do_not_mark():
    datasets = load_profile("rag9").datasets
    assert datasets["wnut17"].annotates == {"PERSON", "AGENCY", "PLACE", "WORK"}
    assert datasets["conll2003"].annotates == {"PERSON", "AGENCY", "PLACE", "EVENT", "WORK"}
    assert datasets["conll2003"].labels["MISC"] == ("DOMAIN", "EVENT", "INSTRUMENT", "WORK")


def test_rag9_has_no_hierarchy():
    assert load_profile("rag9").hierarchy is None


# Ways to load.


def test_a_folder_its_file_and_one_file_with_inline_tables_are_the_same_profile(tmp_path):
    folder = write(tmp_path / "pets", animals=TABLE)
    inline = yaml.safe_load(PROFILE) | {"datasets": {"animals": yaml.safe_load(TABLE)}}
    single = tmp_path / "single.yaml"
    single.write_text(yaml.safe_dump(inline), encoding="utf-8")
    expected = load_profile(folder)
    assert expected.datasets["animals"].labels == {
        "feline": ("CAT",),
        "any": ("CAT", "DOG"),
        "noise": DROP,
    }
    assert load_profile(folder / "profile.yaml") == expected
    assert load_profile(str(folder)) == expected
    assert load_profile(single) == expected


def test_a_single_file_does_not_read_the_folder_beside_it(tmp_path):
    folder = write(tmp_path / "pets", animals="this: is no table")
    other = folder / "other.yaml"
    other.write_text(PROFILE, encoding="utf-8")
    assert load_profile(other).datasets == {}


def test_a_path_is_a_path_even_if_it_is_called_like_a_shipped_profile(tmp_path, monkeypatch):
    write(tmp_path / "rag9", animals=TABLE)
    monkeypatch.chdir(tmp_path)
    assert load_profile("rag9").name == "rag9"
    assert load_profile("./rag9").name == "pets"
    assert load_profile(Path("rag9")).name == "pets"


@pytest.mark.parametrize("word", ["NO", "on", "1", "2.5", "null", "2024-01-01"])
def test_labels_are_read_as_they_are_written(tmp_path, word):
    # YAML takes these for truth values, numbers, nothing and dates.
    folder = write(
        tmp_path / "pets",
        PROFILE.replace("CAT", word),
        animals=f"title: T\nlabels: {{{word}: {word}}}\nannotates: [{word}]",
    )
    profile = load_profile(folder)
    assert profile.labels.types == (word, "DOG")
    assert profile.datasets["animals"].labels == {word: (word,)}


@pytest.mark.parametrize("name", ["rag8", "RAG", "ragnine"])
def test_an_unknown_profile_is_answered_with_what_exists(name):
    with pytest.raises(ProfileError, match=r"rag9.*did you mean rag9\?"):
        load_profile(name)


def test_an_unknown_profile_that_is_like_nothing_gets_no_guess():
    with pytest.raises(ProfileError, match="rag9") as caught:
        load_profile("/somewhere/else")
    assert "did you mean" not in str(caught.value)


# Faults in the files.


def test_a_type_is_a_name_unless_the_profile_says_that_it_has_a_rule(tmp_path):
    ruled = PROFILE.replace("examples: [Tom, Felix]", "shape: rule")
    profile = load_profile(write(tmp_path / "ruled", ruled))
    assert [described.shape for described in profile.types] == [Shape.RULE, Shape.NAME]
    assert profile.rule_shaped == {"CAT"}
    assert load_profile(write(tmp_path / "plain")).rule_shaped == frozenset()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("title: Pets", "titel: Pets", r"profile\.yaml:2: unknown key 'titel'.*did you mean title"),
        ("title: Pets\n", "", r"profile\.yaml:1: the key 'title' is missing"),
        ("title: Pets", "title:", r"profile\.yaml:2: expected a text, got nothing"),
        ("title: Pets", "title: [Pets]", r"profile\.yaml:2: expected a text, got a list"),
        ("title: Pets", "title: A\ntitle: B", r"profile\.yaml:3: the key 'title' is given twice"),
        ("description: Cats", "colour: red", r"profile\.yaml:6: unknown key 'colour'"),
        ("examples: [Tom, Felix]", "shape: round", r"yaml:7: .* name or rule, got 'round'"),
        ("examples: [Tom, Felix]", "examples: Tom", r"profile\.yaml:7: 'examples' must be a list"),
        ("name: DOG", "name: CAT", "must not repeat a type"),
        ("name: DOG", "name: A DOG", "white space"),
        ("name: DOG", "name: DROP", "'DROP' cannot be a type's name"),
        ("name: DOG", "name: [DOG", r"profile\.yaml:\d+: expected valid YAML"),
        ("name: pets", "name: pets\n--- {}", r"profile\.yaml:2: expected valid YAML"),
        ("name: pets", "name: \x07", r"profile\.yaml: expected valid YAML"),
        ("name: pets", "name: !!python/name:os.system", r"profile\.yaml:1: expected a text"),
    ],
)
def test_a_fault_in_a_profile_is_named_with_its_place(tmp_path, old, new, message):
    assert PROFILE.count(old) == 1
    folder = write(tmp_path / "pets", PROFILE.replace(old, new))
    with pytest.raises(ProfileError, match=message):
        load_profile(folder)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("notes:", "note:", r"animals\.yaml:9: unknown key 'note'.*did you mean notes"),
        ("annotates: [CAT]\n", "", r"animals\.yaml:1: the key 'annotates' is missing"),
        ("[DOG, CAT]", "[DOG, COW]", r"animals\.yaml:1: .*label 'any'.*\(CAT, DOG\), got 'COW'"),
        ("[DOG, CAT]", "[]", r"animals\.yaml:1: .*label 'any'.*at least one.*DROP"),
        ("[DOG, CAT]", "[DOG, DOG]", r"animals\.yaml:4: 'any' has an entry twice"),
        ("[DOG, CAT]", "{DOG: CAT}", r"animals\.yaml:4: 'any' must be a list, got a mapping"),
        ("[DOG, CAT]", "", r"animals\.yaml:4: expected a text, got nothing"),
        ("feline: CAT", "feline: CATS", r"got 'CATS'; did you mean CAT\?"),
        ("annotates: [CAT]", "annotates: [COW]", r"animals\.yaml:1: .*annotates.*got 'COW'"),
        ("feline: CAT", "any: CAT", r"animals\.yaml:4: the key 'any' is given twice"),
    ],
)
def test_a_fault_in_a_table_is_named_with_its_place(tmp_path, old, new, message):
    assert TABLE.count(old) == 1
    folder = write(tmp_path / "pets", animals=TABLE.replace(old, new))
    with pytest.raises(ProfileError, match=message):
        load_profile(folder)


@pytest.mark.parametrize("text", ["", "- a list", "only words", "labels: {}"])
def test_a_file_that_is_no_profile_is_refused(tmp_path, text):
    with pytest.raises(ProfileError, match=r"profile\.yaml:1: "):
        load_profile(write(tmp_path / "pets", text))


def test_a_table_without_labels_is_refused(tmp_path):
    folder = write(tmp_path / "pets", none="title: None\nlabels: {}\nannotates: []")
    with pytest.raises(ProfileError, match="at least one source label"):
        load_profile(folder)


def test_a_table_given_twice_is_refused(tmp_path):
    inline = yaml.safe_dump({"datasets": {"animals": yaml.safe_load(TABLE)}})
    folder = write(tmp_path / "pets", PROFILE + inline, animals=TABLE)
    with pytest.raises(ProfileError, match=r"animals\.yaml:1: the table 'animals' is given twice"):
        load_profile(folder)


def test_a_file_that_is_not_text_is_refused(tmp_path):
    folder = write(tmp_path / "pets")
    (folder / "profile.yaml").write_bytes(b"name: \xff")
    with pytest.raises(ProfileError, match="UTF-8"):
        load_profile(folder)


# Rules and word lists in the files.

RULES = """\
rules:
  any:
    - name: barks
      types: DOG
      when: {surface: ["@dogs", Rex], before: "/[a-z]{1,9}/"}
      unless: {after: [cat]}
    - name: neither
      types: DROP
"""


def write_rules(
    folder: Path, rules: str = RULES, words: str = "Fido # a name\n\n# none\nOld  Bob"
) -> Path:
    write(folder, animals=TABLE + rules)
    (folder / "word_lists").mkdir()
    (folder / "word_lists" / "dogs.txt").write_text(words, encoding="utf-8")
    return folder


def test_rules_are_read_in_order_with_their_words(tmp_path):
    barks, neither = load_profile(write_rules(tmp_path / "pets")).table("animals").rules
    assert barks == Rule(
        name="barks",
        label="any",
        types=("DOG",),
        when=(
            Condition(Place.SURFACE, frozenset({"fido", "old bob", "rex"})),
            Condition(Place.BEFORE, pattern="[a-z]{1,9}"),
        ),
        unless=(Condition(Place.AFTER, frozenset({"cat"})),),
    )
    assert neither == Rule(name="neither", label="any", types=DROP)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"@dogs"', '"@dog"', r"animals\.yaml:14: there is no word list 'dog'.*did you mean dogs"),
        ("surface:", "surfaces:", r"animals\.yaml:14: .*'surfaces'; did you mean surface"),
        ("{1,9}", "+", r"animals\.yaml:14: .*without bound"),
        ("types: DOG", "types: COW", r"animals\.yaml:1: .*rule 'barks'.*got COW"),
        ("types: DOG", "type: DOG", r"animals\.yaml:13: unknown key 'type'.*did you mean types"),
        ("name: neither", "name: barks", r"animals\.yaml:1: .*'barks' is given twice"),
        ("name: neither", "name: Neither!", r"animals\.yaml:16: .*must match"),
        ("  any:\n", "  none:\n", r"animals\.yaml:1: .*expected a label of the table.*got 'none'"),
        ("  any:\n", "  noise:\n", r"animals\.yaml:1: .*'noise' is dropped in any case"),
        ("after: [cat]", 'after: ["@empty"]', r"no word list 'empty'"),
    ],
)
def test_a_fault_in_a_rule_is_named_with_its_place(tmp_path, old, new, message):
    assert RULES.count(old) == 1
    with pytest.raises(ProfileError, match=message):
        load_profile(write_rules(tmp_path / "pets", RULES.replace(old, new)))


def test_a_word_list_without_words_is_refused(tmp_path):
    with pytest.raises(ProfileError, match="either words or a pattern"):
        load_profile(write_rules(tmp_path / "pets", RULES.replace(", Rex", ""), words="# nothing"))


@pytest.mark.parametrize("word", ["maybe", "[no]", "true"])
def test_found_by_labels_is_yes_or_no(tmp_path, word):
    folder = write(tmp_path / "pets", animals=TABLE + f"found_by_labels: {word}\n")
    with pytest.raises(ProfileError, match=r"animals\.yaml:10"):
        load_profile(folder)


def test_a_table_that_is_not_found_by_labels_has_to_be_named(tmp_path):
    folder = write(tmp_path / "pets", animals=TABLE + "found_by_labels: no\n")
    profile = load_profile(folder)
    assert profile.table("animals").found_by_labels is False
    with pytest.raises(ProfileError, match="animals covers any, feline, noise"):
        profile.table_for({"feline"})


# The hierarchy's file.

HIERARCHY = """\
graph: {Animal: kind}
categories: {PETS: 1}
roll_ups:
  ALL: {description: All of them, types: [CAT, DOG]}
merged: {PUSS: CAT}
types:
  CAT:
    label: Animal
    fine:
      TABBY: [tabby, PETS]
  DOG: {label: Animal}
"""


def write_hierarchy(folder: Path, text: str) -> Path:
    write(folder)
    (folder / "hierarchy.yaml").write_text(text, encoding="utf-8")
    return folder


def test_a_hierarchy_is_read_with_the_profile(tmp_path):
    hierarchy = load_profile(write_hierarchy(tmp_path / "pets", HIERARCHY)).hierarchy
    assert hierarchy is not None
    assert hierarchy.path("TABBY") == ("Animal", "CAT", "TABBY")
    assert hierarchy.graph("TABBY") == ("Animal", "kind", "tabby")
    assert hierarchy.fine_type("TABBY").tier == 1
    assert hierarchy.types_below("ALL") == {"CAT", "DOG"}
    assert hierarchy.active("PUSS") == "CAT"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("  DOG: {label: Animal}\n", "", r"roll-up 'ALL': expected an active type, got 'DOG'"),
        (
            "{label: Animal}",
            "{label: Animals}",
            r"hierarchy\.yaml:1: .*'Animals'; did you mean Animal",
        ),
        ("[tabby, PETS]", "[tabby]", r"hierarchy\.yaml:10: .*'TABBY'.*a category"),
        ("[tabby, PETS]", "[tabby, WILD]", r"hierarchy\.yaml:10: .*'TABBY'.*a category"),
        ("{PETS: 1}", "{PETS: one}", r"hierarchy\.yaml:2: 'PETS' must have the number of a tier"),
        ("TABBY:", "DOG:", r"hierarchy\.yaml:1: .*called like an active type"),
        ("{PUSS: CAT}", "{PUSS: COW}", r"hierarchy\.yaml:1: .*former name 'PUSS'.*'COW'"),
        ("{PUSS: CAT}", "{ALL: CAT}", r"'ALL' is called like another node"),
        ("types: [CAT, DOG]", "types: []", r"the roll-up 'ALL' has no type below it"),
        ("{Animal: kind}", "{Animal: kind, Plant: kind}", r"'Plant' has no active type below it"),
        ("  DOG: {", "  COW: {", r"roll-up 'ALL': expected an active type, got 'DOG'"),
        ("merged:", "merge:", r"hierarchy\.yaml:5: unknown key 'merge'.*did you mean merged"),
    ],
)
def test_a_fault_in_a_hierarchy_is_named(tmp_path, old, new, message):
    assert HIERARCHY.count(old) == 1
    with pytest.raises(ProfileError, match=message):
        load_profile(write_hierarchy(tmp_path / "pets", HIERARCHY.replace(old, new)))


# Values that cannot be wrong.


@pytest.mark.parametrize("candidates", [(), ("DOG", "CAT"), ("CAT", "CAT")])
def test_candidates_are_some_sorted_and_unique(candidates):
    with pytest.raises(ProfileError, match="at least one, sorted and unique"):
        DatasetTable(name="t", title="", labels={"x": candidates}, annotates=frozenset())


def test_a_profile_refuses_a_table_of_other_types():
    other = DatasetTable(name="t", title="", labels={"x": ("COW",)}, annotates=frozenset())
    with pytest.raises(ProfileError, match="got 'COW'"):
        profile_with(other)


def test_a_profile_refuses_a_table_under_another_name():
    with pytest.raises(ProfileError, match="another name"):
        Profile(
            name="pets",
            title="",
            description="",
            types=(TypeDescription("CAT", "", ()),),
            datasets={"b": table("a", "x")},
        )


def test_a_profile_can_be_copied():
    profile = load_profile("rag9")
    assert copy.deepcopy(profile) == profile


# Native profiles.


@given(st.lists(st.sampled_from(["b", "a", "creative-work", "Z", "é"]), min_size=1))
def test_a_native_profile_depends_only_on_the_set_of_labels(types):
    profile = native_profile(types)
    assert profile.labels.types == tuple(sorted(set(types)))
    assert profile == native_profile(reversed(types))
    assert profile.table_for(set(types)) is None


def test_a_native_profile_needs_labels_that_can_be_types():
    with pytest.raises(ProfileError, match="no annotated entity"):
        native_profile([])
    with pytest.raises(ProfileError, match="white space"):
        native_profile(["two words"])


# The choice of a table.


def test_types_of_the_profile_need_no_table():
    profile = profile_with(table("t", "CAT", "x"))
    assert profile.table_for({"CAT", "DOG"}) is None
    assert profile.table_for(set()) is None


def test_the_smallest_covering_table_is_chosen():
    small, large = table("small", "a", "b"), table("large", "a", "b", "c")
    profile = profile_with(large, small)
    assert profile.table_for({"a"}) is small
    assert profile.table_for({"a", "c"}) is large


def test_a_tie_is_not_broken_in_silence():
    profile = profile_with(table("t1", "a", "b"), table("t2", "a", "c"))
    with pytest.raises(ProfileError, match=r"t1, t2 fit.*--map NAME"):
        profile.table_for({"a"})
    chosen = profile.table_for({"a", "c"})
    assert chosen is not None
    assert chosen.name == "t2"


def test_unknown_labels_are_listed_with_what_is_covered():
    with pytest.raises(ProfileError) as caught:
        load_profile("rag9").table_for({"PER", "SPECIES", "GENE"})
    message = str(caught.value)
    assert "does not know the labels GENE, SPECIES\n" in message
    assert "conll2003 covers LOC, MISC, ORG, PER" in message
    assert "--map NAME" in message


def test_known_labels_of_two_tables_fit_neither():
    with pytest.raises(ProfileError, match="no single table for the labels PER, person"):
        load_profile("rag9").table_for({"PER", "person"})


def test_the_choice_is_right_by_brute_force():
    inventories = [("a", "b"), ("b", "c"), ("a", "b", "c"), ("c", "d")]
    tables = [table(f"t{i}", *labels) for i, labels in enumerate(inventories)]
    profile = profile_with(*tables)
    for size in range(1, 5):
        for wanted in map(set, itertools.combinations("abcd", size)):
            covering = [t for t in tables if wanted.issubset(t.labels)]
            least = min((len(t.labels) for t in covering), default=0)
            best = [t for t in covering if len(t.labels) == least]
            if len(best) == 1:
                assert profile.table_for(wanted) is best[0]
            else:
                with pytest.raises(ProfileError):
                    profile.table_for(wanted)


def test_a_table_is_found_by_name_or_named_near():
    profile = load_profile("rag9")
    assert profile.table("wnut17").name == "wnut17"
    with pytest.raises(ProfileError, match=r"conll2003, .*wnut17; did you mean wnut17.*\?"):
        profile.table("wnut-17")
