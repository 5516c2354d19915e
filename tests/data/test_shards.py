from __future__ import annotations

import json
from dataclasses import replace

import pytest

from ossamma.data.readers.jsonl import stream_jsonl
from ossamma.data.repair import repair
from ossamma.data.shards import ShardJob, Treatment, make_shard, repairs_path, report_path
from ossamma.schema.errors import DataError
from ossamma.schema.spans import Annotation
from tests.data import building

COLUMNS = building.sentence("Ada/per", "met/", "Bob/per") + building.sentence("Oslo/loc", "x/odd")


@pytest.fixture
def profile(tmp_path):
    return building.load(tmp_path)


@pytest.fixture
def job(tmp_path, profile):
    path = tmp_path / "a.conll"
    path.write_text(COLUMNS)
    return ShardJob(
        dataset="post",
        name="sub/a.conll",
        path=path,
        file_format="conll",
        table=profile.table("post"),
        weight=3.0,
    )


@pytest.fixture
def treatment(profile):
    return Treatment(profile=profile, mark=lambda documents: documents, repair=repair)


def test_documents_get_types_weight_and_unique_names(job, treatment, tmp_path):
    out = tmp_path / "a.jsonl"
    report = make_shard(job, treatment, out)
    first, second = stream_jsonl(out)
    assert (first.id, second.id) == ("post/sub/a.conll#a-1", "post/sub/a.conll#a-2")
    assert (first.dataset, first.weight, first.group) == ("post", 3.0, "")
    assert first.annotates == frozenset({"PERSON"})
    assert [a.labels for a in first.annotations] == [("PERSON",)] * 2
    assert [a.labels for a in second.annotations] == [("PLACE",)]
    assert (report.documents, report.entities, report.has_groups) == (2, 3, False)
    assert report.mapped == [["loc", "PLACE", 1], ["odd", "DROP", 1], ["per", "PERSON", 2]]
    assert json.loads(report_path(out).read_text()) == report.to_json()


def test_a_finished_shard_is_not_made_again(job, treatment, tmp_path):
    out = tmp_path / "a.jsonl"
    first = make_shard(job, treatment, out)
    before = out.stat().st_mtime_ns
    assert make_shard(job, treatment, out) == first
    assert out.stat().st_mtime_ns == before


@pytest.mark.parametrize(
    "change",
    [
        {"weight": 1.0},
        {"circumstances": "other"},
        {"max_documents": 1},
        {"options": {"repair": "discard"}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_shard_of_another_job_is_made_anew(job, treatment, tmp_path, change):
    out = tmp_path / "a.jsonl"
    first = make_shard(job, treatment, out)
    assert make_shard(replace(job, **change), treatment, out).key != first.key


@pytest.mark.parametrize("damage", ["shard", "report", "log", "source"])
def test_a_damaged_or_stale_shard_is_made_anew(job, treatment, tmp_path, damage):
    out = tmp_path / "a.jsonl"
    first = make_shard(job, treatment, out)
    content = out.read_bytes()
    if damage == "shard":
        out.write_bytes(content[:-10])
    elif damage == "report":
        report_path(out).write_text("{}")
    elif damage == "log":
        repairs_path(out).unlink()
    else:
        job.path.write_text(COLUMNS + building.sentence("Eve/per"))
        assert make_shard(job, treatment, out).documents == first.documents + 1
        return
    assert make_shard(job, treatment, out) == first
    assert out.read_bytes() == content
    assert repairs_path(out).is_file()


def test_every_repair_is_logged(profile, tmp_path):
    path = tmp_path / "a.jsonl"
    mark = {"start": 0, "end": 4, "label": "PERSON"}
    path.write_text(json.dumps({"text": "Ada met", "entities": [mark, mark]}) + "\n")
    job = ShardJob(dataset="own", name="a.jsonl", path=path, file_format="jsonl")
    out = tmp_path / "out.jsonl"
    treatment = Treatment(profile=profile, mark=lambda documents: documents, repair=repair)
    report = make_shard(job, treatment, out)
    assert report.repairs == {"drop-duplicates": 1, "trim-space": 2}
    lines = [json.loads(line) for line in repairs_path(out).read_text().splitlines()]
    assert [line["rule"] for line in lines].count("trim-space") == 2
    assert {line["document"] for line in lines} == {"own/a.jsonl#a-1"}
    [document] = stream_jsonl(out)
    assert document.annotations == (Annotation(0, 3, ("PERSON",)),)


def test_nothing_is_written_for_a_file_with_a_fault(job, treatment, tmp_path):
    job.path.write_text(COLUMNS.replace("B-odd", "B-new"))
    with pytest.raises(DataError, match=r"a.conll:5 .*got 'new'"):
        make_shard(job, treatment, tmp_path / "a.jsonl")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.conll", "letters.yaml"]


def test_text_becomes_documents_at_blank_lines(profile, tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("one\ntwo\n\nthree\n\nfour\n")
    job = ShardJob(
        dataset="notes", name="a.txt", path=path, file_format="paragraphs", max_documents=2
    )
    treatment = Treatment(
        profile=profile,
        mark=lambda ds: (replace(d, annotations=(), annotates=frozenset()) for d in ds),
        repair=lambda document: (document, ()),
    )
    report = make_shard(job, treatment, tmp_path / "out.jsonl")
    assert [d.text for d in stream_jsonl(tmp_path / "out.jsonl")] == ["one\ntwo", "three"]
    assert (report.read["documents"], report.read["num_skipped"]) == (2, 0)


def test_a_nul_costs_one_document_of_a_text_and_is_reported(treatment, tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("one\n\ntwo\nt\0o\n\nthree\n")
    job = ShardJob(dataset="notes", name="a.txt", path=path, file_format="paragraphs")
    out = tmp_path / "out.jsonl"
    report = make_shard(job, treatment, out)
    assert [d.text for d in stream_jsonl(out)] == ["one", "three"]
    assert (report.documents, report.read["documents"], report.read["num_skipped"]) == (2, 2, 1)
    [remark] = report.read["skipped"]
    assert remark.startswith("line 4: document 2 (from line 3): ")


def test_what_was_left_out_and_what_was_noted_are_told_apart(treatment, profile, tmp_path):
    noted = tmp_path / "a.txt"
    noted.write_text("<PERSON>Ada</PERSON> met <PERSN>Bob</PERSN>")
    settings = {"types": ["PERSON"]}
    job = ShardJob(
        dataset="own", name="a", path=noted, file_format="inline_markers", options=settings
    )
    read = make_shard(job, treatment, tmp_path / "1.jsonl").read
    assert (read["num_skipped"], read["skipped"], read["num_notes"]) == (0, [], 1)
    assert "'<PERSN>' stays text" in read["notes"][0]
    faulty = tmp_path / "b.conll"
    faulty.write_text(COLUMNS + "broken\n")
    job = ShardJob(
        dataset="post",
        name="b",
        path=faulty,
        file_format="conll",
        options={"on_error": "skip"},
        table=profile.table("post"),
    )
    read = make_shard(job, treatment, tmp_path / "2.jsonl").read
    assert (read["num_skipped"], read["num_notes"], read["notes"]) == (1, 0, [])


def test_an_id_that_comes_twice_is_refused_with_its_line(treatment, tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text(
        "".join(json.dumps({"id": "x", "text": text}) + "\n" for text in ("Ada", "Bob"))
    )
    job = ShardJob(dataset="own", name="a.jsonl", path=path, file_format="jsonl")
    with pytest.raises(DataError, match=r"a\.jsonl:2 .*'x'.*that no earlier document"):
        make_shard(job, treatment, tmp_path / "out.jsonl")
    assert not (tmp_path / "out.jsonl").exists()
