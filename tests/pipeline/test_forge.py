from __future__ import annotations

import json
from dataclasses import replace

import pytest

from ossamma.data.own_files import OwnRequest
from ossamma.data.readers.conll import read_conll
from ossamma.data.readers.docbin import read_docbin
from ossamma.data.writers.parquet import read_parquet
from ossamma.pipeline.forge import ForgeRequest, check_folder, forge
from ossamma.schema.errors import DataError
from tests.data import building
from tests.data.test_build import Steps, everything, sentences

POLICY = """
name: letters
sources:
  - card: {post}
"""


@pytest.fixture
def folder(tmp_path):
    """A profile's folder with its own build policy."""
    files = {"a.conll": ("train", sentences("Ada")), "b.conll": ("test", sentences("Eve"))}
    card = building.card_in(tmp_path, "post", files)
    folder = tmp_path / "letters"
    folder.mkdir()
    (folder / "profile.yaml").write_text(building.PROFILE)
    (folder / "build.yaml").write_text(POLICY.format(post=card))
    return folder


@pytest.fixture
def request_for(folder, tmp_path):
    return ForgeRequest(
        profile=str(folder),
        out=tmp_path / "out",
        data=tmp_path / "data",
        mirror=tmp_path / "mirror",
        formats=("conll", "parquet", "spacy"),
    )


def test_a_profile_is_built_in_every_format(request_for):
    content = forge(request_for, Steps(), None)
    out = request_for.out
    assert content["profile"]["name"] == "letters"
    for split in ("train", "test"):
        wanted = [
            d for d in everything(out) if d.id.split("#")[1][0] == {"train": "a"}.get(split, "b")
        ]
        marked = [[d.text[a.start : a.end] for a in d.annotations] for d in wanted]
        for read in (
            read_conll(out / f"{split}.conll").documents,
            read_docbin(out / f"{split}.spacy").documents,
            tuple(read_parquet(out / f"{split}.parquet")),
        ):
            assert [[d.text[a.start : a.end] for a in d.annotations] for d in read] == marked
    assert not (out / "dev.conll").exists(), "an empty split has no file in these formats"


def test_a_changed_profile_makes_shards_anew(request_for, folder):
    first = forge(request_for, Steps(), None)
    shard = next((request_for.out / "work" / "shards").glob("*[0-9a-f].jsonl"))
    before = shard.stat().st_mtime_ns
    again = forge(request_for, Steps(), None)
    assert shard.stat().st_mtime_ns == before
    assert again == first
    profile = folder / "profile.yaml"
    profile.write_text(profile.read_text().replace("annotates: [PERSON]", "annotates: []"))
    changed = forge(request_for, Steps(), None)
    assert shard.stat().st_mtime_ns != before
    assert changed["circumstances"] != first["circumstances"]


LEXICONS = """
sources:
  - {name: towns, kind: list, labels: [PLACE], terms: [Oslo]}
"""


def test_own_text_is_marked_by_the_profile_s_lexicons(request_for, folder, tmp_path):
    (folder / "lexicons.yaml").write_text(LEXICONS)
    text = tmp_path / "a.txt"
    text.write_text("A letter from Oslo.")
    request = replace(request_for, own=OwnRequest(text=(text,)), remove_work=True)
    forge(request, Steps(), None)
    [document] = [d for d in everything(request.out) if d.dataset == "own_text"]
    [mark] = document.annotations
    assert (document.text[mark.start : mark.end], mark.origin) == ("Oslo", "lexicon:towns")
    assert not (request.out / "work").exists()
    assert (request.out / "train.spacy").exists()


def own_words(folder, *words):
    """A labelled file of one document with these words, the first a person."""
    starts = [sum(len(word) + 1 for word in words[:number]) for number in range(len(words))]
    places = [[start, start + len(word)] for start, word in zip(starts, words, strict=True)]
    mark = {"start": 0, "end": len(words[0]), "label": "PERSON"}
    record = {"text": " ".join(words), "words": places, "entities": [mark]}
    path = folder / "own.jsonl"
    path.write_text(json.dumps(record) + "\n")
    return OwnRequest(labelled=((path, ""),))


def test_columns_cut_a_word_at_its_spaces(request_for, tmp_path):
    forge(replace(request_for, own=own_words(tmp_path, "Ada Bee", "met")), Steps(), None)
    read = [
        d
        for name in ("train", "test")
        for d in read_conll(request_for.out / f"{name}.conll").documents
    ]
    [found] = [d for d in read if d.text.startswith("Ada Bee")]
    assert [found.text[a.start : a.end] for a in found.annotations] == ["Ada Bee"]
    assert len(found.words) == 3


def test_a_format_that_cannot_hold_a_document_keeps_back_no_other(request_for, tmp_path):
    request = replace(request_for, own=own_words(tmp_path, "Ada", "-DOCSTART-"))
    with pytest.raises(
        DataError, match=r"got '-DOCSTART-'.*not written: conll, all else .* stands"
    ):
        forge(request, Steps(), None)
    written = {path.suffix for path in request_for.out.iterdir()}
    assert {".spacy", ".parquet", ".jsonl"} <= written


@pytest.mark.parametrize("theirs", ["", "knowledge: [wnut17]\n"])
def test_the_lexicons_knowledge_is_the_profile_s_unless_a_policy_names_it(
    request_for, folder, tmp_path, theirs
):
    (folder / "lexicons.yaml").write_text(LEXICONS)
    policy, card, text = folder / "build.yaml", tmp_path / "towns.yaml", tmp_path / "a.txt"
    building.card_in(tmp_path, "towns", {"t.txt": ("train", "Oslo")})
    policy.write_text(policy.read_text() + f"knowledge: [{card}]\n")
    mine = tmp_path / "mine.yaml"
    mine.write_text(f"name: mine\nsources: []\n{theirs}")
    text.write_text("A letter from Oslo.")
    request = replace(request_for, policy=mine, own=OwnRequest(text=(text,)), formats=())
    if theirs:
        with pytest.raises(DataError, match="wnut17"):
            forge(request, Steps(), None)
        return
    forge(request, Steps(), None)
    assert (request.data / "towns" / "t.txt").is_file()


@pytest.mark.parametrize("content", [{"notes.txt": ""}, {"train.jsonl": ""}])
def test_a_folder_with_something_else_is_refused(tmp_path, content):
    for name, text in content.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match="not empty and not a built set"):
        check_folder(tmp_path, ("card.json", "work"))
    check_folder(tmp_path, tuple(content))
    check_folder(tmp_path / "new", ())
