"""Folders and tars of texts: one set of documents in every layout, and nothing hostile works."""

from __future__ import annotations

import io
import lzma
import tarfile

import pytest

from ossamma.data.pretraining.corpus_stream import CorpusFile, CorpusLimits, LeftOutCounts
from ossamma.data.pretraining.text_folder import TextFolder, read_text_folder
from ossamma.schema.errors import ConfigurationError, DataError

TEXTS = {"0001-a.txt": "One text.", "0002-b.txt": "Two\ntexts é.", "deep/er/c.txt": "Three."}


def read(path, left_out=None, *, limits=None, **options):
    root = CorpusFile(path, path.name, limits or CorpusLimits())
    return list(read_text_folder(root, TextFolder(**options), left_out or LeftOutCounts()))


def tar_of(contents: dict[str, bytes], mode="w") -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode) as archive:
        for name, content in contents.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return file.getvalue()


@pytest.fixture
def plain():
    return {name: text.encode() for name, text in TEXTS.items()}


def test_every_layout_gives_the_same_texts(tmp_path, plain):
    for name, content in plain.items():
        path = tmp_path / "folder" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (tmp_path / "folder" / "0002-b.txt").rename(tmp_path / "folder" / "0002-b.txt.xz")
    (tmp_path / "folder" / "0002-b.txt.xz").write_bytes(lzma.compress(plain["0002-b.txt"]))
    (tmp_path / "a.tar.xz").write_bytes(tar_of(plain, "w:xz"))
    (tmp_path / "released").mkdir()
    subset = lzma.compress(tar_of(plain))
    released = {"openwebtext/urlsf_subset00-1_data.xz": subset, "openwebtext/README": b"x"}
    (tmp_path / "released" / "openwebtext.tar.xz").write_bytes(tar_of(released, "w:xz"))
    for name in ("folder", "a.tar.xz", "released"):
        found = {d.id: d.text for d in read(tmp_path / name)}
        assert found == {key.removesuffix(".txt"): text for key, text in TEXTS.items()}, name


def test_the_order_is_that_of_the_names(tmp_path):
    for name in ("b.txt", "a/z.txt", "a/b.txt", "C.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    assert [d.id for d in read(tmp_path)] == ["C", "a/b", "a/z", "b"]


def test_links_devices_and_names_that_leave_the_folder_are_skipped(tmp_path):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, kind in (("l.txt", tarfile.SYMTYPE), ("d.txt", tarfile.CHRTYPE)):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, "/etc/passwd"
            archive.addfile(member)
        for name in ("../up.txt", "/abs.txt", "good.txt"):
            member = tarfile.TarInfo(name)
            member.size = 2
            archive.addfile(member, io.BytesIO(b"ok"))
    path = tmp_path / "a.tar"
    path.write_bytes(file.getvalue())
    left_out = LeftOutCounts()
    assert [d.id for d in read(path, left_out)] == ["good"]
    assert left_out.counts == {"a link, a device or an unusable name": 4}
    assert list(tmp_path.iterdir()) == [path]


def test_archives_are_nested_twice_and_no_more(tmp_path, plain):
    inner = tar_of({"x.tar": tar_of(plain)})
    path = tmp_path / "a.tar"
    path.write_bytes(tar_of({"y.tar": inner}))
    left_out = LeftOutCounts()
    assert read(path, left_out) == []
    assert left_out.counts == {"an archive inside an archive of archives": 1}


def test_damage_is_a_fault_of_one_text_or_the_end_of_an_archive(tmp_path, plain):
    (tmp_path / "f").mkdir()
    (tmp_path / "f" / "latin.txt").write_bytes("é".encode("latin-1"))
    (tmp_path / "f" / "nul.txt").write_bytes(b"a\0b")
    (tmp_path / "f" / "long.txt").write_bytes(b"a" * 1000)
    (tmp_path / "f" / "other.md").write_text("x")
    left_out = LeftOutCounts()
    assert read(tmp_path / "f", left_out, limits=CorpusLimits(max_document_characters=20)) == []
    assert left_out.num_faults == 2
    assert sum(left_out.counts.values()) == 4
    whole = tar_of(plain)
    for size in (700, 1100, len(whole) - 9500):
        (tmp_path / "cut.tar").write_bytes(whole[:size])
        with pytest.raises(DataError, match="cut off"):
            read(tmp_path / "cut.tar")
    with pytest.raises(DataError, match="nowhere"):
        read(tmp_path / "nowhere")
    with pytest.raises(ConfigurationError, match="dot"):
        TextFolder(ending="txt")


def test_a_tar_of_many_members_does_not_remember_them(tmp_path):
    path = tmp_path / "many.tar"
    path.write_bytes(tar_of({f"{number}.txt": b"x" for number in range(300)}))
    reader = read_text_folder(CorpusFile(path, "m"), TextFolder(), LeftOutCounts())
    assert [d.id for d in reader] == [str(number) for number in range(300)]
