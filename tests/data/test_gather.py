"""The user's own files and licensed copy in a build: grades, groups, parts, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ossamma.data.build import BuildRequest, build
from ossamma.data.card import render_card
from ossamma.data.catalog import Redistribution, Split
from ossamma.data.own_files import OwnRequest
from ossamma.data.policy import BuildPolicy, Grade, Source
from ossamma.data.readers.jsonl import stream_jsonl
from ossamma.schema.errors import ConfigurationError, DataError, FormatError, ProfileError
from ossamma.schema.profile import load_profile
from ossamma.schema.spans import Annotation
from tests.data import building
from tests.data.test_build import Steps, everything
from tests.data.test_release import write_release
from tests.data.text.files import make_docx, make_pdf

MARKED = "{} <PERSON>{}</PERSON> left."


class Capitals:
    """Marks capitalised words as places; the labeller's protocol in one line."""

    def label_documents(self, documents):
        for document in documents:
            at = document.text.index("Oslo")
            marks = (Annotation(at, at + 4, ("PLACE",), "lexicon:towns", 0.9),)
            yield replace(document, annotations=marks, annotates=frozenset())


@pytest.fixture
def request_for(tmp_path):
    """A build of nothing but what the user adds."""
    policy = BuildPolicy(name="letters", sources=(), weights={Grade.GOLD: 3.0})
    return BuildRequest(
        profile=building.load(tmp_path),
        policy=policy,
        data=tmp_path / "data",
        out=tmp_path / "out",
        marker=Capitals,
    )


@pytest.fixture
def folder(tmp_path):
    """Documents of several kinds, labelled data, and files that cannot be taken."""
    folder = tmp_path / "mine"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.docx").write_bytes(make_docx(MARKED.format("Then", "Ada")))
    (folder / "b.pdf").write_bytes(make_pdf([[MARKED.format("Now", "Bob")]]))
    (folder / "sub" / "c.md").write_text(MARKED.format("Once", "Eve"))
    (folder / "d.conll").write_text(building.sentence("Kim/PERSON", "ate/") * 2)
    (folder / "broken.pdf").write_bytes(b"%PDF-1.4 and no more")
    (folder / "misspelt.txt").write_text("A <PLAZE>Rome</PLAZE>.")
    (folder / "table.csv").write_text("a,b")
    return folder


def own(request, *paths, **options):
    return replace(request, own=OwnRequest(labelled=tuple((p, "") for p in paths), **options))


def test_a_folder_is_taken_file_by_file_and_the_rest_is_listed(request_for, folder):
    content = build(own(request_for, folder), Steps())
    found = {d.id: d for d in everything(request_for.out)}
    assert set(found) == {
        "own/mine/a.docx#a-1",
        "own/mine/b.pdf#b-1",
        "own/mine/sub/c.md#c-1",
        "own/mine/d.conll#d-1",
    }
    assert {d.weight for d in found.values()} == {3.0}
    assert found["own/mine/a.docx#a-1"].annotates == {"PERSON"}
    assert found["own/mine/a.docx#a-1"].group == "own/mine/a.docx"
    [source] = content["sources"]
    assert (source["dataset"], source["grade"], len(source["files"])) == ("own", "gold", 4)
    rejected = {each["name"]: each["reason"] for each in content["rejected"]}
    assert sorted(rejected) == [
        f"own/mine/{n}" for n in ("broken.pdf", "misspelt.txt", "table.csv")
    ]
    assert rejected["own/mine/misspelt.txt"].startswith("line 1: expected a marker of one of")
    assert "did you mean PLACE?" in rejected["own/mine/misspelt.txt"]
    assert str(folder) not in str(content)
    assert "own/mine/broken.pdf" in render_card(content, "md")


@pytest.mark.parametrize("name", ["broken.pdf", "misspelt.txt", "none.md"])
def test_a_file_named_outright_must_be_readable(request_for, folder, name):
    with pytest.raises((DataError, FormatError), match=name):
        build(own(request_for, folder / "a.docx", folder / name), Steps())
    assert not (request_for.out / "card.json").exists()


def test_a_folder_of_which_nothing_can_be_taken_is_an_error(request_for, tmp_path):
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "a.pdf").write_bytes(b"%PDF-")
    with pytest.raises(DataError, match=r"got 1 that cannot: bad/a\.pdf: expected a whole PDF"):
        build(own(request_for, tmp_path / "bad"), Steps())


def test_what_the_user_says_of_the_marks_holds_for_every_format(request_for, folder):
    build(own(request_for, folder, annotates="all"), Steps())
    assert {d.annotates for d in everything(request_for.out)} == {frozenset({"PERSON", "PLACE"})}
    build(own(request_for, folder, annotates="PLACE"), Steps())
    assert {d.annotates for d in everything(request_for.out)} == {frozenset({"PLACE"})}
    build(own(request_for, folder), Steps())
    annotates = {d.id.partition("#")[0]: d.annotates for d in everything(request_for.out)}
    assert annotates["own/mine/d.conll"] is None, "columns vouch for all unless told otherwise"
    with pytest.raises(ConfigurationError, match="did you mean PERSON"):
        build(own(request_for, folder, annotates="PERSN"), Steps())


def test_pieces_of_one_file_stand_on_one_side(request_for, tmp_path):
    folder = tmp_path / "long"
    folder.mkdir()
    for number in range(12):
        words = " ".join(f"w{number}x{n}" for n in range(15_000))
        (folder / f"{number}.txt").write_text(f"<PERSON>P{number}</PERSON> {words}\n")
    policy = replace(request_for.policy, shares={Split.DEV: 0.3, Split.TEST: 0.3})
    build(own(replace(request_for, policy=policy), folder), Steps())
    sides: dict[str, set[str]] = {}
    count = 0
    for split in ("train", "dev", "test"):
        for document in stream_jsonl(request_for.out / f"{split}.jsonl"):
            sides.setdefault(document.group, set()).add(split)
            count += 1
    assert count > len(sides) == 12
    assert all(len(splits) == 1 for splits in sides.values())
    assert set.union(*sides.values()) == {"train", "dev", "test"}


def test_unmarked_documents_are_marked_automatically(request_for, tmp_path):
    folder = tmp_path / "texts"
    folder.mkdir()
    (folder / "a.md").write_text("# Towns\n\nOslo is one.")
    (folder / "b.txt").write_text("A <PLACE>Rome</PLACE>.")
    content = build(replace(request_for, own=OwnRequest(text=(folder,))), Steps())
    [document] = everything(request_for.out)
    assert (document.id, document.group) == ("own_text/texts/a.md#a-1", "own_text/texts/a.md")
    assert (document.weight, document.annotates) == (1.0, frozenset())
    assert [a.origin for a in document.annotations] == ["lexicon:towns"]
    assert [source["grade"] for source in content["sources"]] == ["ordinary"]
    [rejected] = content["rejected"]
    assert rejected["name"] == "own_text/texts/b.txt"
    assert "with --own" in rejected["reason"]


def test_automatic_marks_need_lexicons(request_for, tmp_path):
    (tmp_path / "a.txt").write_text("Oslo")
    request = replace(request_for, own=OwnRequest(text=(tmp_path / "a.txt",)), marker=None)
    with pytest.raises(DataError, match=r"has no lexicons or patterns.*leave out --own-text"):
        build(request, Steps())


def test_own_files_give_the_same_bytes_wherever_they_lie(request_for, folder, tmp_path):
    build(own(request_for, folder), Steps())
    moved = tmp_path / "elsewhere" / "mine"
    moved.parent.mkdir()
    folder.rename(moved)
    again = replace(request_for, out=tmp_path / "again")
    build(own(again, moved), Steps())
    for name in ("train.jsonl", "card.json", "card.html", "dropped.jsonl", "repairs.jsonl"):
        assert (again.out / name).read_bytes() == (request_for.out / name).read_bytes(), name


@pytest.fixture
def release(tmp_path, request_for):
    """OntoNotes with two parts, and a request for it whose policy would refuse it."""
    names = {"train": ["nw/a/00/a1", "bn/b/00/b1"], "test": ["nw/a/00/a3"]}
    policy = BuildPolicy(
        name="rag9",
        sources=(Source(card="ontonotes5"),),
        licences=frozenset({Redistribution.YES}),
    )
    return replace(
        request_for,
        profile=load_profile("rag9"),
        policy=policy,
        ontonotes=write_release(tmp_path / "release", **names),
    )


def test_a_licensed_copy_is_taken_with_its_parts_and_table(release):
    content = build(release, Steps())
    groups = {
        split: sorted(d.group for d in stream_jsonl(release.out / f"{split}.jsonl"))
        for split in ("train", "dev", "test")
    }
    assert groups == {
        "train": ["ontonotes5/bn/b/00/b1", "ontonotes5/nw/a/00/a1"],
        "dev": [],
        "test": ["ontonotes5/nw/a/00/a3"],
    }
    [document] = stream_jsonl(release.out / "test.jsonl")
    marks = [(document.text[a.start : a.end], a.label) for a in document.annotations]
    assert marks == [("Ada", "PERSON"), ("Bob", "PERSON"), ("a3", "PLACE")]
    assert document.annotates == release.profile.table("ontonotes5").annotates
    assert document.weight == 1.0
    [source] = content["sources"]
    assert (source["redistributable"], source["licence"].split()[0]) == ("no", "LDC")
    assert content["rejected"] == [{"name": "ontonotes5/dev", "reason": "not at hand"}]


@pytest.mark.parametrize("grade", [None, Grade.REJECTED, Grade.GOLD])
def test_a_licensed_copy_is_taken_once_whatever_the_policy_says(release, grade):
    sources = () if grade is None else (Source(card="ontonotes5", grade=grade, reason="x"),)
    request = replace(release, policy=replace(release.policy, sources=sources, weights={}))
    content = build(request, Steps())
    assert [source["dataset"] for source in content["sources"]] == ["ontonotes5"]
    assert content["sources"][0]["grade"] == ("gold" if grade is Grade.GOLD else "ordinary")


def test_without_the_copy_its_licence_rejects_it(release):
    with pytest.raises(DataError, match="no source could be taken: ontonotes5: licence: LDC"):
        build(replace(release, ontonotes=None), Steps())


def test_a_profile_without_its_table_is_told(release, request_for):
    with pytest.raises(ProfileError, match="has no table 'ontonotes5'"):
        build(replace(release, profile=request_for.profile), Steps())


def test_a_release_is_not_read_again(release):
    build(release, Steps())
    shards = sorted((release.out / "work" / "shards").glob("*[0-9a-f].jsonl"))
    times = [path.stat().st_mtime_ns for path in shards]
    build(release, Steps())
    assert len(shards) == 2
    assert [path.stat().st_mtime_ns for path in shards] == times


def test_a_brat_folder_is_read_as_a_whole(request_for, tmp_path):
    folder = tmp_path / "brat"
    folder.mkdir()
    (folder / "a.txt").write_text("Ada left.")
    (folder / "a.ann").write_text("T1\tPERSON 0 3\tAda\n")
    request = replace(request_for, own=OwnRequest(labelled=((folder, "brat"),), annotates="PERSON"))
    build(request, Steps())
    [document] = everything(request.out)
    assert document.id == "own/brat#a"
    assert document.annotates == {"PERSON"}
