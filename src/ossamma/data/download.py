"""Files over HTTPS: resumed, retried, bounded in size and time, and checked before they count."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from types import TracebackType
from typing import Final, Protocol

import httpx

from ossamma.data.catalog import is_fetchable
from ossamma.data.checksum import Digest, Expected
from ossamma.schema.errors import ConfigurationError, DataError

_RETRIED: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
_CONTENT_RANGE: Final = re.compile(r"bytes (\d+)-\d+/(\d+|\*)", re.ASCII)


class Progress(Protocol):
    """What a caller may want to know while bytes arrive."""

    def begin(self, name: str, total: int | None) -> None:
        """A file begins, or begins again from nothing; `total` in bytes, None if unknown."""
        ...

    def advance(self, num_bytes: int) -> None:
        """So many more bytes of that file are there."""
        ...


class Silence:
    """A progress that nobody watches."""

    def begin(self, name: str, total: int | None) -> None:
        """Do nothing."""

    def advance(self, num_bytes: int) -> None:
        """Do nothing."""


SILENCE: Final = Silence()


@dataclass(frozen=True, kw_only=True, slots=True)
class DownloadSettings:
    """Patience and limits of a download."""

    connect_seconds: float = 20.0
    """How long a server may take to answer a connection."""
    read_seconds: float = 60.0
    """How long a server may be silent."""
    file_seconds: float = 7200.0
    """How long one file may take with all attempts: a server that drips is never silent."""
    attempts: int = 5
    """How often a file is tried."""
    first_wait_seconds: float = 1.0
    """Pause before the second attempt; it doubles with each further one."""
    max_wait_seconds: float = 120.0
    """Longest pause. A server that asks for more (Retry-After) ends the download."""
    max_redirects: int = 5
    """How often a server may point elsewhere."""
    max_bytes: int = 4 * 2**30
    """Largest file, where its size is not known beforehand."""
    use_environment: bool = True
    """Take proxies and certificates from HTTPS_PROXY, NO_PROXY and SSL_CERT_FILE."""

    def __post_init__(self) -> None:
        for name in ("connect_seconds", "read_seconds", "file_seconds", "attempts", "max_bytes"):
            if not getattr(self, name) > 0:
                raise ConfigurationError(f"{name} must be > 0, got {getattr(self, name)}")
        for name in ("first_wait_seconds", "max_wait_seconds", "max_redirects"):
            if not getattr(self, name) >= 0:
                raise ConfigurationError(f"{name} must be >= 0, got {getattr(self, name)}")


DEFAULT_DOWNLOAD: Final = DownloadSettings()


def utc_now() -> datetime:
    """Return the time of day."""
    return datetime.now(UTC)


def may_redirect(origin: str, target: str) -> bool:
    """Whether one address may lead to another: to https, or within this very machine."""
    return is_fetchable(target) and (target.startswith("https:") or origin.startswith("http:"))


class Downloader:
    """Downloads files. Holds connections, so use it in a `with` block."""

    def __init__(
        self,
        settings: DownloadSettings = DEFAULT_DOWNLOAD,
        *,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self.settings = settings
        self.now = now
        self._sleep = sleep
        self._client = httpx.Client(
            timeout=httpx.Timeout(settings.read_seconds, connect=settings.connect_seconds),
            trust_env=settings.use_environment,
            # A size and a range count the bytes of the file, not those of a packed form of it.
            headers={"Accept-Encoding": "identity"},
        )

    def __enter__(self) -> Downloader:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.close()

    def download(
        self, url: str, target: Path, *, expected: Expected, progress: Progress = SILENCE
    ) -> Digest:
        """Download one file to `target`, which appears whole and checked, or not at all.

        A transfer that breaks off is continued, now or by the next call, if the server can tell
        that the file is still the same, or if a hash says afterwards what it has to be.

        Raises:
            DataError: the address is not allowed, the server refuses or stays out of reach, or
                the file has another size or checksum than expected (then nothing is kept).
        """
        if not is_fetchable(url):
            raise DataError(f"cannot download {url}: expected an address with https://")
        job = _Job(url, target, expected, progress)
        deadline = time.monotonic() + self.settings.file_seconds
        try:
            return self._persist(job, deadline)
        except OSError as error:
            raise DataError(f"cannot write {target}: {error}") from error

    def _persist(self, job: _Job, deadline: float) -> Digest:
        for attempt in range(1, self.settings.attempts + 1):
            try:
                digest = self._transfer(job, deadline)
            except (_TryAgainError, httpx.HTTPError) as error:
                if attempt == self.settings.attempts:
                    raise DataError(self._given_up(job, error)) from error
                self._pause(job, attempt, error)
            except httpx.InvalidURL as error:
                raise DataError(
                    f"{job.url}: the server points to no valid address: {error}"
                ) from error
            else:
                return digest
        raise AssertionError("the last attempt returns or raises")

    def _pause(self, job: _Job, attempt: int, error: Exception) -> None:
        wait = min(
            self.settings.first_wait_seconds * 2 ** (attempt - 1), self.settings.max_wait_seconds
        )
        asked = error.wait_seconds if isinstance(error, _TryAgainError) else 0.0
        if asked > self.settings.max_wait_seconds:
            raise DataError(
                f"{job.url}: {error}; the server asks to wait {asked:.0f} seconds: try again then"
            ) from error
        self._sleep(max(wait, asked))

    def _given_up(self, job: _Job, error: Exception) -> str:
        kept = job.num_kept
        reason = str(error) or type(error).__name__
        return (
            f"cannot download {job.url}: {reason} ({self.settings.attempts} attempts); "
            + (f"the first {kept} bytes are kept: " if kept else "")
            + "run the command again later, take the file from a folder (--mirror), or take only "
            "what is at hand (--offline)"
        )

    def _transfer(self, job: _Job, deadline: float) -> Digest:
        """Ask once for what is missing and append it to the part that is there."""
        digest = job.resume()
        num_kept = digest.num_bytes
        if num_kept and num_kept == job.expected.num_bytes:
            job.accept(digest, resumed=True)
            return digest
        with self._answer(job, num_kept) as response:
            if response.status_code == httpx.codes.OK and num_kept:
                job.restart()
                digest, num_kept = Digest(), 0
            self._check_status(job, response, digest.num_bytes)
            total = self._check_size(job, response, digest.num_bytes)
            job.remember(response)
            job.progress.begin(job.target.name, total)
            job.progress.advance(digest.num_bytes)
            self._receive(job, response, digest, deadline)
        job.accept(digest, resumed=num_kept > 0)
        return digest

    def _receive(
        self, job: _Job, response: httpx.Response, digest: Digest, deadline: float
    ) -> None:
        limit = self._limit(job)
        with job.part.open("ab") as file:
            for chunk in response.iter_raw():
                digest.update(chunk)
                if digest.num_bytes > limit:
                    raise job.refused(f"it is longer than {limit} bytes")
                if time.monotonic() > deadline:
                    raise DataError(
                        f"{job.url}: not there after {self.settings.file_seconds:.0f} seconds; "
                        "run the command again to continue"
                    )
                file.write(chunk)
                job.progress.advance(len(chunk))
            file.flush()
            os.fsync(file.fileno())

    @contextmanager
    def _answer(self, job: _Job, offset: int) -> Iterator[httpx.Response]:
        """Send the request and follow redirects, each to an allowed address only."""
        request = self._client.build_request("GET", job.url, headers=job.range_headers(offset))
        for _ in range(self.settings.max_redirects + 1):
            response = self._client.send(request, stream=True)
            if response.next_request is None:
                try:
                    yield response
                finally:
                    response.close()
                return
            response.close()
            before, request = request, response.next_request
            if not may_redirect(str(before.url), str(request.url)):
                raise job.refused(f"the server points to {request.url}, which is not https")
        raise job.refused(f"more than {self.settings.max_redirects} redirects")

    def _check_status(self, job: _Job, response: httpx.Response, offset: int) -> None:
        status = response.status_code
        if status in _RETRIED:
            wait = _retry_after(response.headers.get("Retry-After", ""), self.now())
            raise _TryAgainError(f"the server answers {status} {response.reason_phrase}", wait)
        if status == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE or (
            status == httpx.codes.PARTIAL_CONTENT and not job.continues(response, offset)
        ):
            job.restart()
            raise _TryAgainError("the server cannot continue the file where it broke off")
        if status not in {httpx.codes.OK, httpx.codes.PARTIAL_CONTENT}:
            raise job.refused(f"the server answers {status} {response.reason_phrase}")
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise job.refused("the server packs the file although it was asked not to")

    def _check_size(self, job: _Job, response: httpx.Response, offset: int) -> int | None:
        """Return the size of the whole file if the server tells; refuse a wrong one."""
        length = response.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()):
            return job.expected.num_bytes
        total = offset + int(length)
        if job.expected.num_bytes not in {None, total}:
            raise job.refused(f"expected {job.expected.num_bytes} bytes, the server has {total}")
        if total > self._limit(job):
            raise job.refused(f"it has {total} bytes, more than the limit of {self._limit(job)}")
        return total

    def _limit(self, job: _Job) -> int:
        known = job.expected.num_bytes
        return self.settings.max_bytes if known is None else known


class _TryAgainError(Exception):
    """The transfer failed in a way that may pass."""

    def __init__(self, reason: str, wait_seconds: float = 0.0) -> None:
        super().__init__(reason)
        self.wait_seconds = wait_seconds


@dataclass(frozen=True, slots=True)
class _Job:
    """One file on its way: the part that is there, and what the server said of it."""

    url: str
    target: Path
    expected: Expected
    progress: Progress

    @property
    def part(self) -> Path:
        """The bytes that came so far."""
        return self.target.with_name(f".{self.target.name}.part")

    @property
    def memory(self) -> Path:
        """Where the bytes came from: the address and the server's mark for this very content."""
        return self.target.with_name(f".{self.target.name}.part.json")

    @property
    def num_kept(self) -> int:
        """Size of the part."""
        return self.part.stat().st_size if self.part.exists() else 0

    @property
    def _mark(self) -> str:
        """The strong ETag of the part, or nothing."""
        try:
            memory = json.loads(self.memory.read_text(encoding="utf-8"))
            mark = memory["etag"] if memory["url"] == self.url else ""
        except (OSError, ValueError, LookupError, TypeError):
            return ""
        return mark if isinstance(mark, str) and mark.isprintable() else ""

    def resume(self) -> Digest:
        """Return the digest of the part that can be continued; without one it starts anew."""
        digest = Digest()
        too_long = self.expected.num_bytes is not None and self.num_kept > self.expected.num_bytes
        if too_long or not self.num_kept or not (self._mark or self.expected.is_pinned):
            self.restart()
        if self.part.exists():
            with self.part.open("rb") as file:
                digest.drain(file)
        return digest

    def restart(self) -> None:
        """Forget the part."""
        self.part.unlink(missing_ok=True)
        self.memory.unlink(missing_ok=True)

    def range_headers(self, offset: int) -> dict[str, str]:
        """Ask for the rest, if the file is still the same."""
        if not offset:
            return {}
        condition = {"If-Range": self._mark} if self._mark else {}
        return {"Range": f"bytes={offset}-"} | condition

    def continues(self, response: httpx.Response, offset: int) -> bool:
        """Whether a partial answer begins where the part ends, and is of the same content."""
        match = _CONTENT_RANGE.match(response.headers.get("Content-Range", ""))
        same = not self._mark or _strong_etag(response) in {"", self._mark}
        return match is not None and int(match[1]) == offset and offset > 0 and same

    def remember(self, response: httpx.Response) -> None:
        """Write down what the next attempt has to know."""
        memory = {"url": self.url, "etag": _strong_etag(response) or self._mark}
        self.memory.write_text(json.dumps(memory), encoding="utf-8")

    def accept(self, digest: Digest, *, resumed: bool) -> None:
        """Check the part and give it its name. A wrong one is removed."""
        problem = self.expected.problem(self.part, digest)
        if self.num_kept != digest.num_bytes:
            problem = "another process writes the same file"
        if problem is not None and resumed:  # the part that was kept may have been the bad one
            self.restart()
            raise _TryAgainError(problem)
        if problem is not None:
            raise self.refused(problem)
        self.part.replace(self.target)
        self.memory.unlink(missing_ok=True)

    def refused(self, reason: str) -> DataError:
        """Remove the part and make the error."""
        self.restart()
        return DataError(f"{self.url}: refused: {reason}; nothing of it was kept")


def _strong_etag(response: httpx.Response) -> str:
    etag: str = response.headers.get("ETag", "")
    return etag if etag.startswith('"') else ""


def _retry_after(value: str, now: datetime) -> float:
    """Seconds that a `Retry-After` header asks for: a number, or a date; 0 for anything else."""
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        date = parsedate_to_datetime(value)
    except ValueError:
        return 0.0
    date = date if date.tzinfo else date.replace(tzinfo=UTC)
    return max((date - now).total_seconds(), 0.0)
