from __future__ import annotations

import json
import os
import re
import shlex
from pathlib import Path

import pytest

from tests.data import building
from tests.data.test_build import sentences
from tests.data.test_release import write_release
from tests.data.text.files import make_docx, make_pdf

PAGE = Path(__file__).resolve().parents[2] / "docs" / "data.md"
needs_mirror = [
    pytest.mark.data,
    pytest.mark.skipif(not os.environ.get("OSSAMMA_MIRROR"), reason="OSSAMMA_MIRROR is not set"),
]

DUPLICATE = {"start": 0, "end": 4, "label": "PERSON"}


@pytest.fixture
def folder(tmp_path):
    card = building.card_in(
        tmp_path,
        "post",
        {"a.conll": ("train", sentences("Ada", "Bob")), "b.conll": ("test", sentences("Eve"))},
    )
    folder = tmp_path / "letters"
    folder.mkdir()
    (folder / "profile.yaml").write_text(building.PROFILE)
    (folder / "build.yaml").write_text(f"name: letters\nsources:\n  - card: {card}\n")
    return folder


@pytest.fixture
def build(ossamma, folder, tmp_path):
    def build(*arguments):
        return ossamma(
            *("data", "build", "--profile", folder, "--out", tmp_path / "out", "--offline"),
            *("--data", tmp_path / "data", "--mirror", tmp_path / "mirror", *arguments),
        )

    return build


def test_every_data_set_is_listed(ossamma, tmp_path):
    result = ossamma("data", "list", "--json", "--data", tmp_path, env={"OSSAMMA_MIRROR": ""})
    rows = {row["name"]: row for row in json.loads(result.stdout)}
    assert rows["conll2003"]["redistributable"] == "no"
    assert rows["wnut17"]["files_at_hand"] == 0
    assert "wnut17" in ossamma("data", "list", "--data", tmp_path).stdout


def test_a_data_set_is_fetched_from_a_mirror(ossamma, folder, tmp_path):
    card = tmp_path / "post.yaml"
    arguments = ("--data", tmp_path / "data", "--mirror", tmp_path / "mirror", "--offline")
    result = ossamma("data", "fetch", card, *arguments, "--json")
    assert result.exit_code == 0, result.stderr
    [report] = json.loads(result.stdout)["fetched"]
    assert [file["path"] for file in report["files"]] == ["a.conll", "b.conll"]
    assert (tmp_path / "data" / "post" / "a.conll").is_file()
    again = ossamma("data", "fetch", card, *arguments)
    assert again.stdout.startswith("post: 2 files in ")


def test_what_cannot_be_had_does_not_stop_the_rest(ossamma, folder, tmp_path):
    other = building.card_in(tmp_path, "lost", {"c.conll": ("train", "x\tO\n")})
    (tmp_path / "mirror" / "lost" / "c.conll").unlink()
    arguments = ("--data", tmp_path / "data", "--mirror", tmp_path / "mirror", "--offline")
    result = ossamma("data", "fetch", other, tmp_path / "post.yaml", *arguments)
    assert result.exit_code == 1
    assert "lost: not fetched: " in result.stderr
    assert "post: 2 files" in result.stdout
    alone = ossamma("data", "fetch", other, *arguments)
    assert alone.exit_code == 2
    assert "error: cannot fetch data set lost" in alone.stderr


def test_fetch_wants_names_or_a_profile(ossamma):
    assert ossamma("data", "fetch").exit_code == 2
    assert ossamma("data", "fetch", "wnut17", "--profile", "rag9").exit_code == 2
    assert ossamma("data", "fetch", "wnut17", "btc", "--from", ".").exit_code == 2


def test_a_set_is_built_and_its_card_shown(build, ossamma, tmp_path):
    result = build()
    assert result.exit_code == 0, result.stderr
    assert "1 sources, 0 not taken, 0 duplicates dropped, no leaks" in result.stdout
    out = tmp_path / "out"
    assert ossamma("data", "card", out).stdout == (out / "card.md").read_text()
    assert ossamma("data", "card", out, "--as", "html").stdout == (out / "card.html").read_text()
    shown = json.loads(ossamma("data", "card", out, "--as", "json").stdout)
    assert shown == json.loads((out / "card.json").read_text())
    empty = [s for s in ("train", "dev", "test") if not (out / f"{s}.jsonl").read_text()]
    assert result.stderr.count("is empty: no source has documents for it") == len(empty) > 0
    assert all(f"warning: {split} is empty" in result.stderr for split in empty)


def test_a_build_as_json_is_its_card(build, tmp_path):
    own = tmp_path / "mine.txt"
    own.write_text("Lu\tB-PERSON\nleft\tO\n")
    content = json.loads(build("--json", "--own", f"{own}:conll").stdout)
    assert [source["dataset"] for source in content["sources"]] == ["own", "post"]
    assert content == json.loads((tmp_path / "out" / "card.json").read_text())


def test_a_used_folder_is_refused(build, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.doc").write_text("")
    result = build()
    assert result.exit_code == 2
    assert "not empty and not a built set" in result.stderr


def test_an_audit_shows_findings_and_repairs_them(ossamma, tmp_path):
    path, out = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    path.write_text(json.dumps({"text": "Ada met", "entities": [DUPLICATE, DUPLICATE]}) + "\n")
    found = json.loads(ossamma("data", "audit", path, "--json").stdout)
    assert found["audit"]["spans"] == 2
    assert found["audit"]["findings"]
    assert "1 documents, 2 marks" in ossamma("data", "audit", path).stdout
    repair = ("--repair", "trim-space", "--repair", "drop-duplicates", "--out", out)
    assert "repaired: 3 marks" in ossamma("data", "audit", path, *repair).stdout
    [document] = [json.loads(line) for line in out.read_text().splitlines()]
    assert [(e["start"], e["end"]) for e in document["entities"]] == [(0, 3)]
    log = (tmp_path / "b.repairs.jsonl").read_text().splitlines()
    assert len(log) == 3
    assert ossamma("data", "audit", path, "--out", out).exit_code == 2


def test_an_audit_with_leaks_is_not_passed(ossamma, tmp_path):
    train, test = tmp_path / "train.conll", tmp_path / "test.conll"
    train.write_text(sentences("Ada", "Bob"))
    test.write_text(sentences("Bob"))
    result = ossamma("data", "audit", train, "--against", test)
    assert result.exit_code == 1
    assert "exact leaks: 1 of the held-out documents" in result.stdout
    test.write_text(sentences("Eve"))
    assert ossamma("data", "audit", train, "--against", test, "--json").exit_code == 0


@pytest.fixture
def mine(tmp_path):
    """The files of which the page on data speaks."""
    page = PAGE.read_text(encoding="utf-8")
    policy = "\n".join(re.findall(r"^    (\w+: [^\n]+)$", page, re.MULTILINE))
    assert policy.startswith("name: mine\n")
    (tmp_path / "mine.yaml").write_text(policy)
    marked, reports = tmp_path / "marked", tmp_path / "reports"
    marked.mkdir()
    reports.mkdir()
    text = "The group <APT_GROUP>Sandworm</APT_GROUP> used [[MALWARE:Industroyer]]{}."
    (marked / "report.docx").write_bytes(make_docx(text.format(" in Kyiv")))
    (marked / "scan.pdf").write_bytes(make_pdf([["One page"], [text.format("")]]))
    (marked / "page.html").write_text(f"<h1>Notes</h1><p>{text.format(' again')}</p>")
    (marked / "notes.md").write_text(f"# Notes\n\n*Then* {text.format('')}")
    (marked / "broken.pdf").write_bytes(b"%PDF-1.4")
    (reports / "a.txt").write_text("The Lazarus Group exploits CVE-2017-0144.")
    (tmp_path / "old.txt").write_text("Emotet\tB-MALWARE\nspreads\tO\n")
    write_release(tmp_path / "conll-formatted-ontonotes-5.0", train=["nw/a/00/a1"])
    return tmp_path


def commands_of_the_page():
    """The commands of the page that build out of the user's own files."""
    page = PAGE.read_text(encoding="utf-8")
    lines = re.findall(r"^    (ossamma data build .*--(?:own|ontonotes) .*)$", page, re.MULTILINE)
    assert len(lines) >= 5
    return [
        pytest.param(line, marks=needs_mirror if "--own-text" in line else (), id=str(number))
        for number, line in enumerate(lines)
    ]


@pytest.mark.parametrize("command", commands_of_the_page())
def test_the_commands_on_own_documents_work(ossamma, mine, command):
    out = shlex.split(command)[shlex.split(command).index("--out") + 1]
    result = ossamma(*shlex.split(command)[1:], "--offline", "--json")
    assert result.exit_code == 0, result.stderr
    card = json.loads(result.stdout)
    assert card == json.loads((mine / out / "card.json").read_text())
    assert sum(card["assembly"]["written"].values()) > 0
    folders = ["own/marked/broken.pdf"] * ("marked/ " in f"{command} ")
    assert [r["name"] for r in card["rejected"] if r["name"].startswith("own")] == folders


def test_what_was_not_taken_of_a_folder_is_said(ossamma, mine):
    arguments = ("--profile", "ner11", "--policy", "mine.yaml", "--out", "built", "--remove-work")
    result = ossamma("data", "build", *arguments, "--own", "marked", "--offline")
    assert result.exit_code == 0, result.stderr
    assert "not taken: own/marked/broken.pdf: expected a whole PDF" in result.stderr
    assert "1 sources, 1 not taken" in result.stdout
    assert not (mine / "built" / "work").exists()
    again = ossamma("data", "build", *arguments, "--own", "marked", "--offline")
    assert again.exit_code == 0, "a set without its work is still a built set"
    alone = ossamma("data", "build", *arguments, "--own", "marked/broken.pdf", "--offline")
    assert alone.exit_code == 2
    assert "error: marked/broken.pdf: expected a whole PDF" in alone.stderr
