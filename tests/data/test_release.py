"""A licensed release: its parts are found, its files are read one by one and counted."""

from __future__ import annotations

import pytest

from ossamma.data.catalog import Split, load_card
from ossamma.data.release import ONTONOTES, FolderStream, folder_digest, release_parts
from ossamma.schema.errors import DataError, FormatError
from tests.data.readers.test_ontonotes import part_of

CARD = load_card(ONTONOTES)
SENTENCE = [("Ada", "(PERSON)"), ("met", "*"), ("Bob", "(PERSON)")]


def write_release(folder, **names):
    """Write a release: part -> names of its documents, each of which has one sentence."""
    for part, documents in names.items():
        for name in documents:
            path = folder / "data" / part / "data" / "english" / "annotations" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            words = [*SENTENCE, (path.stem, "(GPE)")]
            path.with_suffix(".gold_conll").write_text(part_of([words], name=name))
    return folder


@pytest.fixture
def release(tmp_path):
    """The parts, a Bible without names, and another language."""
    write_release(
        tmp_path / "release",
        train=["nw/a/00/a1", "bn/b/00/b1", "pt/c/00/c1"],
        development=["nw/a/00/a2"],
        test=["nw/a/00/a3"],
    )
    other = tmp_path / "release/data/train/data/arabic/annotations/nw/d.gold_conll"
    other.parent.mkdir(parents=True)
    other.write_text("no such thing is read")
    return tmp_path / "release"


def test_the_parts_are_found_from_either_folder(release):
    found = release_parts(CARD, release)
    assert list(found) == [Split.TRAIN, Split.DEV, Split.TEST]
    assert found[Split.DEV] == release / "data/development/data/english/annotations"
    assert release_parts(CARD, release / "data") == found


def test_a_folder_that_is_none_is_refused_with_advice(tmp_path):
    with pytest.raises(DataError, match=r"data/train/data/english.*got none of them; get LDC2013"):
        release_parts(CARD, tmp_path)
    with pytest.raises(DataError, match="no such folder; get LDC2013"):
        release_parts(CARD, tmp_path / "none")


def test_a_part_is_read_file_by_file_and_summed_up(release):
    stream = FolderStream(release_parts(CARD, release)[Split.TRAIN], "ontonotes", {})
    assert next(stream).id == "bn/b/00/b1-000"
    assert stream.report.documents == 1  # the second file has not been read yet
    assert [document.group for document in stream] == ["nw/a/00/a1"]  # and no Bible
    assert (stream.report.documents, stream.report.words) == (2, 8)
    assert stream.report.labels == {"PERSON": 4, "GPE": 2}


def test_a_file_that_is_cut_off_ends_the_reading(release):
    [path] = (release / "data/test").rglob("*.gold_conll")
    path.write_text(path.read_text().replace("#end document", ""))
    with pytest.raises(FormatError, match="the file was cut off"):
        list(FolderStream(release_parts(CARD, release)[Split.TEST], "ontonotes", {}))


def test_the_digest_is_that_of_names_and_contents(tmp_path):
    folders = [write_release(tmp_path / name, test=["nw/a/00/a1"]) for name in ("one", "two")]
    first, second = map(folder_digest, folders)
    assert first == second
    [path] = folders[1].rglob("*.gold_conll")
    renamed = path.rename(path.with_name("b1.gold_conll"))
    assert folder_digest(folders[1]) != first
    renamed.rename(path)
    assert folder_digest(folders[1]) == first
    path.write_text(path.read_text() + "\n")
    assert folder_digest(folders[1]) != first
