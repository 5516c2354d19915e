from __future__ import annotations

import os
import re
from collections import Counter
from dataclasses import FrozenInstanceError, fields
from pathlib import Path

import pytest

from ossamma.data.archives import open_compressed, unpack
from ossamma.data.catalog import (
    CardFile,
    DatasetCard,
    Kind,
    Redistribution,
    Split,
    available_cards,
    is_fetchable,
    load_card,
    load_catalog,
    resolve_split_files,
)
from ossamma.data.checksum import Digest
from ossamma.data.locations import locate
from ossamma.data.pretraining.arxiv import Arxiv
from ossamma.data.pretraining.paragraphs import Paragraphs
from ossamma.data.pretraining.parquet import ParquetText
from ossamma.data.pretraining.pubmed import Pubmed
from ossamma.data.pretraining.text_folder import TextFolder
from ossamma.data.pretraining.wikipedia_dump import WikipediaDump
from ossamma.data.readers.conll import ConllFormat, read_conll
from ossamma.data.readers.csv_tokens import CsvTokensFormat
from ossamma.data.readers.gum import GumFormat
from ossamma.data.readers.ontonotes import OntonotesFormat
from ossamma.data.readers.pubtator import PubtatorFormat
from ossamma.data.readers.scierc import SciercFormat
from ossamma.schema.errors import ConfigurationError, DataError

SETTINGS = {
    "arxiv": Arxiv,
    "conll": ConllFormat,
    "csv_tokens": CsvTokensFormat,
    "gum": GumFormat,
    "ontonotes": OntonotesFormat,
    "parquet": ParquetText,
    "pubmed": Pubmed,
    "pubtator": PubtatorFormat,
    "scierc": SciercFormat,
    "text": Paragraphs,
    "text_folder": TextFolder,
    "wikipedia_dump": WikipediaDump,
}
WITHOUT_SETTINGS = {"csv", "cwe", "ics_vocabulary", "kev", "misp", "stix"}
HASH = "a" * 64

SMALL = """\
name: small
title: A small data set
kind: annotated
homepage: https://example.org
licence: CC0-1.0
redistributable: yes
"""


@pytest.fixture
def card(tmp_path):
    """Write a card and load it."""

    def load(text: str, name="small") -> DatasetCard:
        path = tmp_path / f"{name}.yaml"
        path.write_text(text, encoding="utf-8")
        return load_card(path)

    return load


@pytest.fixture(scope="module")
def catalog():
    return load_catalog()


def test_the_catalog_has_the_corpora_of_the_plan(catalog):
    named = {
        "ontonotes5", "conll2003", "fewnerd", "wnut17", "scierc", "mtl_bc5cdr", "mtl_bionlp13cg",
        "mtl_linnaeus", "aptner", "cyner", "dnrti", "annoctr", "mitre_cti", "cisa_kev", "cwe",
        "misp_galaxy", "gum", "uner_ewt", "btc", "multinerd", "open_cykg", "electrical_ner",
        "exploit_db", "epss", "text_cve_descriptions", "wikipedia", "bookcorpus", "openwebtext",
        "pubmed", "arxiv",
    }  # fmt: skip
    assert named <= set(catalog)
    assert list(catalog) == available_cards()


def test_every_card_stands_under_its_name(catalog):
    assert all(name == card.name for name, card in catalog.items())
    assert load_card("wnut17") == catalog["wnut17"]


def test_every_card_with_parts_can_be_read_or_says_nothing(catalog):
    for card in catalog.values():
        if card.format in SETTINGS:
            SETTINGS[card.format](**card.options)  # refuses what it does not know
        else:
            assert card.format is None or card.format in WITHOUT_SETTINGS, card.name
            assert not card.options, card.name


def test_every_file_is_pinned_or_the_card_admits_it(catalog):
    admitted = re.compile("no (sizes or )?checksum|no size or checksum|not at hand|Not at hand")
    for card in catalog.values():
        for file in card.files:
            if not (file.sha256 or file.git_blob_sha1):
                assert file.archive or admitted.search(card.notes) or file.note, (
                    f"{card.name}: {file.path}"
                )


def test_every_file_can_be_had_somehow(catalog):
    for card in catalog.values():
        for file in card.files:
            assert file.url or file.archive or card.advice, f"{card.name}: {file.path}"


def test_every_address_of_a_repository_names_its_commit(catalog):
    for card in catalog.values():
        for file in card.files:
            if file.url and file.url.startswith("https://raw.githubusercontent.com/"):
                assert re.search(r"/[0-9a-f]{10,40}/", file.url), file.url
                assert " " not in file.url


def test_licensed_text_is_never_downloaded(catalog):
    for name in ("ontonotes5", "conll2003"):
        assert catalog[name].local
        assert catalog[name].redistributable is Redistribution.NO
        assert not any(file.url for file in catalog[name].files)
        assert "--from FOLDER" in catalog[name].advice


def test_official_parts_are_three_and_share_no_file(catalog):
    for card in catalog.values():
        parts = resolve_split_files(card)
        if card.official_splits:
            assert {Split.TRAIN, Split.DEV, Split.TEST} == set(parts), card.name
        if Split.ALL in parts:
            assert set(parts) == {Split.ALL}, card.name


def test_reddit_is_in_no_part_of_gum(catalog):
    reddit = [file for file in catalog["gum"].files if "_reddit_" in file.path]
    assert len(reddit) == 18
    assert {file.split for file in reddit} == {None}
    sizes = {split.value: len(part) for split, part in resolve_split_files(catalog["gum"]).items()}
    assert sum(sizes.values()) == 281 - 18


def test_a_card_of_a_user_is_loaded(card):
    found = card(
        SMALL
        + """\
repository: someone/corpus
commit: 1e1000000
format: conll
options: {tag_column: -1, drop_empty_words: true, on_error: skip, rate: 0.5, types: [A, NO]}
labels: {NO: 3, 1: null}
files:
  - path: a b/train.txt
    split: train
    bytes: 12
  - {path: extra.txt, url: null}
  - {path: other.txt, url: "https://example.org/o"}
"""
    )
    assert found.redistributable is Redistribution.YES
    assert found.mirror == "small"
    assert found.options == {
        "tag_column": -1,
        "drop_empty_words": True,
        "on_error": "skip",
        "rate": 0.5,
        "types": ("A", "NO"),
    }
    assert found.labels == {"NO": 3, "1": None}
    base = "https://raw.githubusercontent.com/someone/corpus/1e1000000"
    assert [file.url for file in found.files] == [
        f"{base}/a%20b/train.txt",
        None,
        "https://example.org/o",
    ]
    assert resolve_split_files(found) == {Split.TRAIN: (found.files[0],)}
    assert found.file("extra.txt") is found.files[1]
    with pytest.raises(DataError, match=r"no file 'extra.tx'.*did you mean extra.txt"):
        found.file("extra.tx")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("title:|title2:", r"small.yaml:2: unknown key 'title2'; .*did you mean title"),
        ("title: A small data set\n|", r"small.yaml:1: the key 'title' is missing"),
        ("kind: annotated|kind: anotated", r":3: 'kind' must be one of .*did you mean annotated"),
        ("redistributable: yes|redistributable: true", r":6: 'redistributable' must be one of"),
        ("licence: CC0-1.0|licence: [a]", r":5: expected a text, got a list"),
        ("licence: CC0-1.0|title: again", r":5: the key 'title' is given twice"),
        ("name: small|name: other", r":1: the name must be that of the file, 'small'"),
        ("licence: CC0-1.0|licence: '", r":\d+: expected valid YAML"),
        ("licence: CC0-1.0|commit: main", r":1: the key 'licence' is missing"),
    ],
)
def test_a_fault_names_its_line(card, change, message):
    old, _, new = change.partition("|")
    text = SMALL + "advice: ask\n"
    assert old in text
    with pytest.raises(DataError, match=message):
        card(text.replace(old, new))


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("", "needs advice"),
        ("local: maybe\nadvice: x", ":7: expected true or false"),
        ("local: yes\nadvice: x", ":7: expected true or false"),
        ("advice: x\ncommit: main", "commit must match"),
        ("advice: x\nrepository: nobody", "repository must match"),
        ("advice: x\nmirror: ../x", "mirror must be a plain relative path"),
        ("advice: x\nlabels: {A: -1}", "'A' must be a whole number, got '-1'"),
        ("advice: x\noptions: {a: yes}", "expected true or false, or a quoted text, got yes"),
        ("advice: x\noptions: {a: 0x1f}", "expected a plain number or a quoted text, got 0x1f"),
        ("advice: x\nfiles: {}", "'files' must be a list, got"),
        ("files: [{path: a}, {path: a}]", "the file 'a' is given twice"),
        ("files: [{path: /a}]", ":7: path must be a plain relative path"),
        ("files: [{path: a/../b}]", ":7: path must be a plain relative path"),
        ("files: [{path: './a'}]", ":7: path must be a plain relative path"),
        ("files: [{path: 'a\\b'}]", ":7: path must be a plain relative path"),
        ("files: [{path: fetched.json}]", "fetching writes it"),
        ("files: [{path: a, mirror: ../b}]", ":7: mirror must be a plain"),
        ("files: [{path: a, bytes: 1e3}]", "'bytes' must be a whole number, got '1e3'"),
        ("files: [{path: a, bytes: -1}]", "'bytes' must be a whole number"),
        ("files: [{path: a, sha256: ABC}]", "sha256 must be lower-case hex"),
        (f"files: [{{path: a, sha256: {HASH.upper()}}}]", "sha256 must be lower-case hex"),
        (f"files: [{{path: a, git_blob_sha1: {HASH}}}]", "git_blob_sha1 must be"),
        ("files: [{path: a, url: 'http://example.org'}]", ":7: url must begin with https://"),
        ("files: [{path: a, url: 'file:///etc/passwd'}]", "url must begin with https://"),
        ("files: [{path: a, split: tests}]", "'split' must be one of .*did you mean test"),
        ("files: [{path: a, hash: x}]", ":7: unknown key 'hash'"),
        ("files: [{path: a, archive: b}]", "archive and member are given together"),
        ("files: [{path: a, archive: b, member: a}]", "'b' is not another file of this card"),
        ("files: [{path: a, archive: a, member: a}]", "'a' is not another file of this card"),
        ("files: [{path: '*.txt'}]", "a pattern needs a local card"),
        ("local: true\nadvice: x\nfiles: [{path: a, url: 'https://x.org'}]", "has no URLs"),
        ("local: true\nfiles: [{path: a}]", "needs advice"),
    ],
)
def test_a_card_that_does_not_hold_together_is_refused(card, more, message):
    with pytest.raises(DataError, match=message) as caught:
        card(SMALL + more)
    assert re.search(r"small\.yaml:\d+: ", str(caught.value))


@pytest.mark.parametrize("text", ["", "- a\n", "a", "{" * 2000, "\0", "a: *b\n", "&a [*a]\n"])
def test_what_is_no_card_is_refused(card, text):
    with pytest.raises(DataError, match=r"small\.yaml"):
        card(text)


def test_a_card_that_is_not_utf8_is_refused(tmp_path):
    path = tmp_path / "small.yaml"
    path.write_bytes(SMALL.encode() + b"# \xff\n")
    with pytest.raises(DataError, match="readable UTF-8"):
        load_card(path)


def test_an_unknown_card_offers_a_near_one():
    with pytest.raises(DataError, match=r"no data set 'wnut_17'.*did you mean wnut17"):
        load_card("wnut_17")
    with pytest.raises(DataError, match="no data set"):
        load_card(Path("wnut17"))


def test_a_card_cannot_be_changed(catalog):
    with pytest.raises(FrozenInstanceError):
        catalog["wnut17"].licence = "mine"


@pytest.mark.parametrize("name", ["Small", "a-b", "", "../x", "_a"])
def test_a_name_is_an_identifier(name):
    with pytest.raises(ConfigurationError, match="name must match"):
        DatasetCard(
            name=name,
            title="t",
            kind=Kind.TEXT,
            homepage="",
            licence="l",
            redistributable=Redistribution.NO,
            advice="a",
        )


@pytest.mark.parametrize(
    ("url", "good"),
    [
        ("https://example.org/a", True),
        ("https://127.0.0.1/a", True),
        ("http://127.0.0.1:8000/a", True),
        ("http://localhost/a", True),
        ("http://[::1]/a", True),
        ("http://example.org/a", False),
        ("http://127.0.0.1.example.org/a", False),
        ("http://127.0.0.1@example.org/a", False),
        ("http://10.0.0.1/a", False),
        ("ftp://example.org/a", False),
        ("//example.org/a", False),
        ("https:///a", False),
        ("https://exa mple.org", False),
        ("https://example.org/\n", False),
        ("http://[::1", False),
        ("", False),
    ],
)
def test_an_address_is_https_or_this_machine(url, good):
    assert is_fetchable(url) is good


def test_every_field_is_explained():
    """A card is documentation: no field without a sentence in the source."""
    source = Path(is_fetchable.__code__.co_filename).read_text(encoding="utf-8")
    for cls in (CardFile, DatasetCard):
        for field in fields(cls):
            assert re.search(rf'^    {field.name}: [^\n]+\n    """[A-Z`]', source, re.MULTILINE), (
                field.name
            )


@pytest.mark.data
def test_every_hash_is_that_of_the_mirror(catalog, tmp_path):
    mirror = Path(os.environ["OSSAMMA_MIRROR"])
    checked = 0
    for card in catalog.values():
        place = locate(card, [mirror])
        tars = {path for path in place.packed.values() if ".tar." in path.name}
        for tar in tars:
            unpack(tar, tmp_path / card.name)
        for file in card.files:
            path = place.found.get(file.path) or place.packed.get(file.path)
            if path in tars:
                path = tmp_path / card.name / card.mirror / file.path
            if path is None or file.sha256 is None:
                continue
            digest = Digest()
            with open_compressed(path) as stream:
                digest.drain(stream)
            wanted = (file.sha256, file.num_bytes)
            assert (digest.sha256, digest.num_bytes) == wanted, f"{card.name}: {file.path}"
            checked += 1
    assert checked > 400


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [card.name for card in load_catalog().values() if card.format == "conll"]
)
def test_the_options_of_a_column_corpus_read_it_and_count_its_labels(catalog, name):
    """Where the reader leaves sentences out, it may count fewer; never another label or more."""
    card = catalog[name]
    parts = locate(card, [Path(os.environ["OSSAMMA_MIRROR"])]).splits
    counts: Counter[str] = Counter()
    skipped = 0
    for path in (path for part in parts.values() for path in part):
        report = read_conll(path, ConllFormat(**card.options)).report
        skipped += report.skipped_sentences
        counts.update(report.labels)
    if not parts:
        pytest.skip("the mirror has no file of it")
    if not skipped and not card.options.get("drop_empty_words"):
        assert counts == card.labels
    # APTNER's misspelt tags are no labels of its card, and rare.
    assert sum(count for label, count in counts.items() if label not in card.labels) < 5
    assert all(counts[label] <= count for label, count in card.labels.items())
