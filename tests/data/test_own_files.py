"""The user's own paths: what each file is, what is passed over, and what cannot be meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from ossamma.data.own_files import (
    MARKED,
    UNMARKED,
    OwnRequest,
    annotated_types,
    format_of,
    list_labelled,
    list_text,
    parse_own,
    reason_of,
)
from ossamma.data.text.extract import detect_text_format
from ossamma.schema.errors import ConfigurationError, DataError, FormatError
from tests.data import building
from tests.data.text.files import make_docx, make_epub, make_pdf

COLUMNS = "Ada\tB-PERSON\nmet\tO\n\n"
DOCUMENTS = {
    "a.pdf": make_pdf([["x"]]),
    "a.docx": make_docx("x"),
    "a.epub": make_epub({"a.xhtml": "<p>x</p>"}),
    "a.html": b"<p>x</p>",
    "a.MD": b"x",
    "a.txt": b"Plain words on one line.\nAnd another O\n",
}


def write(folder, name, content="x"):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


@pytest.mark.parametrize("name", DOCUMENTS)
def test_documents_are_told_by_their_names(tmp_path, name):
    path = write(tmp_path, name, DOCUMENTS[name])
    assert format_of(path) == MARKED
    assert detect_text_format(path)  # and there is an extractor for them


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.jsonl", '{"text": "x"}', "jsonl"),
        ("a.conll", COLUMNS, "conll"),
        ("a.txt", COLUMNS, "conll"),
        ("a.txt", COLUMNS * 3000, "conll"),
        ("a.txt", "# id 1\n" + COLUMNS.replace("\t", " "), "conll"),
        ("a.txt", '{"text": "x"}\n', "jsonl"),
        ("a.txt", "{curly} words\n", MARKED),
        ("a.txt", "Vitamin O\n", MARKED),
        ("a.txt", "O\nO\n", MARKED),
        ("a.txt", COLUMNS + "Then it went on in prose.\n", MARKED),
        ("a.csv", "a,b\n", ""),
        ("a", "x", ""),
    ],
)
def test_labelled_data_is_told_from_text(tmp_path, name, content, expected):
    assert format_of(write(tmp_path, name, content)) == expected


def test_a_path_may_name_its_format(tmp_path):
    assert parse_own("a/b.txt:conll") == (Path("a/b.txt"), "conll")
    assert parse_own("a:inline_markers") == (Path("a"), MARKED)
    assert parse_own("C:\\a.txt") == (Path("C:\\a.txt"), "")
    write(tmp_path, "odd:name")
    assert parse_own(str(tmp_path / "odd:name")) == (tmp_path / "odd:name", "")
    write(tmp_path, "b.txt")
    with pytest.raises(ConfigurationError, match=r"got 'conl'; did you mean conll"):
        parse_own(f"{tmp_path / 'b.txt'}:conl")


def test_a_folder_is_walked_by_name_without_hidden_files_and_the_build_itself(tmp_path):
    folder = tmp_path / "mine"
    for name in ("b.md", "a/c.txt", ".hidden.md", ".git/x.md", "~$b.docx", "built/card.md"):
        write(folder, name)
    write(folder, "a/d.csv")
    write(folder, "a/e.txt", COLUMNS)
    files = list_labelled(OwnRequest(labelled=((folder, ""),)), folder / "built")
    assert [(f.name, f.file_format, f.is_named) for f in files] == [
        ("mine/a/c.txt", MARKED, False),
        ("mine/a/d.csv", "", False),
        ("mine/a/e.txt", "conll", False),
        ("mine/b.md", MARKED, False),
    ]
    assert "neither that of a document" in files[1].fault
    forced = list_labelled(OwnRequest(labelled=((folder, MARKED),)), folder / "built")
    assert {(f.file_format, f.fault) for f in forced} == {(MARKED, "")}


def test_names_do_not_depend_on_where_the_folder_lies(tmp_path, out, monkeypatch):
    write(tmp_path, "here/mine/a.md")
    monkeypatch.chdir(tmp_path / "here" / "mine")
    for path in (Path(), tmp_path / "here" / "mine"):
        assert [f.name for f in list_text(OwnRequest(text=(path,)), out)] == ["mine/a.md"]


def test_a_file_named_outright_has_a_format(tmp_path, out):
    paths = [
        write(tmp_path, "a.md"),
        write(tmp_path, "b.dat", DOCUMENTS["a.pdf"]),
        write(tmp_path, "c.dat", COLUMNS),
    ]
    files = list_labelled(OwnRequest(labelled=tuple((path, "") for path in paths)), out)
    assert [f.file_format for f in files] == [MARKED, MARKED, "conll"]
    assert all(f.is_named for f in files)
    with pytest.raises(DataError, match=r"none\.dat"):
        list_labelled(OwnRequest(labelled=((tmp_path / "none.dat", ""),)), out)


def test_labelled_data_is_no_unmarked_text(tmp_path, out):
    write(tmp_path, "mine/a.txt", COLUMNS)
    write(tmp_path, "mine/b.md")
    labelled, text = list_text(OwnRequest(text=(tmp_path / "mine",)), out)
    assert labelled.fault == "labelled data (conll); give it with --own"
    assert (text.file_format, text.fault) == (UNMARKED, "")
    with pytest.raises(DataError, match=r"without marks, got labelled data \(conll\)"):
        list_text(OwnRequest(text=(tmp_path / "mine" / "a.txt",)), out)


def test_an_empty_folder_and_equal_names_are_refused(tmp_path, out):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="got one without any file"):
        list_text(OwnRequest(text=(tmp_path / "empty",)), out)
    twins = tuple((write(tmp_path, f"{folder}/a.md"), "") for folder in ("x", "y"))
    with pytest.raises(DataError, match=r"got a\.md as .*x/a\.md too; rename one"):
        list_labelled(OwnRequest(labelled=twins), out)


def test_a_folder_has_a_format_only_where_the_format_has_folders(tmp_path, out):
    write(tmp_path, "mine/a.ann")
    [whole] = list_labelled(OwnRequest(labelled=((tmp_path / "mine", "brat"),)), out)
    assert (whole.name, whole.file_format, whole.is_named) == ("mine", "brat", True)
    with pytest.raises(ConfigurationError, match="give its files one by one"):
        list_labelled(OwnRequest(labelled=((tmp_path / "mine", "conll"),)), out)
    with pytest.raises(ConfigurationError, match="--ontonotes"):
        list_labelled(OwnRequest(labelled=((tmp_path / "mine", "ontonotes"),)), out)


def test_the_types_that_are_marked_in_full(tmp_path):
    profile = building.load(tmp_path)
    assert annotated_types("used", profile) is None
    assert annotated_types("all", profile) == {"PERSON", "PLACE"}
    assert annotated_types("none", profile) == frozenset()
    assert annotated_types("PLACE, PERSON", profile) == {"PERSON", "PLACE"}
    with pytest.raises(ConfigurationError, match=r"got 'PLAC'; did you mean PLACE\?"):
        annotated_types("PERSON,PLAC", profile)


def test_a_reason_does_not_name_the_machine_it_arose_on(tmp_path):
    path = tmp_path / "a.txt"
    fault = FormatError(path, 3, expected="a tag", got="none")
    assert reason_of(fault, path) == "line 3: expected a tag, got none"
    assert reason_of(DataError(f"{path}: is empty"), path) == "is empty"
    assert reason_of(DataError(f"in {path}:4 a fault"), path) == "in a.txt:4 a fault"
