from __future__ import annotations

import pytest

from ossamma.data.catalog import load_catalog
from ossamma.data.readers import registry
from ossamma.data.readers.registry import FORMATS, iter_annotated, read_annotated, read_labelled
from ossamma.schema.errors import ConfigurationError, DataError, FormatError
from tests.data.readers.test_ontonotes import part_of

CONLL = "Ada\tB-PER\nmet\tO\n"


def test_a_format_is_read_with_its_options(tmp_path):
    path = tmp_path / "a.conll"
    path.write_text("Ada\tB-PER\tO\nmet\tO\tO\n")
    corpus = read_annotated(path, "conll", {"tag_column": 1})
    assert corpus.report.labels == {"PER": 1}
    assert corpus.format == "conll"


@pytest.mark.parametrize(
    ("file_format", "options", "message"),
    [
        ("connl", {}, "expected a format among .*conll.*, got 'connl'"),
        ("conll", {"tag_colum": 1}, "has the options .*tag_column.*, got 'tag_colum'"),
        ("jsonl", {"a": 1}, "format 'jsonl' has no options"),
    ],
)
def test_what_does_not_exist_is_refused(tmp_path, file_format, options, message):
    with pytest.raises(ConfigurationError, match=message):
        read_annotated(tmp_path / "a", file_format, options)


@pytest.mark.parametrize("file_format", FORMATS)
def test_every_format_has_its_reader(tmp_path, file_format):
    """A missing file gets a reader's own answer, so the reader was found and called."""
    options = {"types": frozenset({"PER"})} if file_format == "inline_markers" else {}
    with pytest.raises(DataError, match="none"):
        read_annotated(tmp_path / "none", file_format, options)


def test_a_missing_library_is_named(monkeypatch, tmp_path):
    missing = registry._Reader("needs_what_is_not_there", "read", None)
    monkeypatch.setattr(registry, "_READERS", {"odd": missing})
    with pytest.raises(ConfigurationError, match=r"format 'odd' needs the library .*ossamma\[data"):
        read_annotated(tmp_path / "a", "odd")


def test_the_content_tells_columns_from_json(tmp_path):
    columns, lines = tmp_path / "a", tmp_path / "b"
    columns.write_text(CONLL)
    lines.write_text('{"text": "Ada met"}\n')
    assert [d.text for path in (columns, lines) for d in read_labelled(path)] == ["Ada met"] * 2


def test_a_release_folder_is_read_file_by_file(tmp_path):
    for name in ("nw/a", "nw/b"):
        path = tmp_path / f"{name}.gold_conll"
        path.parent.mkdir(exist_ok=True)
        path.write_text(part_of([[("Ada", "(PERSON)")]], name=name))
    corpora = iter_annotated(tmp_path, "ontonotes")
    assert next(corpora).path == tmp_path / "nw" / "a.gold_conll"
    (tmp_path / "nw" / "b.gold_conll").write_text("cut off")
    with pytest.raises(FormatError, match=r"b\.gold_conll:1"):
        next(corpora)


def test_a_folder_and_a_file_of_a_release_are_read_alike(tmp_path):
    path = tmp_path / "nw" / "a.gold_conll"
    path.parent.mkdir()
    path.write_text(part_of([[("Ada", "(PERSON)")]], name="nw/a"))
    assert read_labelled(tmp_path, "ontonotes") == read_labelled(path, "ontonotes")
    [corpus] = iter_annotated(path, "ontonotes")
    assert corpus == read_annotated(path, "ontonotes")
    with pytest.raises(DataError, match="folder"):
        list(iter_annotated(tmp_path, "conll"))


def test_every_card_names_a_format_that_is_read():
    formats = {card.format for card in load_catalog().values() if card.kind == "annotated"}
    assert formats - {None} <= set(FORMATS)
