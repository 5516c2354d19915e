from __future__ import annotations

import gzip
import hashlib
import io
import json
import lzma
import os
import tarfile
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ossamma.data.catalog import CardFile, DatasetCard, Kind, Redistribution, Split, load_catalog
from ossamma.data.checksum import git_blob_sha1
from ossamma.data.download import Downloader, DownloadSettings
from ossamma.data.fetch import FetchReport, fetch
from ossamma.data.fetch_record import RecordedFile, read_record, write_record
from ossamma.data.locations import Origin, Shelf, locate
from ossamma.schema.errors import DataError, OssammaError
from tests.data.file_server import broken, partly, reply, serving, whole

TRAIN = b"Ada B-PER\nsings O\n\n" * 400
TEST = b"Bob B-PER\n\n"
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def pinned(path: str, content: bytes, **more) -> CardFile:
    return CardFile(path=path, sha256=sha256(content), num_bytes=len(content), **more)


def make_card(*files: CardFile, **more) -> DatasetCard:
    fields = {
        "name": "small",
        "title": "A small data set",
        "kind": Kind.ANNOTATED,
        "homepage": "",
        "licence": "CC0-1.0",
        "redistributable": Redistribution.YES,
        "files": files,
        "advice": "ask its owner" if more.get("local") else "",
    }
    return DatasetCard(**fields | more)


CARD = make_card(
    pinned("data/train.txt", TRAIN, split=Split.TRAIN),
    pinned("test.txt", TEST, split=Split.TEST, mirror="elsewhere/t.txt"),
)


@pytest.fixture(scope="module")
def shared_server():
    with serving() as server:
        yield server


@pytest.fixture
def server(shared_server):
    shared_server.script.clear()
    shared_server.requests.clear()
    return shared_server


@pytest.fixture(scope="module")
def client():
    options = DownloadSettings(use_environment=False, attempts=2)
    with Downloader(options, sleep=lambda _: None, now=lambda: NOON) as downloader:
        yield downloader


@pytest.fixture
def mirror(tmp_path):
    folder = tmp_path / "mirror"
    put(folder / "small/data/train.txt", TRAIN)
    put(folder / "small/elsewhere/t.txt", TEST)
    return folder


@pytest.fixture
def data(tmp_path):
    return tmp_path / "data"


def put(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder but the record."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "fetched.json"
    }


def origins(report: FetchReport) -> list[Origin]:
    return [file.origin for file in report.files]


def test_files_come_from_a_mirror(mirror, data):
    report = fetch(CARD, data, client=None, mirror=mirror)
    assert tree(data) == {"small/data/train.txt": TRAIN, "small/test.txt": TEST}
    assert origins(report) == [Origin.MIRROR, Origin.MIRROR]
    assert [file.path for file in report.files] == ["data/train.txt", "test.txt"]
    assert report.folder == data / "small"
    assert report.missing == ()
    assert all(file.pinned and file.target.is_file() for file in report.files)
    assert [file.sha256 for file in report.files] == [sha256(TRAIN), sha256(TEST)]


@pytest.mark.parametrize(
    ("ending", "pack"), [(".xz", lzma.compress), (".gz", gzip.compress), (".xz", gzip.compress)]
)
def test_packed_files_of_a_mirror_are_unpacked(mirror, data, ending, pack):
    (mirror / "small/data/train.txt").unlink()
    put(mirror / f"small/data/train.txt{ending}", pack(TRAIN))
    fetch(CARD, data, client=None, mirror=mirror)
    assert tree(data)["small/data/train.txt"] == TRAIN


@pytest.mark.parametrize("top", ["small/", ""])
@pytest.mark.parametrize("mode", ["w:xz", "w:gz", "w"])
def test_a_mirror_may_be_one_tar(tmp_path, data, top, mode):
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    ending = mode.partition(":")[2]
    with tarfile.open(mirror / f"small.tar{'.' * bool(ending)}{ending}", mode) as tar:
        for name, content in (("data/train.txt", TRAIN), ("elsewhere/t.txt", TEST)):
            info = tarfile.TarInfo(top + name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    assert set(locate(CARD, [mirror]).packed) == {"data/train.txt", "test.txt"}
    fetch(CARD, data, client=None, mirror=mirror)
    assert tree(data) == {"small/data/train.txt": TRAIN, "small/test.txt": TEST}


def test_what_is_there_is_not_fetched_again(mirror, data, tmp_path):
    fetch(CARD, data, client=None, mirror=mirror)
    record = (data / "small/fetched.json").read_bytes()
    empty = tmp_path / "empty"
    empty.mkdir()
    report = fetch(CARD, data, client=None, mirror=empty)
    assert origins(report) == [Origin.PRESENT, Origin.PRESENT]
    assert (data / "small/fetched.json").read_bytes() == record


def test_a_damaged_file_is_replaced(mirror, data):
    fetch(CARD, data, client=None, mirror=mirror)
    (data / "small/test.txt").write_bytes(TEST.swapcase())
    report = fetch(CARD, data, client=None, mirror=mirror)
    assert origins(report) == [Origin.PRESENT, Origin.MIRROR]
    assert tree(data)["small/test.txt"] == TEST


def test_a_damaged_file_without_another_is_reported(mirror, data):
    fetch(CARD, data, client=None, mirror=mirror)
    (data / "small/test.txt").write_bytes(TEST + b"\n")
    report = fetch(CARD, data, client=None)
    assert [lost.path for lost in report.missing] == ["test.txt"]
    assert f"expected {len(TEST)} bytes, got {len(TEST) + 1}" in report.missing[0].reason


@pytest.mark.parametrize("size", [0, 1])
def test_a_wrong_file_of_a_mirror_is_refused(mirror, data, size):
    put(mirror / "small/data/train.txt", TRAIN.swapcase() + b"x" * size)
    with pytest.raises(DataError, match=r"refused as data/train\.txt of data set small: expected"):
        fetch(CARD, data, client=None, mirror=mirror)
    assert not data.exists() or tree(data) == {}


def test_a_git_blob_id_is_enough(mirror, data, tmp_path):
    blob = git_blob_sha1(put(tmp_path / "x", TRAIN))
    card = make_card(CardFile(path="data/train.txt", git_blob_sha1=blob, url="https://x.org/"))
    assert fetch(card, data, client=None, mirror=mirror).files[0].pinned
    put(mirror / "small/data/train.txt", TEST)
    with pytest.raises(DataError, match=f"expected git blob {blob}"):
        fetch(card, tmp_path / "other", client=None, mirror=mirror)


def test_files_come_over_the_network(server, client, data):
    card = make_card(
        pinned("a/train.txt", TRAIN, url=server.url("/train")),
        CardFile(path="test.txt", url=server.url("/test")),
    )
    server.answers(broken(TRAIN, 100), partly(TRAIN), path="/train")
    server.answers(whole(TEST), path="/test")
    report = fetch(card, data, client=client)
    assert origins(report) == [Origin.URL, Origin.URL]
    assert [file.pinned for file in report.files] == [True, False]
    assert json.loads((data / "small/fetched.json").read_text()) == {
        "version": 1,
        "dataset": "small",
        "files": {
            "a/train.txt": {
                "origin": "url",
                "url": server.url("/train"),
                "sha256": sha256(TRAIN),
                "bytes": len(TRAIN),
                "when": "2026-11-22T12:00:00+00:00",
            },
            "test.txt": {
                "origin": "url",
                "url": server.url("/test"),
                "sha256": sha256(TEST),
                "bytes": len(TEST),
                "when": "2026-11-22T12:00:00+00:00",
            },
        },
    }
    assert tree(data) == {"small/a/train.txt": TRAIN, "small/test.txt": TEST}


def test_a_mirror_comes_before_the_network(server, client, mirror, data):
    card = make_card(pinned("data/train.txt", TRAIN, url=server.answers(whole(TRAIN))))
    fetch(card, data, client=client, mirror=mirror)
    assert server.requests == []


def test_an_unpinned_file_is_fetched_once_and_watched(server, client, data):
    card = make_card(CardFile(path="f", url=server.answers(whole(b"old"), whole(b"new"))))
    assert origins(fetch(card, data, client=client)) == [Origin.URL]
    assert origins(fetch(card, data, client=client)) == [Origin.PRESENT]
    (data / "small/f").write_bytes(b"changed")
    assert origins(fetch(card, data, client=client)) == [Origin.URL]
    assert tree(data) == {"small/f": b"new"}
    (data / "small/f").write_bytes(b"changed")
    with pytest.raises(DataError, match="as it was fetched, got"):
        fetch(card, data, client=None)


def test_a_failure_keeps_and_records_what_came_before(server, client, data):
    card = make_card(
        pinned("good", TEST, url=server.answers(whole(TEST), path="/good")),
        pinned("bad", TRAIN, url=server.answers(reply(404), path="/bad")),
    )
    with pytest.raises(DataError, match="404"):
        fetch(card, data, client=client)
    assert set(read_record(data / "small")) == {"good"}
    assert tree(data) == {"small/good": TEST}


def test_without_network_and_mirror_it_says_so(data):
    card = make_card(pinned("a", TEST, url="https://example.org/a"))
    with pytest.raises(DataError, match="a is in no folder given, and downloading is switched off"):
        fetch(card, data, client=None)
    assert not (data / "small").exists()


def test_a_file_without_address_names_its_place_in_a_mirror(data, mirror, tmp_path):
    with pytest.raises(DataError, match=r"a mirror would have it at small/elsewhere/t\.txt"):
        fetch(CARD, data, client=None)
    (mirror / "small/elsewhere/t.txt").unlink()
    report = fetch(CARD, data, client=None, mirror=mirror)
    assert [lost.path for lost in report.missing] == ["test.txt"]
    with pytest.raises(DataError, match="nowhere: it is not a folder"):
        fetch(CARD, data, client=None, mirror=tmp_path / "nowhere")


def test_a_card_without_files_gives_its_advice(data):
    with pytest.raises(DataError, match="no files that could be fetched: ask its owner"):
        fetch(make_card(advice="ask its owner"), data, client=None)


# A licensed release: a folder of the user, in any order.

LICENSED = make_card(
    pinned("corpus/eng.train", TRAIN, split=Split.TRAIN),
    pinned("corpus/eng.test", TEST, split=Split.TEST),
    local=True,
)
PATTERNS = make_card(
    CardFile(path="data/train/**/*.gold_conll", split=Split.TRAIN),
    CardFile(path="data/test/**/*.gold_conll", split=Split.TEST),
    local=True,
)


def test_a_licensed_set_is_not_downloaded(client, data):
    with pytest.raises(DataError, match="is not downloaded by programs: ask its owner"):
        fetch(LICENSED, data, client=client)


@pytest.mark.parametrize("layout", ["corpus/eng.{}", "eng.{}", "eng.{}.xz"])
def test_a_licensed_set_comes_from_a_folder(data, tmp_path, layout):
    for name, content in (("train", TRAIN), ("test", TEST)):
        pack = lzma.compress if layout.endswith(".xz") else bytes
        put(tmp_path / "ldc" / layout.format(name), pack(content))
    report = fetch(LICENSED, data, client=None, source=tmp_path / "ldc")
    assert origins(report) == [Origin.LOCAL, Origin.LOCAL]
    assert tree(data) == {"small/corpus/eng.train": TRAIN, "small/corpus/eng.test": TEST}


def test_a_pattern_takes_every_file_that_fits(data, tmp_path):
    ldc = tmp_path / "ldc"
    names = ["data/train/nw/a/1.gold_conll", "data/train/bc/2.gold_conll", "data/test/3.gold_conll"]
    for name in [*names, "data/train/nw/a/1.gold_skel", "data/other/4.gold_conll"]:
        put(ldc / name, name.encode())
    report = fetch(PATTERNS, data, client=None, source=ldc)
    assert sorted(file.path for file in report.files) == sorted(names)
    assert tree(data) == {f"small/{name}": name.encode() for name in names}
    place = locate(PATTERNS, [data])
    assert set(place.found) == set(names)
    assert {split: len(paths) for split, paths in place.splits.items()} == {
        Split.TRAIN: 2,
        Split.TEST: 1,
    }
    again = fetch(PATTERNS, data, client=None)
    assert set(origins(again)) == {Origin.PRESENT}


def test_files_that_a_user_put_there_are_kept(data):
    put(data / "small/data/train/x.gold_conll", TRAIN)
    report = fetch(PATTERNS, data, client=None)
    assert origins(report) == [Origin.PRESENT]
    assert [lost.path for lost in report.missing] == ["data/test/**/*.gold_conll"]
    assert set(read_record(data / "small")) == {"data/train/x.gold_conll"}


# Files out of archives.


def zip_of(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def archived(content: bytes, url: str | None, name="all.zip", **more) -> DatasetCard:
    return make_card(
        pinned(name, content, url=url),
        pinned("train.txt", TRAIN, archive=name, member="inner"),
        pinned("test.txt", TEST, archive=name, member="other"),
        **more,
    )


def test_members_come_out_of_a_downloaded_archive(server, client, data):
    content = zip_of(inner=TRAIN, other=TEST)
    card = archived(content, server.answers(whole(content)))
    report = fetch(card, data, client=client)
    assert origins(report) == [Origin.URL, Origin.ARCHIVE, Origin.ARCHIVE]
    files = {"small/all.zip": content, "small/train.txt": TRAIN, "small/test.txt": TEST}
    assert tree(data) == files
    (data / "small/train.txt").unlink()
    assert set(origins(fetch(card, data, client=None))) == {Origin.PRESENT, Origin.ARCHIVE}
    assert tree(data) == files


def test_an_archive_is_not_needed_where_its_members_are(tmp_path, data):
    mirror = tmp_path / "mirror"
    put(mirror / "small/train.txt", TRAIN)
    put(mirror / "small/test.txt", TEST)
    report = fetch(archived(b"", "https://example.org/"), data, client=None, mirror=mirror)
    assert origins(report) == [Origin.MIRROR, Origin.MIRROR]
    assert report.missing == ()


def test_members_of_an_absent_archive_are_missing(tmp_path, data):
    put(tmp_path / "mirror/small/train.txt", TRAIN)
    card = archived(b"", "https://example.org/")
    report = fetch(card, data, client=None, mirror=tmp_path / "mirror")
    assert {lost.path: "switched off" in lost.reason for lost in report.missing} == {
        "all.zip": True,
        "test.txt": False,
    }


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"inner": TRAIN}, "expected the member 'other', which is not in it"),
        ({"inner": TRAIN, "other": TRAIN}, "refused as test.txt"),
        ({"inner": TRAIN, "other": TEST, "../evil": b"x"}, "outside the folder"),
    ],
)
def test_a_wrong_archive_is_refused(server, client, data, members, message):
    content = zip_of(**members)
    with pytest.raises(DataError, match=message):
        fetch(archived(content, server.answers(whole(content))), data, client=client)
    assert not list(data.rglob(".fetching-*"))
    assert set(tree(data)) <= {"small/all.zip", "small/train.txt"}


def test_a_rar_says_what_to_do_and_then_it_works(server, client, data):
    content = b"Rar!\x1a\x07\x00" + bytes(100)
    card = archived(content, server.answers(whole(content)), "all.rar")
    folder = data / "small"
    with pytest.raises(DataError, match="bsdtar -xf") as caught:
        fetch(card, data, client=client)
    assert f"bsdtar -xf {folder / 'all.rar'} -C {folder}" in str(caught.value)
    put(folder / "train.txt", TRAIN)
    put(folder / "test.txt", TEST)
    assert set(origins(fetch(card, data, client=client))) == {Origin.PRESENT}
    assert len(server.requests) == 1


def test_a_file_that_is_only_compressed_is_unpacked(server, client, data):
    packed = gzip.compress(TRAIN)
    card = make_card(
        pinned("f.txt.gz", packed, url=server.answers(whole(packed))),
        pinned("f.txt", TRAIN, archive="f.txt.gz", member="f.txt"),
    )
    fetch(card, data, client=client)
    assert tree(data) == {"small/f.txt.gz": packed, "small/f.txt": TRAIN}


def test_progress_is_told_of_every_byte(mirror, data):
    told: dict[str, int] = {}

    class Books:
        def begin(self, name: str, total: int | None) -> None:
            told[name] = -(total or 0)
            self.name = name

        def advance(self, num_bytes: int) -> None:
            told[self.name] += num_bytes

    fetch(CARD, data, client=None, mirror=mirror, progress=Books())
    assert told == {"data/train.txt": 0, "test.txt": 0}


# Where files are at hand.


def test_locate_prefers_the_first_root_and_plain_files(mirror, data, tmp_path):
    fetch(CARD, data, client=None, mirror=mirror)
    assert locate(CARD, [data, mirror]).found["test.txt"] == data / "small/test.txt"
    assert locate(CARD, [mirror, data]).found["test.txt"] == mirror / "small/elsewhere/t.txt"
    packed = tmp_path / "packed"
    put(packed / "small/data/train.txt.xz", b"")
    place = locate(CARD, [packed])
    assert place.found == {}
    assert place.packed == {"data/train.txt": packed / "small/data/train.txt.xz"}
    assert place.missing == ("test.txt",)
    place = locate(CARD, [packed, mirror])
    assert place.splits == {
        Split.TRAIN: (mirror / "small/data/train.txt",),
        Split.TEST: (mirror / "small/elsewhere/t.txt",),
    }
    assert place.packed == {}
    assert locate(CARD, []).missing == ("data/train.txt", "test.txt")


def test_what_is_fetched_is_never_packed(data):
    put(data / "small/test.txt.xz", lzma.compress(TEST))
    shelf = Shelf(folder=data / "small", origin=Origin.PRESENT)
    assert shelf.find(CARD.files[1]) is None


# The record.


def test_a_record_round_trips(tmp_path):
    files = [
        RecordedFile(path=p, origin="url", url=u, sha256="a" * 64, num_bytes=3, when="2026")
        for p, u in (("b/ü", None), ("a", "https://example.org"))
    ]
    write_record(tmp_path, "small", files)
    assert read_record(tmp_path) == {file.path: file for file in files}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        "{}",
        '{"version": 2, "files": {"a": {}}}',
        '{"version": 1, "files": []}',
        '{"version": 1, "files": {"a": 3}}',
        "\x00",
        "[" * 10_000,
    ],
)
def test_a_damaged_record_is_an_empty_one(tmp_path, text):
    (tmp_path / "fetched.json").write_text(text)
    assert read_record(tmp_path) == {}


@pytest.mark.data
def test_every_card_is_fetched_from_the_real_mirror_or_says_why_not(tmp_path):
    mirror = Path(os.environ["OSSAMMA_MIRROR"])
    for card in load_catalog().values():
        if card.kind is Kind.TEXT:
            continue  # hundreds of megabytes; their hashes are tested with the catalog
        place = locate(card, [mirror])
        if not place.found and not place.packed:
            with pytest.raises(OssammaError):
                fetch(card, tmp_path, client=None, mirror=mirror)
            continue
        report = fetch(card, tmp_path, client=None, mirror=mirror)
        assert {file.path for file in report.files} == place.found.keys() | place.packed.keys()
        assert all(file.pinned for file in report.files)
