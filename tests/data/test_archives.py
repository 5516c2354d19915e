from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import struct
import tarfile
import zipfile
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossamma.data.archives import (
    ArchiveKind,
    ArchiveLimits,
    archive_kind,
    open_compressed,
    safe_path,
    unpack,
    unpack_file,
)
from ossamma.data.streams import BoundedStream, TarSource, XzStream, chunks
from ossamma.schema.errors import ConfigurationError, DataError

FILES = {"README.md": b"read me\n", "data/train.txt": b"a O\n" * 5000, "data/empty": b""}
SMALL = ArchiveLimits(free_bytes=2**16, max_ratio=50)
PACKERS = {".gz": gzip.compress, ".xz": lzma.compress, ".bz2": bz2.compress}


def tar_of(members, mode="w") -> bytes:
    """A tar of (TarInfo or name, content) pairs."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:
        for member, content in members:
            info = tarfile.TarInfo(member) if isinstance(member, str) else member
            if content is not None:
                info.size = len(content)
            archive.addfile(info, None if content is None else io.BytesIO(content))
    return buffer.getvalue()


def zip_of(members, compression=zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for member, content in members:
            archive.writestr(member, content)
    return buffer.getvalue()


def all_archives() -> dict[str, bytes]:
    plain = tar_of(FILES.items())
    packed = {f"a.tar{ending}": pack(plain) for ending, pack in PACKERS.items()}
    return {"a.zip": zip_of(FILES.items()), "a.tar": plain} | packed


@pytest.fixture
def refused(tmp_path):
    """Unpack some bytes and return why it was refused; nothing may be left, inside or outside."""

    def try_to(content: bytes, name="a", limits=SMALL) -> str:
        archive = tmp_path / "in" / name
        archive.parent.mkdir(exist_ok=True)
        archive.write_bytes(content)
        with pytest.raises(DataError) as caught:
            unpack(archive, tmp_path / "out", limits)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["in"]
        assert str(archive) in str(caught.value)
        return str(caught.value)

    return try_to


@pytest.mark.parametrize("name", all_archives())
def test_every_kind_is_unpacked_whole(tmp_path, name):
    archive = tmp_path / "no_ending"  # the content decides, not the name
    archive.write_bytes(all_archives()[name])
    paths = unpack(archive, tmp_path / "out")
    assert [path.relative_to(tmp_path / "out").as_posix() for path in paths] == list(FILES)
    found = {path for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert found == set(paths)
    assert [path.read_bytes() for path in paths] == list(FILES.values())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["no_ending", "out"]


@pytest.mark.parametrize("ending", PACKERS)
def test_a_single_file_is_unpacked(tmp_path, ending):
    packed = tmp_path / "x"
    packed.write_bytes(PACKERS[ending](b"text\n" * 1000) + PACKERS[ending](b"more"))
    unpack_file(packed, tmp_path / "y")
    assert (tmp_path / "y").read_bytes() == b"text\n" * 1000 + b"more"


def test_a_file_that_is_not_packed_is_opened_as_it_is(tmp_path):
    (tmp_path / "x").write_bytes(b"plain")
    with open_compressed(tmp_path / "x") as stream:
        assert b"".join(chunks(stream)) == b"plain"


@pytest.mark.parametrize("name", all_archives())
@pytest.mark.parametrize("kept", [0.02, 0.3, 0.6, 0.97])
def test_a_cut_archive_is_refused(refused, name, kept):
    content = all_archives()[name]
    if name == "a.tar":
        content = content.rstrip(b"\0")  # its end is padding, which may be short
    refused(content[: int(len(content) * kept)])


def test_a_tar_cut_between_two_members_is_refused(refused):
    content = tar_of(FILES.items())
    assert "end mark" in refused(content[:1024])


@pytest.mark.parametrize("ending", PACKERS)
def test_a_cut_single_file_leaves_nothing(tmp_path, ending):
    content = PACKERS[ending](os.urandom(5000))
    for size in (4, 100, len(content) // 2, len(content) - 1):
        (tmp_path / "x").write_bytes(content[:size])
        if archive_kind(tmp_path / "x") is None:
            continue  # nothing says that it was to be an archive
        with pytest.raises(DataError, match="broken or cut off"):
            unpack_file(tmp_path / "x", tmp_path / "y")
        assert not (tmp_path / "y").exists()


@pytest.mark.parametrize("name", all_archives())
def test_a_damaged_archive_is_refused(refused, name):
    content = bytearray(all_archives()[name])
    middle = len(content) // 2
    for at in range(middle, middle + 30):
        content[at] ^= 0xFF
    if name == "a.tar":  # which protects its headers only
        content[150:156] = b"999999"
    refused(bytes(content))


BAD_NAMES = [
    "../evil",
    "a/../../evil",
    "/etc/evil",
    "..",
    "a/..",
    "..\\evil",
    "C:evil",
    "C:\\evil",
    "a\nb",
    "a\x1b[2Jb",
    "",
]


@pytest.mark.parametrize("name", BAD_NAMES[:-1])  # tarfile writes no nameless file
def test_a_tar_member_stays_inside(refused, name):
    assert "outside the folder" in refused(tar_of([("fine", b"x"), (name, b"evil")]))


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_zip_member_stays_inside(refused, name):
    info = zipfile.ZipInfo("fine")
    info.filename = name
    assert "outside the folder" in refused(zip_of([("fine1", b"x"), (info, b"evil")]))


def test_a_zip_name_with_a_nul_is_refused(refused):
    content = zip_of([("evilXtxt", b"x")]).replace(b"evilXtxt", b"evil\0txt")
    assert "unusable name" in refused(content)


@pytest.mark.parametrize(
    ("kind", "link"),
    [
        (tarfile.SYMTYPE, "/etc"),
        (tarfile.SYMTYPE, "harmless"),
        (tarfile.LNKTYPE, "../../etc/passwd"),
        (tarfile.LNKTYPE, "README.md"),
        (tarfile.CHRTYPE, ""),
        (tarfile.BLKTYPE, ""),
        (tarfile.FIFOTYPE, ""),
    ],
)
def test_a_tar_holds_no_links_and_devices(refused, kind, link):
    info = tarfile.TarInfo("door")
    info.type, info.linkname = kind, link
    content = tar_of([("README.md", b"x"), (info, None), ("door/evil", b"evil")])
    assert "a link, a device or a sparse file" in refused(content)


def test_a_zip_holds_no_links(refused):
    info = zipfile.ZipInfo("door")
    info.external_attr = 0o120777 << 16
    assert "a link or a device" in refused(zip_of([(info, b"/etc")]))


def test_a_zip_that_is_encrypted_is_refused(refused):
    content = bytearray(zip_of([("secret", b"x")]))
    content[6] |= 1  # the local header
    content[content.index(b"PK\x01\x02") + 8] |= 1  # the directory
    assert "encrypted" in refused(bytes(content))


@pytest.mark.parametrize("make", [tar_of, zip_of])
@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
def test_a_name_occurs_once(refused, make):
    assert "twice" in refused(make([("a", b"first"), ("a", b"second")]))
    assert "twice" in refused(make([("a", b"first"), ("./a", b"second")]))


@pytest.mark.parametrize("make", [tar_of, zip_of])
def test_a_file_that_is_a_folder_too_is_refused(refused, make):
    refused(make([("a", b"file"), ("a/b", b"below it")]))


@pytest.mark.parametrize("make", [tar_of, zip_of])
def test_the_number_of_members_is_limited(refused, make, tmp_path):
    content = make([(f"f{n}", b"") for n in range(11)])
    limits = ArchiveLimits(max_members=10)
    assert "more than 10 members" in refused(content, limits=limits)
    (tmp_path / "a").write_bytes(make([(f"f{n}", b"") for n in range(10)]))
    assert len(unpack(tmp_path / "a", tmp_path / "out", limits)) == 10


BOMB = bytes(2**22)


@pytest.mark.parametrize(
    "content",
    [
        zip_of([("bomb", BOMB)]),
        zip_of([(f"bomb{n}", bytes(2**18)) for n in range(16)]),
        *[pack(tar_of([("bomb", BOMB)])) for pack in PACKERS.values()],
        *[pack(tar_of([(f"b{n}", bytes(2**18)) for n in range(16)])) for pack in PACKERS.values()],
    ],
)
def test_a_bomb_is_refused(refused, content):
    assert "unpacks to more than" in refused(content)


@pytest.mark.parametrize("pack", PACKERS.values())
def test_a_bomb_of_a_single_file_is_refused(tmp_path, pack):
    (tmp_path / "x").write_bytes(pack(BOMB))
    with pytest.raises(DataError, match="unpacks to more than"):
        unpack_file(tmp_path / "x", tmp_path / "y", SMALL)
    assert not (tmp_path / "y").exists()


def test_a_zip_that_lies_about_its_sizes_is_refused(refused):
    content = bytearray(zip_of([("bomb", BOMB)]))
    directory = content.index(b"PK\x01\x02")
    struct.pack_into("<I", content, directory + 24, 10)  # "10 bytes unpacked"
    refused(bytes(content))


def test_zips_whose_members_share_their_bytes_are_counted(refused):
    """Many directory entries that point to one packed member: the sum counts."""
    content = zip_of([("bomb0", bytes(2**18))])
    directory = content.index(b"PK\x01\x02")
    end = content.index(b"PK\x05\x06")
    entry = content[directory:end]
    many = 40
    entries = b"".join(entry.replace(b"bomb0", b"b%04d" % n) for n in range(many))
    local = content[:directory].replace(b"bomb0", b"b0000")
    tail = struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, many, many, len(entries), len(local), 0)
    refused(local + entries + tail)


def test_a_tar_that_asks_for_a_huge_header_is_refused(refused):
    info = tarfile.TarInfo("x")
    info.type, info.size = tarfile.XHDTYPE, 2**32
    assert "a header of" in refused(info.tobuf() + bytes(2048))


def test_a_tar_with_a_negative_size_is_refused(refused):
    block = bytearray(tarfile.TarInfo("x").tobuf(tarfile.GNU_FORMAT))
    block[124:136] = tarfile.itn(-1024, 12, tarfile.GNU_FORMAT)
    block[148:156] = b"        "
    block[148:156] = b"%06o\0 " % sum(block)
    refused(bytes(block) + bytes(2048))


def test_an_xz_that_asks_for_much_memory_is_refused(tmp_path):
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 2**29}]
    (tmp_path / "x").write_bytes(lzma.compress(b"x" * 100, filters=filters))
    with pytest.raises(DataError, match=r"[Mm]emory"):
        unpack_file(tmp_path / "x", tmp_path / "y")


@pytest.mark.parametrize(
    ("head", "kind"), [(b"Rar!\x1a\x07\x00", "RAR"), (b"7z\xbc\xaf\x27\x1c", "7z")]
)
def test_what_no_library_opens_says_what_does(refused, head, kind, tmp_path):
    message = refused(head + bytes(100))
    assert f"a {kind} archive" in message
    assert f"bsdtar -xf {tmp_path / 'in' / 'a'} -C {tmp_path / 'out'}" in message


@pytest.mark.parametrize("content", [b"", b"text\n", bytes(600)])
def test_what_is_no_archive_is_refused(refused, content):
    assert "got none by its content" in refused(content)


def test_a_folder_that_exists_is_left_alone(tmp_path):
    (tmp_path / "a").write_bytes(zip_of(FILES.items()))
    (tmp_path / "out").mkdir()
    with pytest.raises(DataError, match="out exists"):
        unpack(tmp_path / "a", tmp_path / "out")
    with pytest.raises(DataError, match=r"the folder .*nowhere does not exist"):
        unpack(tmp_path / "a", tmp_path / "nowhere" / "out")
    with pytest.raises(DataError, match="missing: cannot be read"):
        unpack(tmp_path / "missing", tmp_path / "new")
    assert list((tmp_path / "out").iterdir()) == []


def test_folders_of_an_archive_are_made(tmp_path):
    (tmp_path / "a.zip").write_bytes(zip_of([("d/", b""), ("d/f", b"x")]))
    folder = tarfile.TarInfo("d")
    folder.type = tarfile.DIRTYPE
    root = tarfile.TarInfo("./")
    root.type = tarfile.DIRTYPE
    (tmp_path / "a.tar").write_bytes(tar_of([(root, None), (folder, None), ("./d/f", b"x")]))
    for name in ("a.zip", "a.tar"):
        assert unpack(tmp_path / name, tmp_path / f"{name}.out") == (
            tmp_path / f"{name}.out" / "d" / "f",
        )


@given(st.text(alphabet="ab./\\:~ \0\n", max_size=8) | st.text(max_size=6))
def test_a_safe_path_lies_below_the_folder(name):
    path = safe_path(name)
    if path is not None:
        folder = Path("/some/folder")
        target = Path(os.path.normpath(folder / path))
        assert folder in target.parents
        assert safe_path(str(path)) == path


@pytest.mark.parametrize("name", ["a", "a/b.c", "NER dataset.csv", "é/ü", "..a", "a..", "~"])
def test_an_honest_name_is_safe(name):
    assert safe_path(name) == PurePosixPath(name)


@pytest.mark.parametrize(
    ("name", "kind"),
    [("a.zip", "zip"), ("a.tar", "tar"), ("a.tar.gz", "gzip"), ("a.tar.xz", "xz")],
)
def test_the_kind_is_that_of_the_content(tmp_path, name, kind):
    (tmp_path / "x").write_bytes(all_archives()[name])
    assert archive_kind(tmp_path / "x") is ArchiveKind(kind)


@pytest.mark.parametrize("wrong", [{"max_members": 0}, {"max_ratio": 0}, {"free_bytes": -1}])
def test_impossible_limits_are_refused(wrong):
    with pytest.raises(ConfigurationError, match=next(iter(wrong))):
        ArchiveLimits(**wrong)


def test_the_budget_follows_size_ratio_and_limit():
    limits = ArchiveLimits(max_bytes=1000, max_ratio=10, free_bytes=100)
    assert [limits.budget(size) for size in (0, 5, 50, 500)] == [100, 100, 500, 1000]


@given(st.binary(max_size=300), st.lists(st.integers(1, 100), max_size=8), st.integers(1, 3))
def test_an_xz_stream_gives_what_lzma_gives(content, sizes, copies):
    packed = lzma.compress(content) * copies + bytes(4)
    stream, plain = XzStream(io.BytesIO(packed)), io.BytesIO(content * copies)
    for size in sizes:
        assert stream.read(size) == plain.read(size)
    assert b"".join(chunks(stream)) == plain.read()


@given(st.binary(max_size=100), st.integers(0, 110), st.lists(st.integers(0, 60), max_size=6))
def test_a_bounded_stream_gives_all_or_refuses(content, limit, sizes):
    stream, plain = BoundedStream(io.BytesIO(content), limit, "x"), io.BytesIO(content)
    try:
        for size in sizes:
            assert stream.read(size) == plain.read(size)
        assert b"".join(chunks(stream)) == plain.read()
    except DataError:
        assert len(content) > limit
    else:
        assert len(content) <= limit


@given(st.binary(max_size=80), st.lists(st.tuples(st.booleans(), st.integers(0, 20)), max_size=9))
def test_a_tar_source_is_a_file_that_goes_forward(content, steps):
    source, plain = TarSource(io.BytesIO(content)), io.BytesIO(content)
    for reads, size in steps:
        if reads:
            assert source.read(min(size, len(content) - plain.tell())) == plain.read(size)
        else:
            position = min(plain.tell() + size, len(content))
            assert source.seek(position) == plain.seek(position)
        assert source.tell() == plain.tell()
        if size % 2 and plain.tell():  # one byte back, as tarfile does
            assert source.seek(plain.tell() - 1) == plain.tell() - 1
            assert source.read(1) == content[plain.tell() - 1 : plain.tell()]


def test_a_tar_source_goes_no_further_back():
    source = TarSource(io.BytesIO(b"abcdef"))
    source.read(4)
    with pytest.raises(ValueError, match="backwards"):
        source.seek(2)
    assert b"".join(source.read(10) for _ in range(5)) == b"ef"
    with pytest.raises(EOFError, match="ends inside"):
        source.read(10)
