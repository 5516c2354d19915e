from __future__ import annotations

import pytest

from ossamma.data.catalog import Kind, Redistribution, load_catalog
from ossamma.data.policy import BuildPolicy, Grade, Source, load_policy
from ossamma.schema.errors import ConfigurationError, DataError
from ossamma.schema.profile import available_profiles, load_profile

FULL = """
name: letters
licences: [yes, share-alike]
salt: a
shares: {dev: 0.1, test: 0.2}
weights: {gold: 3, ordinary: 0.5}
repairs: [trim-space]
deduplicate: {threshold: 0.7}
knowledge: [cisa_kev]
sources:
  - card: wnut17
    grade: gold
    tables: {a.txt: other}
    keep_splits: false
    autolabel: true
    max_documents: 5
  - card: btc
    table: towns
  - card: stucco
    grade: rejected
    reason: made by programs
"""


def written(folder, text):
    path = folder / "build.yaml"
    path.write_text(text)
    return path


def test_a_policy_in_full(tmp_path):
    policy = load_policy("letters", written(tmp_path, FULL))
    assert policy == BuildPolicy(
        name="letters",
        licences=frozenset({Redistribution.YES, Redistribution.SHARE_ALIKE}),
        salt="a",
        shares={"dev": 0.1, "test": 0.2},
        weights={Grade.GOLD: 3.0, Grade.ORDINARY: 0.5},
        repairs=("trim-space",),
        deduplicate={"threshold": 0.7},
        knowledge=("cisa_kev",),
        sources=(
            Source(
                card="wnut17",
                grade=Grade.GOLD,
                tables={"a.txt": "other"},
                keep_splits=False,
                autolabel=True,
                max_documents=5,
            ),
            Source(card="btc", table="towns"),
            Source(card="stucco", grade=Grade.REJECTED, reason="made by programs"),
        ),
    )
    first, second, rejected = policy.sources
    assert [policy.weight(s.grade) for s in policy.sources] == [3.0, 0.5, 0.0]
    assert (first.table_for("a.txt", "wnut17"), first.table_for("b", "wnut17")) == (
        "other",
        "wnut17",
    )
    assert second.table_for("b", "btc") == "towns"
    assert rejected.reason == "made by programs"


@pytest.mark.parametrize(
    ("change", "line", "message"),
    [
        (("salt: a", "salz: a"), 4, "unknown key 'salz'.*did you mean salt"),
        (("dev: 0.1", "valid: 0.1"), 2, "'shares' must name train, dev, test, all, got 'valid'"),
        (("gold: 3", "gold: much"), 2, "expected a number, got 'much'"),
        (("[yes, share", "[perhaps, share"), 2, "'licences' must be of .*got 'perhaps'"),
        (("    reason: made by programs\n", ""), 19, "a rejected source needs a reason"),
        (("max_documents: 5", "max_documents: 0"), 11, "max_documents must be at least 1"),
        (("card: btc", "card: wnut17"), 2, "the source 'wnut17' is given twice"),
        (("dev: 0.1, test: 0.2", "dev: 0.5, test: 0.5"), 2, "leave something for train"),
        (("gold: 3", "gold: -1"), 2, "weights must not be negative"),
    ],
)
def test_a_faulty_policy_is_refused_at_its_line(tmp_path, change, line, message):
    assert change[0] in FULL
    path = written(tmp_path, FULL.replace(*change))
    with pytest.raises(DataError, match=rf"build.yaml:{line}: .*{message}"):
        load_policy("letters", path)


@pytest.mark.parametrize(
    ("said", "repairs"),
    [("", ("keep-longest",)), ("repairs: []\n", ()), ("repairs: [trim-space]\n", ("trim-space",))],
)
def test_overlaps_are_mended_unless_a_policy_says_otherwise(tmp_path, said, repairs):
    path = written(tmp_path, f"name: letters\n{said}sources:\n  - card: wnut17\n    grade: gold\n")
    assert load_policy("rag9", path).repairs == repairs


def test_a_missing_policy_is_named(tmp_path):
    with pytest.raises(DataError, match=r"no build policy at .*--policy FILE"):
        load_policy(str(tmp_path))


def test_shares_are_checked_at_birth():
    with pytest.raises(ConfigurationError, match="shares"):
        BuildPolicy(name="a", sources=(), shares={"dev": -0.1})


@pytest.mark.parametrize("name", available_profiles())
def test_shipped_policies_name_what_exists(name):
    policy, profile, catalog = load_policy(name), load_profile(name), load_catalog()
    assert policy.name == name
    for source in policy.sources:
        card = catalog[source.card]
        assert set(source.tables) <= {file.path for file in card.files}
        if card.kind is Kind.ANNOTATED and source.grade is not Grade.REJECTED:
            paths = [f.path for f in card.files if f.split or f.path in source.tables]
            for path in paths or [""]:
                assert profile.table(source.table_for(path, card.name))
    assert set(policy.knowledge) <= set(catalog)


@pytest.mark.parametrize("name", available_profiles())
def test_every_label_table_of_a_shipped_profile_is_used_or_known_to_be_at_no_hand(name):
    """A table that no source uses would be a decision nobody sees."""
    policy, profile, catalog = load_policy(name), load_profile(name), load_catalog()
    used = set()
    for source in policy.sources:
        card = catalog[source.card]
        used |= {source.table or card.name, *source.tables.values()}
    assert set(profile.datasets) <= used | {"conll2003", "wnut17", "stucco", "fewnerd"}
