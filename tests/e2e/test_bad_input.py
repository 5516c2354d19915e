"""Whatever a file holds, the command answers with a message or a result, never with a traceback."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from ossamma.cli.app import app
from ossamma.export.bundle import save_bundle
from tests import tiny

pytestmark = pytest.mark.e2e

ADA = {"text": "Ada", "entities": [{"start": 0, "end": 3, "label": "PERSON"}]}


def record(**changes):
    return json.dumps({**ADA, **changes}).encode()


def entity(**changes):
    return record(entities=[{**ADA["entities"][0], **changes}])


BAD = {
    "empty": (b"", "the file is empty"),
    "blank": (b"\n \n", "the file is empty"),
    "binary": (bytes(range(256)), "expected"),
    "png": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "expected"),
    "utf-16": ("Ada\tB-PERSON\n".encode("utf-16"), "UTF-16"),
    "latin-1": ("Zoë\tB-PERSON\n".encode("latin-1"), "byte 0xeb"),
    "nul": (b"Ada\0\tB-PERSON\n", "NUL"),
    "one column": (b"Ada\nmet\nBob\n", "at least two columns"),
    "another number of columns": (b"Ada O O\nmet O\nBob O O\n", "3 columns, like most lines"),
    "no tags": (b"Ada walks\nBob sleeps\n", "expected a tag"),
    "foreign letters": (b"Ada Q-PERSON\nBob Q-PERSON\n", "expected a tag"),
    "truncated": (b'{"text": "Ada", "entities": [{"start"', "expected one JSON object per line"),
    "a list": (b'{"text": "a", "entities": []}\n[1]', "expected"),
    "no text": (b'{"txt": "Ada"}', "txt"),
    "an unknown key": (record(enties=[]), "enties"),
    "a key twice": (b'{"text": "a", "text": "b"}', "twice"),
    "not a number": (b'{"text": "a", "weight": NaN}', "NaN"),
    "offsets beyond the text": (entity(end=4), "0 <= start < end <= 3"),
    "an empty entity": (entity(end=0), "0 <= start < end"),
    "a negative offset": (entity(start=-1), "0 <= start < end"),
    "a fractional offset": (entity(end=1.5), "an integer"),
    "a truth for an offset": (entity(start=False), "an integer"),
    "a number for a label": (entity(label=5), "string"),
    "a label with a space": (entity(label="A B"), "white space"),
    "text that is not there": (entity(text="Bob"), "what the document has at its place"),
    "an id twice": (record(id="a") + b"\n" + record(id="a"), "an id that no earlier line has"),
    "nested too deeply": (b'{"text": ' + b"[" * 100_000, "expected one JSON object per line"),
}


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    folder = tmp_path_factory.mktemp("good")
    pieces = tiny.tokenizer()
    facts = {"checkpoint_epoch": 1.0, "val_f1": 0.5, "profile": "native"}
    save_bundle(folder / "bundle", tiny.model(pieces), pieces, tiny.PROFILE, facts=facts)
    return {**tiny.corpus(folder), "bundle": folder / "bundle"}


def commands(good, path):
    """Every way in which a labelled file is read."""
    out = path.parent / "run"
    small = [part for assignment in tiny.ASSIGNMENTS for part in ("--set", assignment)]
    train = ["train", "--profile", "native", "--out", out, *small]
    return [
        [*train, "--train", path, "--dev", good["dev"]],
        [*train, "--train", good["train"], "--dev", path],
        [*train, "--train", good["train"], "--dev", good["dev"], "--test", path],
        ["evaluate", "--bundle", good["bundle"], "--gold", path],
        ["evaluate", "--pred", path, "--gold", good["dev"]],
        ["evaluate", "--pred", good["dev"], "--gold", path],
        ["extract", "--bundle", good["bundle"], "--json", "--documents", path],
    ]


def run(arguments, **options):
    return CliRunner().invoke(app, [str(argument) for argument in arguments], **options)


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_refused_by_every_verb_with_its_place(good, tmp_path, name):
    content, complaint = BAD[name]
    path = tmp_path / "bad.data"
    path.write_bytes(content)
    for arguments in commands(good, path):
        result = run(arguments)
        assert (result.exit_code, result.stdout) == (2, ""), arguments
        first = result.stderr.splitlines()[0]
        assert first.startswith("error: ")
        assert "bad.data" in first
        assert complaint in result.stderr
        assert len(result.stderr) < 2_000
    assert [entry.name for entry in tmp_path.iterdir()] == ["bad.data"], "no run was begun"


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.binary(max_size=200) | st.text(alphabet='{}[]":,\n\tOBI- aé\0', max_size=80).map(str.encode)
)
def test_any_bytes_get_an_answer(good, tmp_path, content):
    path = tmp_path / "any.data"
    path.write_bytes(content)
    for arguments in commands(good, path)[3:]:
        result = run(arguments)
        assert result.exit_code in {0, 2}, result.exception
        assert "Traceback" not in result.stderr
        assert (result.exit_code == 2) == result.stderr.startswith("error: ")
    result = run(["extract", "--bundle", good["bundle"], "--json"], input=content)
    assert result.exit_code in {0, 2}, result.exception
    if result.exit_code == 0:
        assert json.loads(result.stdout)["text"].encode() == content


def test_nested_entities_are_refused_before_a_run_begins(good, tmp_path):
    path = tmp_path / "nested.jsonl"
    entities = [
        {**ADA["entities"][0], "end": end, "label": label}
        for end, label in ((8, "PERSON"), (3, "PLACE"))
    ]
    path.write_text(json.dumps({"text": "New York", "entities": entities}))
    result = run(commands(good, path)[0])
    assert result.exit_code == 2
    assert "nested.jsonl:1 (document 'nested-1'): two annotations meet in the word" in result.stderr
    assert [entry.name for entry in tmp_path.iterdir()] == ["nested.jsonl"]


def test_a_folder_in_place_of_a_file_is_refused(good, tmp_path):
    for arguments in commands(good, tmp_path):
        result = run(arguments)
        assert (result.exit_code, result.stdout) == (2, "")
        assert "folder" in result.stderr
