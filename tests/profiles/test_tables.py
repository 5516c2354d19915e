"""The shipped label tables against the real files: every label is known, and none is invented."""

from __future__ import annotations

import csv
import os
import re
import tarfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from ossamma.schema.profile import load_profile

PROFILES = {name: load_profile(name) for name in ("rag9", "ner11")}
MTL = "mtl_{0}/data/{1}/*.tsv"
# Table -> the files of the mirror that it reads, and which columns hold word and tag.
FILES = {
    "annoctr": ("annoctr/AnnoCTR/ner_bio/*.bio", 7),
    "aptner": ("aptner/APTNER*.txt", 2),
    "bc5cdr": (MTL.format("bc5cdr", "BC5CDR-IOB"), 2),
    "bionlp11id_species": (MTL.format("bionlp11id_species", "BioNLP11ID-species-IOB"), 2),
    "bionlp13cg": (MTL.format("bionlp13cg", "BioNLP13CG-IOB"), 2),
    "bionlp13cg_species": (MTL.format("bionlp13cg_species", "BioNLP13CG-species-IOB"), 2),
    "btc": ("btc/train_dev_test_conll/btc.*", 2),
    "conll2003": ("conll2003/corpus/CoNLL-2003/eng.*", 4),
    "craft_species": (MTL.format("craft_species", "CRAFT-species-IOB"), 2),
    "cyner": ("cyner/dataset/mitre/*.txt", 2),
    "dnrti": ("dnrti/*.txt", 2),
    "fewnerd_inter": ("fewnerd_structshot_inter/data/fewnerd/[dt]e*.txt", 2),
    "jnlpba": (MTL.format("jnlpba", "JNLPBA"), 2),
    "linnaeus": (MTL.format("linnaeus", "linnaeus-IOB"), 2),
    "ncbi_disease": (MTL.format("ncbi_disease", "NCBI-disease-IOB"), 2),
    "scierc": ("scierc_scibert/data/ner/sciie/*.txt", 4),
    "stucco": ("stucco/corpus/*.txt", 2),
    "uner_ewt": ("uner_ewt/*.iob2", 5),
    "wikineural": ("wikineural_en/data/wikineural/en/*.conllu", 3),
    "wnut17": ("wnut17/*.[ca]*", 2),
}
TAG_COLUMN = {"uner_ewt": 2}
# Not at hand as files of columns, or not at hand at all: written from their documentation.
WITHOUT_FILES = {"fewnerd", "fewnerd_inter_test", "multinerd", "ontonotes5"}
OTHER_FORMS = {"cyberner", "gum"}
# Tags with white space are no tags.
TAG = re.compile(r"[BIESLU]-\S+")

TABLES = [(p, t) for p, profile in PROFILES.items() for t in sorted(profile.datasets)]


def tags(pattern: str, width: int, column: int = -1) -> Iterator[str]:
    """The tags of all lines that have exactly so many columns."""
    root = Path(os.environ["OSSAMMA_MIRROR"])
    # This one has several annotators' tags in one column.
    files = sorted(set(root.glob(pattern)) - {root / "wnut17/emerging.test.conll"})
    assert files, pattern
    for file in files:
        for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
            cells = line.split("\t") if "\t" in line else line.split(" ")
            if len(cells) == width:
                yield cells[column]


def labels_of(table: str) -> Counter[str]:
    """How many tags each label of a data set's files has."""
    root = Path(os.environ["OSSAMMA_MIRROR"])
    if table == "gum":
        found = Counter[str]()
        with tarfile.open(root / "gum.tar.xz") as archive:
            for member in archive:
                file = archive.extractfile(member) if member.name.endswith(".conllu") else None
                text = file.read().decode("utf-8") if file else ""
                for entity in re.findall(r"\bEntity=([^|\n]*)", text):
                    found.update(re.findall(r"\(\w+-([a-z]+)", entity))
        return found
    if table == "cyberner":
        path = root / "cyberner_optima/Dataset/NER dataset.csv"
        with path.open(encoding="utf-8-sig", newline="") as file:
            raw = [row["Tag"] for row in csv.DictReader(file)]
    else:
        raw = list(tags(*FILES[table], TAG_COLUMN.get(table, -1)))
    return Counter(tag[2:] for tag in raw if TAG.fullmatch(tag))


@pytest.mark.parametrize(
    ("profile", "table"), [(p, t) for p, t in TABLES if t not in WITHOUT_FILES]
)
@pytest.mark.data
def test_a_table_knows_every_label_of_its_files_and_no_other(profile, table):
    found = labels_of(table)
    known = set(PROFILES[profile].table(table).labels)
    assert set(found) == known


@pytest.mark.data
def test_few_nerd_has_the_labels_of_the_official_list():
    root = Path(os.environ["OSSAMMA_MIRROR"], "fewnerd_official_meta/data/labels.txt")
    official = {line.strip() for line in root.read_text().splitlines()} - {"", "O"}
    assert set(PROFILES["rag9"].table("fewnerd").labels) == official


def test_every_table_is_held_against_files_or_says_why_not():
    assert {table for _, table in TABLES} == FILES.keys() | OTHER_FORMS | WITHOUT_FILES


def test_the_parts_of_few_nerd_say_what_the_whole_says():
    rag9 = PROFILES["rag9"]
    whole = rag9.table("fewnerd").labels
    train, test = rag9.table("fewnerd_inter").labels, rag9.table("fewnerd_inter_test").labels
    assert (len(whole), len(train), len(test)) == (66, 36, 17)
    assert not train.keys() & test.keys()
    for label, candidates in (train | test).items():
        assert whole[label.replace("_", "-", 1)] == candidates
    # A coarse type of which some fine types are unmarked is not marked in full.
    assert rag9.table("fewnerd_inter").annotates == frozenset()
    assert rag9.table("fewnerd_inter_test").annotates == frozenset()


@pytest.mark.parametrize("table", ["bc5cdr", "ncbi_disease", "jnlpba", "gum", "stucco"])
def test_some_corpora_mark_no_type_of_rag9_in_full(table):
    assert PROFILES["rag9"].table(table).annotates == frozenset()


def test_types_that_a_corpus_was_made_for_are_exhaustive():
    marks = {
        "craft_species": {"ORGANISM"},
        "scierc": {"DOMAIN"},
        "btc": {"PERSON", "AGENCY", "PLACE"},
        "ontonotes5": {"PERSON", "AGENCY", "PLACE", "EVENT", "WORK", "MEASURE"},
        "linnaeus": set(),  # "bacteria" and "animals" are never marked
    }
    for table, types in marks.items():
        assert PROFILES["rag9"].table(table).annotates == types


@pytest.mark.parametrize(("profile", "table"), TABLES)
def test_a_rule_that_always_holds_stands_last(profile, table):
    shipped = PROFILES[profile].table(table)
    for label in shipped.labels:
        rules = shipped.rules_of(label)
        assert all(rule.when or rule.unless for rule in rules[:-1])


@pytest.mark.parametrize("profile", PROFILES)
def test_every_word_list_is_used_and_has_no_word_twice(profile):
    folder = Path(__file__).parents[2] / "src/ossamma/profiles" / profile
    tables = "".join(file.read_text(encoding="utf-8") for file in folder.glob("datasets/*.yaml"))
    for file in sorted(folder.glob("word_lists/*.txt")):
        assert f'"@{file.stem}"' in tables
        lines = [line.partition("#")[0].strip() for line in file.read_text("utf-8").splitlines()]
        words = Counter(line.casefold() for line in lines if line)
        assert [word for word, count in words.items() if count > 1] == []
