"""Lines come out of every packing as they went in, and no file costs more than its limits."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zipfile

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ossamma.data.archives import ArchiveLimits
from ossamma.data.pretraining.corpus_stream import CorpusFile, CorpusLimits, LeftOutCounts
from ossamma.data.pretraining.packed_lines import decoded_lines, files_below, packed_lines
from ossamma.schema.errors import DataError, FormatError

PACKERS = {
    ".txt": bytes,
    ".gz": gzip.compress,
    ".xz": lzma.compress,
    ".bz2": bz2.compress,
    ".zst": lambda content: pa.compress(content, codec="zstd").to_pybytes(),
}


def corpus_file(path, **limits) -> CorpusFile:
    return CorpusFile(path, path.stem, CorpusLimits(**limits))


@settings(max_examples=40)
@given(
    lines=st.lists(st.binary(max_size=12).filter(lambda line: b"\n" not in line), max_size=6),
    ending=st.sampled_from(sorted(PACKERS)),
)
def test_lines_are_those_of_the_content(tmp_path_factory, lines, ending):
    content = b"".join(line + b"\n" for line in lines)
    if content.startswith((b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf")) or not content.isascii():
        return
    path = tmp_path_factory.getbasetemp() / f"lines{ending}"
    path.write_bytes(PACKERS[ending](content))
    found = list(packed_lines(corpus_file(path)))
    assert [number for number, _ in found] == list(range(1, len(lines) + 1))
    assert [line for _, line in found] == [line.removesuffix(b"\r") for line in lines]


@pytest.mark.parametrize("ending", sorted(PACKERS))
def test_long_files_and_a_last_line_without_end(tmp_path, ending):
    content = b"\n".join(b"%d" % number * 50 for number in range(9000))
    path = tmp_path / f"long{ending}"
    path.write_bytes(PACKERS[ending](content))
    assert [line for _, line in packed_lines(corpus_file(path))] == content.split(b"\n")


@pytest.mark.parametrize("ending", [".gz", ".xz", ".bz2", ".zst"])
def test_a_file_that_is_cut_off_names_itself(tmp_path, ending):
    whole = PACKERS[ending](bytes(range(32, 127)) * 900)
    path = tmp_path / f"cut{ending}"
    path.write_bytes(whole[: len(whole) // 2])
    if ending == ".zst":  # one frame of 85 kB: what was read before the cut may end silently
        path.write_bytes(whole[:20] + bytes(30))
    with pytest.raises(DataError, match=f"cut{ending}"):
        list(packed_lines(corpus_file(path)))


@pytest.mark.parametrize("ending", [".gz", ".xz", ".bz2", ".zst"])
def test_a_bomb_is_refused(tmp_path, ending):
    path = tmp_path / f"bomb{ending}"
    path.write_bytes(PACKERS[ending](b"a\n" * 2**21))
    file = corpus_file(path, packed=ArchiveLimits(max_ratio=10, free_bytes=1000))
    with pytest.raises(DataError, match="unpacks to more than"):
        list(packed_lines(file))


@pytest.mark.parametrize("size", [101, 10**6])
def test_a_line_beyond_the_limit_is_refused_with_its_number(tmp_path, size):
    path = tmp_path / "a.txt"
    path.write_bytes(b"short\n" + b"x" * size)
    list(packed_lines(corpus_file(path, max_line_bytes=10**7)))
    with pytest.raises(FormatError, match=r"a\.txt:2: expected a line of at most 100 bytes"):
        list(packed_lines(corpus_file(path, max_line_bytes=100)))


def test_other_encodings_and_archives_are_refused(tmp_path):
    wide = tmp_path / "wide.txt"
    wide.write_bytes("text".encode("utf-16"))
    with pytest.raises(FormatError, match="UTF-16"):
        list(packed_lines(corpus_file(wide)))
    packed = tmp_path / "a.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a.json", "{}")
    with pytest.raises(DataError, match="unpack it first"):
        list(packed_lines(corpus_file(packed)))
    with pytest.raises(DataError, match=r"none\.txt"):
        list(packed_lines(corpus_file(tmp_path / "none.txt")))


def test_a_line_that_is_no_text_is_a_fault_with_its_place(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"\xef\xbb\xbfgood\n\xff\nnul\0\n\xc3\xa9\n")
    left_out = LeftOutCounts()
    found = list(decoded_lines(corpus_file(path), left_out))
    assert found == [(1, "good"), (2, None), (3, None), (4, "é")]
    assert left_out.num_faults == 2
    assert left_out.examples["not UTF-8"] == (f"{path}:2",)


def test_files_are_walked_by_name_without_hidden_ones_and_loops(tmp_path):
    for name in ("b/2.txt", "b/10.txt.xz", "a/x.txt", ".git/y.txt", "c.md", "a.txt.gz"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("x")
    (tmp_path / "b" / "up").symlink_to(tmp_path)
    (tmp_path / "linked.txt").symlink_to(tmp_path / "a" / "x.txt")
    names = [name for _, name in files_below(tmp_path, (".txt",))]
    assert names == ["a/x", "a", "b/10", "b/2", "linked"]
    assert list(files_below(tmp_path / "c.md", (".txt",))) == [(tmp_path / "c.md", "c.md")]
    with pytest.raises(DataError, match="nowhere"):
        list(files_below(tmp_path / "nowhere", (".txt",)))
