from __future__ import annotations

import json
from dataclasses import replace

import pytest

from ossamma.data.build import BuildRequest, build, remove_work
from ossamma.data.card import read_card, render_card
from ossamma.data.catalog import Redistribution
from ossamma.data.own_files import OwnRequest
from ossamma.data.policy import BuildPolicy, Grade, Source
from ossamma.data.readers.jsonl import stream_jsonl
from ossamma.schema.errors import DataError
from tests.data import building
from tests.data.building import sentence


class Steps:
    """Remembers the steps; a fake of the progress protocol."""

    def __init__(self):
        self.titles = []

    def step(self, title, done, total):
        assert done < total
        self.titles.append(title)

    def begin(self, name, total):
        pass

    def advance(self, num_bytes):
        pass


def sentences(*names):
    return "".join(sentence(f"{n}/per", "went/", "to/", f"{n}town/loc", "x/odd") for n in names)


@pytest.fixture
def request_for(tmp_path):
    """Two public sets, one that may not be passed on, one rejected."""
    profile = building.load(tmp_path)
    post = building.card_in(
        tmp_path,
        "post",
        {"a.conll": ("train", sentences("Ada", "Bob")), "b.conll": ("test", sentences("Eve"))},
    )
    towns = building.card_in(
        tmp_path,
        "towns",
        {"t.conll": ("all", sentence("Rome/loc", "is/", "old/") + sentence("Nice/loc"))},
        redistributable="share-alike",
        licence="CC-BY-SA-4.0",
    )
    secret = building.card_in(
        tmp_path, "secret", {"s.conll": ("train", sentences("Kim"))}, redistributable="no"
    )
    policy = BuildPolicy(
        name="letters",
        sources=(
            Source(card=str(post)),
            Source(card=str(towns)),
            Source(card=str(secret), table="post"),
            Source(card="wnut17", grade=Grade.REJECTED, reason="tweets are no letters"),
        ),
        licences=frozenset({Redistribution.YES, Redistribution.SHARE_ALIKE}),
        weights={Grade.GOLD: 3.0},
    )
    return BuildRequest(
        profile=profile,
        policy=policy,
        data=tmp_path / "data",
        out=tmp_path / "out",
        mirror=tmp_path / "mirror",
    )


def everything(out):
    return [d for split in ("train", "dev", "test") for d in stream_jsonl(out / f"{split}.jsonl")]


def test_what_is_taken_and_what_is_not(request_for):
    steps = Steps()
    content = build(request_for, steps)
    assert [source["dataset"] for source in content["sources"]] == ["post", "towns"]
    assert {each["name"]: each["reason"].split(":")[0] for each in content["rejected"]} == {
        "secret": "licence",
        "wnut17": "tweets are no letters",
    }
    documents = everything(request_for.out)
    assert {d.dataset for d in documents} == {"post", "towns"}
    assert [d.text.split()[0] for d in stream_jsonl(request_for.out / "test.jsonl")] == ["Eve"]
    assert steps.titles[-3:] == ["assembling", "looking for leaks", "auditing"]


def test_the_card_adds_up_with_the_files(request_for):
    build(request_for, Steps())
    content = read_card(request_for.out)
    documents = everything(request_for.out)
    assert sum(part["documents"] for part in content["statistics"]) == len(documents)
    entities = sum(sum(part["entities"].values()) for part in content["statistics"])
    assert entities == sum(len(d.annotations) for d in documents)
    mapped = [row for s in content["sources"] for f in s["files"] for row in f["mapped"]]
    assert ["odd", "DROP", 2] in mapped
    assert content["leaks"]["documents"] == {"test": 1, "dev": 0, "train": len(documents) - 1}


def test_the_card_is_shown_as_markdown_and_html(request_for):
    content = build(request_for, Steps())
    content["rejected"].append({"name": "<script>alert(1)</script>", "reason": "a|b"})
    markdown, html = render_card(content, "md"), render_card(content, "html")
    assert "| PERSON | 2 | 0 | 1 |" in markdown
    assert "Share-alike: what is made of towns" in markdown
    assert "a\\|b" in markdown
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert "http://" not in html.replace("http://www.w3.org/2000/svg", "")
    assert "0 held-out documents leak" in html


def test_the_card_says_when_a_set_may_not_be_passed_on(request_for):
    content = build(request_for, Steps())
    for form in ("md", "html"):
        assert "Not to be passed on" not in render_card(content, form)
    content["sources"][0]["files"][0]["redistributable"] = "non-commercial"
    for form in ("md", "html"):
        shown = " ".join(render_card(content, form).split())
        assert "Not to be passed on" in shown
        assert "post (non-commercial)" in shown


def test_files_with_a_licence_of_their_own_are_judged_and_named_by_it(request_for, tmp_path):
    files = {f"{name}.conll": ("train", sentences(name)) for name in ("Ann", "Ben", "Cam")}
    card = building.card_in(tmp_path, "mixed", files, redistributable="non-commercial")
    text = card.read_text()
    for name, licence in (
        ("Ann", "CC-BY-4.0"),
        ("Ben", "CC-BY-SA-3.0"),
        ("Cam", "CC-BY-NC-SA-4.0"),
    ):
        text = text.replace(f"path: {name}.conll,", f"path: {name}.conll, licence: {licence},")
    card.write_text(text)
    policy = replace(request_for.policy, sources=(Source(card=str(card), table="post"),))
    content = build(replace(request_for, policy=policy), Steps())
    [source] = content["sources"]
    assert [file["redistributable"] for file in source["files"]] == ["yes", "share-alike"]
    assert content["rejected"] == [
        {"name": "mixed/Cam.conll", "reason": "licence: CC-BY-NC-SA-4.0 (non-commercial)"}
    ]
    for form in ("md", "html"):
        shown = " ".join(render_card(content, form).split())
        assert "Not to be passed on" not in shown
        assert "Share-alike: what is made of mixed is" in shown


def test_the_card_shows_what_the_readers_left_out_and_noted(request_for):
    content = build(request_for, Steps())
    assert "## What the readers left out or noted\n\nNothing." in render_card(content, "md")
    read = content["sources"][0]["files"][0]["read"]
    read.update(num_skipped=1234, skipped=["line 7: a|b"], num_notes=5, notes=["line 9: <P>"])
    markdown, html = render_card(content, "md"), render_card(content, "html")
    assert "| post/a.conll | left out | line 7: a\\|b | 1,234 |" in markdown
    assert "| post/a.conll | noted | line 9: <P> | 5 |" in markdown
    assert "left out by the reader, such as line 7: a|b" in html
    assert "nothing left out, such as line 9: &lt;P&gt;" in html


def test_own_files_count_as_gold(request_for, tmp_path):
    own = tmp_path / "mine.jsonl"
    own.write_text(
        json.dumps({"text": "Lu left", "entities": [{"start": 0, "end": 2, "label": "PERSON"}]})
    )
    request = replace(request_for, own=OwnRequest(labelled=((own, "jsonl"),)))
    build(request, Steps())
    [document] = [d for d in everything(request.out) if d.dataset == "own"]
    assert (document.weight, document.id) == (3.0, "own/mine.jsonl#mine-1")


def test_the_same_inputs_give_the_same_bytes(request_for, tmp_path):
    build(request_for, Steps())
    files = {p.name: p.read_bytes() for p in request_for.out.iterdir() if p.is_file()}
    again = replace(request_for, out=tmp_path / "again")
    build(again, Steps())
    assert {p.name: p.read_bytes() for p in again.out.iterdir() if p.is_file()} == files
    build(request_for, Steps())  # and on top of a finished one
    assert {p.name: p.read_bytes() for p in request_for.out.iterdir() if p.is_file()} == files


def test_a_killed_build_continues(request_for):
    """The last shard fails; those before it are kept, and the second attempt is as if whole."""
    file = request_for.mirror / "towns" / "t.conll"
    good = file.read_text()
    file.write_text(good + "x")
    with pytest.raises(DataError, match=r"refused as t\.conll"):
        build(request_for, Steps())
    shards = sorted((request_for.out / "work" / "shards").glob("post--*[0-9a-f].jsonl"))
    assert len(shards) == 2
    times = [path.stat().st_mtime_ns for path in shards]
    assert not (request_for.out / "card.json").exists()
    file.write_text(good)
    build(request_for, Steps())
    assert [path.stat().st_mtime_ns for path in shards] == times


def test_a_missing_file_is_listed(request_for):
    (request_for.mirror / "post" / "a.conll").unlink()
    content = build(request_for, Steps())
    assert {"name": "post/a.conll", "reason": "not at hand"} in content["rejected"]


def test_nothing_at_hand_is_an_error_with_the_reasons(request_for, tmp_path):
    request = replace(request_for, mirror=None)
    with pytest.raises(DataError, match=r"no source could be taken: .*post/a\.conll: not at hand"):
        build(request, Steps())
    assert not (request.out / "card.json").exists()


def test_automatic_marks_need_a_marker(request_for):
    source = replace(request_for.policy.sources[0], autolabel=True)
    policy = replace(request_for.policy, sources=(source,))
    with pytest.raises(DataError, match="has no lexicons or patterns"):
        build(replace(request_for, policy=policy), Steps())


def test_intermediate_files_can_be_removed(request_for):
    build(request_for, Steps())
    remove_work(request_for.out)
    assert not (request_for.out / "work").exists()
    assert read_card(request_for.out)


def test_a_folder_without_a_card_is_named(tmp_path):
    with pytest.raises(DataError, match=r"has no card\.json"):
        read_card(tmp_path)
    (tmp_path / "card.json").write_text("[")
    with pytest.raises(DataError, match="is damaged"):
        read_card(tmp_path)
