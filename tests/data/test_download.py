from __future__ import annotations

import hashlib
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ossamma.data.checksum import Digest, Expected, digest_of, git_blob_sha1
from ossamma.data.download import Downloader, DownloadSettings, may_redirect
from ossamma.schema.errors import ConfigurationError, DataError
from tests.data.file_server import broken, endless, partly, reply, serving, whole

CONTENT = b"".join(hashlib.sha256(bytes([n])).digest() for n in range(256)) * 16  # 128 KiB
SHA256 = hashlib.sha256(CONTENT).hexdigest()
PINNED = Expected(sha256=SHA256)
MAX_CUTS = 4
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def shared_server():
    with serving() as server:
        yield server


@pytest.fixture
def server(shared_server):
    shared_server.script.clear()
    shared_server.requests.clear()
    return shared_server


class Pauses(list):
    """A clock that stands still and remembers how long it was asked to sleep."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


class Watcher:
    """A progress that keeps its books."""

    def __init__(self) -> None:
        self.begun: list[tuple[str, int | None]] = []
        self.num_bytes = 0

    def begin(self, name: str, total: int | None) -> None:
        self.begun.append((name, total))
        self.num_bytes = 0

    def advance(self, num_bytes: int) -> None:
        self.num_bytes += num_bytes


@pytest.fixture(scope="module")
def shared_client():
    """Making a client reads all certificates of the machine: once will do."""
    pauses = Pauses()
    options = DownloadSettings(use_environment=False, attempts=3, read_seconds=20)
    with Downloader(options, sleep=pauses, now=lambda: NOON) as downloader:
        yield downloader, pauses


@pytest.fixture
def pauses(shared_client):
    shared_client[1].clear()
    return shared_client[1]


@pytest.fixture
def client(shared_client, pauses):
    return shared_client[0]


@pytest.fixture
def target(tmp_path):
    return tmp_path / "file.txt"


def hidden(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name.startswith("."))


def test_a_file_arrives_whole_and_checked(server, client, target):
    watcher = Watcher()
    digest = client.download(
        server.answers(whole(CONTENT)), target, expected=PINNED, progress=watcher
    )
    assert target.read_bytes() == CONTENT
    assert (digest.sha256, digest.num_bytes) == (SHA256, len(CONTENT))
    assert watcher.begun == [("file.txt", len(CONTENT))]
    assert watcher.num_bytes == len(CONTENT)
    assert hidden(target.parent) == []
    assert server.requests[0][1]["accept-encoding"] == "identity"


@pytest.mark.parametrize("content", [b"", b"x", CONTENT])
def test_a_file_of_any_size_without_a_known_checksum(server, client, target, content):
    digest = client.download(server.answers(whole(content)), target, expected=Expected())
    assert target.read_bytes() == content
    assert digest.sha256 == hashlib.sha256(content).hexdigest()


def test_a_body_without_a_length_arrives(server, client, target):
    client.download(server.answers(reply(200, CONTENT)), target, expected=PINNED)
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize("after", [0, 1, 70_000, len(CONTENT) - 1])
def test_a_broken_transfer_is_continued_where_it_broke(server, client, target, pauses, after):
    url = server.answers(broken(CONTENT, after, ETag='"1"'), partly(CONTENT))
    watcher = Watcher()
    client.download(url, target, expected=Expected(), progress=watcher)
    assert target.read_bytes() == CONTENT
    assert server.ranges() == [None, f"bytes={after}-" if after else None]
    assert watcher.num_bytes == len(CONTENT)
    assert list(pauses) == [1.0]
    assert hidden(target.parent) == []


def test_the_next_call_continues_what_the_last_one_left(server, client, target):
    url = server.answers(broken(CONTENT, 1000, ETag='"1"'), reply(503))
    with pytest.raises(DataError, match=r"503 .*\(3 attempts\); the first 1000 bytes are kept"):
        client.download(url, target, expected=Expected())
    assert not target.exists()
    server.answers(partly(CONTENT))
    client.download(url, target, expected=Expected())
    assert target.read_bytes() == CONTENT
    assert server.ranges()[-1] == "bytes=1000-"
    assert server.requests[-1][1]["if-range"] == '"1"'


def test_a_changed_file_is_fetched_from_its_beginning(server, client, target):
    old = bytes(len(CONTENT))
    url = server.answers(broken(old, 1000, ETag='"old"'), partly(CONTENT, '"new"'))
    client.download(url, target, expected=Expected())
    assert target.read_bytes() == CONTENT


def test_a_server_that_continues_another_file_is_not_believed(server, client, target):
    rest = CONTENT[1000:]
    lie = reply(
        206,
        rest,
        Content_Length=len(rest),
        Content_Range=f"bytes 1000-{len(CONTENT) - 1}/{len(CONTENT)}",
        ETag='"new"',
    )
    url = server.answers(broken(bytes(len(CONTENT)), 1000, ETag='"old"'), lie, whole(CONTENT))
    client.download(url, target, expected=Expected())
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize("start", [0, 999, 1001])
def test_a_server_that_continues_elsewhere_is_not_believed(server, client, target, start):
    lie = reply(206, CONTENT[start:], Content_Range=f"bytes {start}-{len(CONTENT) - 1}/*")
    url = server.answers(broken(CONTENT, 1000, ETag='"1"'), lie, whole(CONTENT))
    client.download(url, target, expected=Expected())
    assert target.read_bytes() == CONTENT


def test_a_server_without_ranges_starts_over(server, client, target):
    url = server.answers(broken(CONTENT, 1000, ETag='"1"'), whole(CONTENT))
    watcher = Watcher()
    client.download(url, target, expected=PINNED, progress=watcher)
    assert target.read_bytes() == CONTENT
    assert watcher.num_bytes == len(CONTENT)


def test_without_etag_and_checksum_nothing_is_continued(server, client, target):
    url = server.answers(broken(CONTENT, 1000, ETag='W/"weak"'), partly(CONTENT, None))
    client.download(url, target, expected=Expected())
    assert server.ranges() == [None, None]


def test_with_a_checksum_it_is_continued_without_etag(server, client, target):
    url = server.answers(broken(CONTENT, 1000), partly(CONTENT, None))
    client.download(url, target, expected=PINNED)
    assert server.ranges() == [None, "bytes=1000-"]
    assert target.read_bytes() == CONTENT


def test_a_bad_beginning_that_was_kept_is_fetched_anew(server, client, target):
    url = server.answers(broken(bytes(len(CONTENT)), 1000), partly(CONTENT, None))
    client.download(url, target, expected=PINNED)
    assert target.read_bytes() == CONTENT
    assert server.ranges() == [None, "bytes=1000-", None]


def test_a_part_beyond_the_end_is_given_up(server, client, target):
    target.with_name(".file.txt.part").write_bytes(CONTENT + b"more")
    client.download(server.answers(partly(CONTENT, None)), target, expected=PINNED)
    assert target.read_bytes() == CONTENT


def test_a_part_of_full_length_needs_no_request(server, client, target):
    target.with_name(".file.txt.part").write_bytes(CONTENT)
    expected = Expected(sha256=SHA256, num_bytes=len(CONTENT))
    client.download(server.answers(reply(500)), target, expected=expected)
    assert target.read_bytes() == CONTENT
    assert server.requests == []


def test_a_damaged_memory_of_a_part_is_forgotten(server, client, target):
    target.with_name(".file.txt.part").write_bytes(b"junk")
    target.with_name(".file.txt.part.json").write_text("[1")
    client.download(server.answers(partly(CONTENT)), target, expected=Expected())
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("expected", "message"),
    [
        (Expected(sha256="0" * 64), f"expected SHA-256 {'0' * 64}, got {SHA256}"),
        (Expected(git_blob_sha1="0" * 40), f"expected git blob {'0' * 40}, got [0-9a-f]{{40}}"),
        (Expected(num_bytes=7), f"expected 7 bytes, the server has {len(CONTENT)}"),
        (Expected(num_bytes=2**20), f"expected {2**20} bytes, the server has {len(CONTENT)}"),
    ],
)
def test_a_wrong_file_is_refused_and_removed(server, client, target, expected, message):
    target.write_bytes(b"the old one")
    url = server.answers(whole(CONTENT))
    with pytest.raises(DataError, match=message) as caught:
        client.download(url, target, expected=expected)
    assert url in str(caught.value)
    assert len(server.requests) == 1, "a wrong file does not become right by asking again"
    assert target.read_bytes() == b"the old one"
    assert hidden(target.parent) == []


def test_a_wrong_size_of_a_body_without_length_is_refused(server, client, target):
    for size, message in ((len(CONTENT) - 1, "longer than"), (len(CONTENT) + 1, "expected 13107")):
        with pytest.raises(DataError, match=message):
            client.download(
                server.answers(reply(200, CONTENT)), target, expected=Expected(num_bytes=size)
            )
        assert list(target.parent.iterdir()) == []


def test_a_length_that_is_too_short_is_found_out(server, client, target):
    with pytest.raises(DataError, match="expected SHA-256"):
        client.download(
            server.answers(reply(200, CONTENT, Content_Length=100)), target, expected=PINNED
        )
    assert list(target.parent.iterdir()) == []


def test_an_endless_body_ends_at_the_limit(server, pauses, target):
    options = DownloadSettings(use_environment=False, max_bytes=10**6)
    with Downloader(options, sleep=pauses) as client:
        with pytest.raises(DataError, match="longer than 1000000 bytes"):
            client.download(server.answers(endless()), target, expected=Expected())
        with pytest.raises(DataError, match="1000001 bytes, more than the limit of 1000000"):
            client.download(
                server.answers(reply(200, b"", Content_Length=10**6 + 1)),
                target,
                expected=Expected(),
            )
    assert list(target.parent.iterdir()) == []


def test_a_dripping_body_ends_at_the_time_limit(server, pauses, target):
    over = threading.Event()

    def drip(handler):
        handler.send_response(200)
        handler.end_headers()
        while not over.is_set():
            handler.wfile.write(b".")
            time.sleep(0.01)

    options = DownloadSettings(use_environment=False, file_seconds=0.2)
    try:
        with (
            Downloader(options, sleep=pauses) as client,
            pytest.raises(DataError, match="not there after 0 seconds"),
        ):
            client.download(server.answers(drip), target, expected=Expected())
    finally:
        over.set()
    assert not target.exists()


def test_a_silent_server_is_left(server, pauses, target):
    over = threading.Event()
    options = DownloadSettings(use_environment=False, read_seconds=0.1, attempts=2)
    try:
        with (
            Downloader(options, sleep=pauses) as client,
            pytest.raises(DataError, match=r"timed out \(2 attempts\)"),
        ):
            client.download(server.answers(lambda _: over.wait(20)), target, expected=Expected())
    finally:
        over.set()
    assert list(pauses) == [1.0]


def test_pauses_double_up_to_the_longest(server, pauses, target):
    options = DownloadSettings(use_environment=False, attempts=6, max_wait_seconds=5)
    with (
        Downloader(options, sleep=pauses) as client,
        pytest.raises(DataError, match=r"500 .*6 attempts"),
    ):
        client.download(server.answers(reply(500)), target, expected=Expected())
    assert list(pauses) == [1, 2, 4, 5, 5]
    assert len(server.requests) == 6


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        ("Sun, 22 Nov 2026 12:00:30 GMT", 30.0),
        ("Sun, 22 Nov 2026 11:00:00 GMT", 1.0),
        ("soon", 1.0),
        ("-3", 1.0),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_a_server_says_how_long_to_wait(server, client, target, pauses, value, seconds, status):
    url = server.answers(reply(status, Retry_After=value, Content_Length=0), whole(CONTENT))
    client.download(url, target, expected=PINNED)
    assert list(pauses) == [seconds]
    assert target.read_bytes() == CONTENT


def test_a_server_that_asks_for_hours_ends_the_download(server, client, target, pauses):
    with pytest.raises(DataError, match="asks to wait 7200 seconds"):
        client.download(server.answers(reply(503, Retry_After="7200")), target, expected=Expected())
    assert list(pauses) == []


@pytest.mark.parametrize("status", [204, 304, 400, 401, 403, 404, 410, 501])
def test_a_refusal_is_final(server, client, target, status):
    with pytest.raises(DataError, match=f"the server answers {status}"):
        client.download(server.answers(reply(status)), target, expected=Expected())
    assert len(server.requests) == 1
    assert list(target.parent.iterdir()) == []


def test_nobody_listens(client, target, pauses):
    with serving() as gone:
        url = gone.url()
    with pytest.raises(DataError, match=r"refused.*\(3 attempts\).*--mirror.*--offline"):
        client.download(url, target, expected=Expected())
    assert list(pauses) == [1.0, 2.0]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_followed(server, client, target, status):
    server.answers(whole(CONTENT), path="/there")
    client.download(server.answers(reply(status, Location="/there")), target, expected=PINNED)
    assert target.read_bytes() == CONTENT


def test_a_continued_transfer_keeps_its_range_over_a_redirect(server, client, target):
    server.answers(broken(CONTENT, 1000, ETag='"1"'), partly(CONTENT), path="/there")
    client.download(server.answers(reply(302, Location="/there")), target, expected=Expected())
    assert target.read_bytes() == CONTENT
    assert server.ranges()[-1] == "bytes=1000-"


@pytest.mark.parametrize(
    "place",
    [
        "http://192.0.2.1/file",
        "http://localhost.example.org/file",
        "ftp://127.0.0.1/file",
        "file:///etc/passwd",
    ],
)
def test_a_redirect_to_an_unsafe_address_is_refused(server, client, target, place):
    with pytest.raises(DataError, match="which is not https"):
        client.download(server.answers(reply(302, Location=place)), target, expected=Expected())
    assert list(target.parent.iterdir()) == []


@pytest.mark.parametrize(
    ("origin", "target", "good"),
    [
        ("https://a.org/x", "https://b.org/y", True),
        ("https://a.org/x", "http://a.org/x", False),
        ("https://a.org/x", "http://127.0.0.1/x", False),
        ("http://127.0.0.1/x", "http://localhost/y", True),
        ("http://127.0.0.1/x", "https://a.org/y", True),
        ("http://127.0.0.1/x", "http://a.org/y", False),
    ],
)
def test_a_redirect_never_leaves_https(origin, target, good):
    assert may_redirect(origin, target) is good


def test_redirects_in_a_circle_end(server, client, target):
    with pytest.raises(DataError, match="more than 5 redirects"):
        client.download(server.answers(reply(302, Location="/file")), target, expected=Expected())
    assert len(server.requests) == 6


@pytest.mark.parametrize(
    "url", ["http://192.0.2.1/x", "ftp://127.0.0.1/x", "/etc/passwd", "https://", "http://[::1/x"]
)
def test_an_unsafe_address_is_refused(client, target, url):
    with pytest.raises(DataError, match="https://"):
        client.download(url, target, expected=Expected())


def test_a_packed_answer_is_refused(server, client, target):
    url = server.answers(whole(CONTENT, Content_Encoding="gzip"))
    with pytest.raises(DataError, match="packs the file although it was asked not to"):
        client.download(url, target, expected=PINNED)


def test_a_folder_that_is_not_there_is_named(server, client, target):
    with pytest.raises(DataError, match=r"cannot write .*nowhere"):
        client.download(
            server.answers(whole(CONTENT)), target.parent / "nowhere" / "f", expected=PINNED
        )


@pytest.fixture(scope="module")
def patient():
    """Each cut costs an attempt, and so does a part that ends exactly where the file does."""
    options = DownloadSettings(use_environment=False, attempts=2 * MAX_CUTS + 2)
    with Downloader(options, sleep=Pauses()) as downloader:
        yield downloader


@settings(max_examples=40)
@given(
    content=st.binary(max_size=3000),
    cuts=st.lists(st.integers(0, 3000), max_size=MAX_CUTS),
    etag=st.sampled_from([None, '"1"', 'W/"1"']),
    pinned=st.booleans(),
)
def test_however_often_it_breaks_the_file_is_right(
    tmp_path_factory, shared_server, patient, content, cuts, etag, pinned
):
    """A law of resuming: whatever was kept, what arrives is the content."""
    mark = {} if etag is None else {"ETag": etag}
    good = partly(content, etag)

    def cut_at(size):
        def answer(handler):
            if handler.headers.get("Range"):
                return good(handler)
            return broken(content + b"?", min(size, len(content)), **mark)(handler)

        return answer

    target = tmp_path_factory.mktemp("law") / "file"
    expected = Expected(sha256=hashlib.sha256(content).hexdigest() if pinned else None)
    url = shared_server.answers(*[cut_at(cut) for cut in cuts], good, path="/law")
    patient.download(url, target, expected=expected)
    assert target.read_bytes() == content


@pytest.mark.parametrize(
    "wrong",
    [
        {"attempts": 0},
        {"read_seconds": 0},
        {"max_bytes": -1},
        {"max_redirects": -1},
        {"file_seconds": float("nan")},
        {"first_wait_seconds": -0.1},
    ],
)
def test_impossible_settings_are_refused(wrong):
    with pytest.raises(ConfigurationError, match=next(iter(wrong))):
        DownloadSettings(**wrong)


def test_the_git_blob_id_is_that_of_git(tmp_path):
    file = tmp_path / "f"
    file.write_bytes(b"hello\n")
    assert git_blob_sha1(file) == "ce013625030ba8dba906f756967f9e9ca394464a"
    file.write_bytes(b"")
    assert git_blob_sha1(file) == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"


def test_a_sha256_decides_before_a_git_blob_id(tmp_path):
    file = tmp_path / "f"
    file.write_bytes(CONTENT)
    digest = digest_of(file)
    assert Expected(sha256=SHA256, git_blob_sha1="0" * 40).problem(file, digest) is None
    assert Expected(git_blob_sha1=git_blob_sha1(file)).problem(file, digest) is None
    assert Expected(num_bytes=1, sha256=SHA256).problem(file, digest) is not None


def test_a_digest_does_not_care_how_bytes_come():
    one, many = Digest(), Digest()
    one.update(CONTENT)
    for start in range(0, len(CONTENT), 777):
        many.update(CONTENT[start : start + 777])
    assert (one.sha256, one.num_bytes) == (many.sha256, many.num_bytes)
