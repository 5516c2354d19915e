"""Files come in under one profile, whose label map the training file chooses."""

from __future__ import annotations

import hashlib
import json

import pytest

from ossamma.pipeline.corpora import choose_profile, fingerprint, read_split, read_splits
from ossamma.schema.errors import DataError, ProfileError
from ossamma.schema.profile import load_profile
from tests import tiny

WNUT = {"PERSON": "person", "PLACE": "location"}
PROFILE = """
name: two
title: Two
types:
  - {name: PERSON, description: people}
  - {name: PLACE, description: places}
datasets:
  small:
    title: Small
    labels: {person: PERSON}
    annotates: [PERSON]
  large:
    title: Large
    labels: {person: PERSON, location: PLACE}
    annotates: [PERSON, PLACE]
"""


def labels_of(split):
    return {label for d in split.documents for a in d.annotations for label in a.labels}


def test_labels_are_mapped_by_the_table_that_knows_them(tmp_path):
    path = tiny.write_conll(tmp_path / "a.conll", tiny.documents(9, seed=0), WNUT)
    split = read_split(path, load_profile("rag9"))
    assert split.harmonised.table == "wnut17"
    assert labels_of(split) == {"PERSON", "PLACE"}
    assert split.documents[0].annotates == frozenset({"PERSON", "AGENCY", "PLACE", "WORK"})


def test_types_of_the_profile_need_no_table(tmp_path):
    path = tiny.write_conll(tmp_path / "a.conll", tiny.documents(9, seed=0))
    split = read_split(path, load_profile("rag9"))
    assert split.harmonised.table is None
    assert split.documents[0].annotates is None


def test_facts_are_plain_and_true(tmp_path):
    made = tiny.documents(9, seed=0)
    path = tiny.write_conll(tmp_path / "a.conll", made, WNUT)
    facts = read_split(path, load_profile("rag9")).facts()
    assert json.loads(json.dumps(facts)) == facts
    assert facts["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (facts["format"], facts["documents"], facts["table"]) == ("conll", 9, "wnut17")
    assert facts["entities"] == sum(len(document.annotations) for document in made)
    assert facts["entities"] == sum(count for _, _, count in facts["mapped"])


def test_the_table_of_the_training_file_serves_the_others(tmp_path):
    """A dev file with fewer labels must not fall to a smaller table of another data set."""
    (tmp_path / "two.yaml").write_text(PROFILE)
    both = tiny.documents(12, seed=0)
    people = [d for d in both if all(a.labels == ("PERSON",) for a in d.annotations)]
    files = {
        "train": tiny.write_conll(tmp_path / "train.conll", both, WNUT),
        "dev": tiny.write_conll(tmp_path / "dev.conll", people, WNUT),
    }
    _, splits = read_splits(str(tmp_path / "two.yaml"), files)
    assert [split.harmonised.table for split in splits.values()] == ["large", "large"]
    alone = read_split(files["dev"], load_profile(tmp_path / "two.yaml"))
    assert alone.harmonised.table == "small"


def test_a_file_of_another_data_set_finds_its_own_table(tmp_path):
    names = {"PERSON": "PER", "PLACE": "LOC"}
    files = {
        "train": tiny.write_conll(tmp_path / "train.conll", tiny.documents(9, seed=0), WNUT),
        "dev": tiny.write_conll(tmp_path / "dev.conll", tiny.documents(9, seed=1), names),
    }
    _, splits = read_splits("rag9", files)
    assert [split.harmonised.table for split in splits.values()] == ["wnut17", "conll2003"]


def test_a_table_that_is_named_is_used_for_all(tmp_path, files):
    with pytest.raises(DataError, match="expected a label of table 'wnut17'"):
        read_splits("rag9", files, table="wnut17")  # the files have rag9's own types


def test_the_native_profile_has_the_training_files_labels(files):
    profile, splits = read_splits("native", files)
    assert profile.labels == tiny.LABELS
    assert labels_of(splits["test"]) <= set(tiny.LABELS.types)


def test_the_native_profile_knows_what_is_annotated_but_absent(tmp_path):
    path = tmp_path / "a.jsonl"
    record = {
        "text": "Ada",
        "entities": [{"start": 0, "end": 3, "label": "PERSON"}],
        "annotates": ["PERSON", "SHIP"],
    }
    path.write_text(json.dumps(record))
    profile, _ = read_splits("native", {"train": path})
    assert profile.labels.types == ("PERSON", "SHIP")


def test_a_label_that_the_training_file_does_not_have_is_refused(tmp_path, files):
    dev = tiny.write_conll(tmp_path / "d.conll", tiny.documents(9, seed=0), {"PLACE": "SHIP"})
    with pytest.raises(DataError, match=r"d\.conll: expected labels of the training .*got SHIP"):
        read_splits("native", {**files, "dev": dev})


def test_labels_without_a_table_are_refused_with_the_file(tmp_path):
    path = tiny.write_conll(tmp_path / "a.conll", tiny.documents(9, seed=0), {"PLACE": "SHIP"})
    with pytest.raises(ProfileError, match=r"a\.conll: profile 'rag9' does not know .*SHIP"):
        read_splits("rag9", {"train": path})


def test_an_unknown_table_is_refused(files):
    with pytest.raises(ProfileError, match=r"has no table 'wnut18'.*did you mean wnut17"):
        read_splits("rag9", files, table="wnut18")


def test_an_unknown_profile_is_refused(files):
    with pytest.raises(ProfileError, match=r"no profile 'rag10'.*did you mean rag9"):
        read_splits("rag10", files)


def test_a_profile_is_loaded_by_name():
    assert choose_profile("rag9", None).name == "rag9"


def test_the_fingerprint_follows_contents_and_roles_not_places(tmp_path, files):
    _, splits = read_splits("native", files)
    _, elsewhere = read_splits("native", tiny.corpus(tmp_path / "elsewhere"))
    assert fingerprint(splits) == fingerprint(elsewhere)
    swapped = {"train": splits["dev"], "dev": splits["train"], "test": splits["test"]}
    assert fingerprint(swapped) != fingerprint(splits)
    with files["dev"].open("a") as file:
        file.write("\n")
    assert fingerprint(read_splits("native", files)[1]) != fingerprint(splits)
