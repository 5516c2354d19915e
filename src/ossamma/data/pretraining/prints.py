"""The prints of cleaned documents on the disk: all that is needed to find duplicates among them.

    FOLDER/
      exact.bin      uint64 (documents,): a hash of the normalised text
      owners.bin     int64 (sketches,): twice the document's number, + 1 for long shingles
      sketches.bin   uint8 (sketches, permutations): see `minhash.py`
      buckets.bin    uint32 (sketches, bands): a hash of each band of the sketch
      lines.bin      uint64 (lines,): a hash of each line of `line_characters` or more

T documents of a batch, K permutations, B bands.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from types import TracebackType
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt

from ossamma.data.near_index import NearIndex, NearSettings
from ossamma.data.text_prints import TextPrint, prints_of
from ossamma.schema.errors import ConfigurationError

EXACT: Final = "exact.bin"
OWNERS: Final = "owners.bin"
SKETCHES: Final = "sketches.bin"
BUCKETS: Final = "buckets.bin"
LINES: Final = "lines.bin"
_Number = TypeVar("_Number", bound=np.generic)


@dataclass(frozen=True, kw_only=True, slots=True)
class DuplicateSettings:
    """What is a duplicate; the first of several stays, by the order of sources and documents."""

    near: NearSettings | None = field(default_factory=NearSettings)
    """How near duplicates of documents are found; None: exact ones only."""
    line_characters: int = 60
    """From so many characters on, a line is looked at as one that may be repeated."""
    line_copies: int = 10
    """Most documents' lines with the same words, case and space aside: later ones are cut out. 0:
    none is."""

    def __post_init__(self) -> None:
        for name in ("line_characters", "line_copies"):
            if getattr(self, name) < 0:
                raise ConfigurationError(f"{name} must be >= 0, got {getattr(self, name)}")


class PrintMaker:
    """Makes the prints of texts."""

    def __init__(self, settings: DuplicateSettings) -> None:
        self._near = NearIndex(settings.near) if settings.near is not None else None

    def prints(self, texts: Sequence[str]) -> list[TextPrint]:
        """Make the prints of many texts."""
        return prints_of(texts, self._near)


class PrintWriter:
    """Appends the prints of documents to the files of a folder."""

    def __init__(self, folder: Path, settings: DuplicateSettings) -> None:
        self._settings = settings
        self._stack = ExitStack()
        names = (EXACT, OWNERS, SKETCHES, BUCKETS, LINES)
        self._files = {n: self._stack.enter_context((folder / n).open("wb")) for n in names}
        self._num_documents = 0

    def __enter__(self) -> PrintWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def add(self, texts: Sequence[str], prints: Sequence[TextPrint]) -> None:
        """Append a batch of documents."""
        self._files[EXACT].write(b"".join(text_print.key[:8] for text_print in prints))
        owners: list[int] = []
        sketches: list[bytes] = []
        buckets: list[list[int]] = []
        for number, text_print in enumerate(prints, start=self._num_documents):
            for kind, sketch in enumerate(text_print.fingerprint):
                if sketch is not None:
                    owners.append(2 * number + kind)
                    sketches.append(sketch.values)
                    buckets.append(sketch.buckets)
        self._files[OWNERS].write(np.array(owners, dtype="<i8").tobytes())
        self._files[SKETCHES].write(b"".join(sketches))
        self._files[BUCKETS].write(np.array(buckets, dtype="<u4").tobytes())
        if self._settings.line_copies:
            keys = (line_key(line) for text in texts for line in long_lines(text, self._settings))
            self._files[LINES].write(b"".join(keys))
        self._num_documents += len(prints)


def long_lines(text: str, settings: DuplicateSettings) -> list[str]:
    """Return the lines that may be repeated, in order."""
    return [line for line in text.split("\n") if len(line) >= settings.line_characters]


def line_key(line: str) -> bytes:
    """Return eight bytes for a line, the same where it differs in case and white space only."""
    return blake2b(" ".join(line.lower().split()).encode(), digest_size=8).digest()


@dataclass(frozen=True, slots=True)
class PrintFiles:
    """The prints in a folder, mapped for reading."""

    folder: Path

    def exact(self) -> npt.NDArray[np.uint64]:
        """A hash of each document."""
        return self._column(EXACT, np.uint64)

    def owners(self) -> npt.NDArray[np.int64]:
        """For each sketch twice the number of its document, + 1 if it is by long shingles."""
        return self._column(OWNERS, np.int64)

    def sketches(self, permutations: int) -> npt.NDArray[np.uint8]:
        """The sketches, shape (sketches, K)."""
        return self._column(SKETCHES, np.uint8).reshape(-1, permutations)

    def buckets(self, bands: int) -> npt.NDArray[np.uint32]:
        """The hashes of their bands, shape (sketches, B)."""
        return self._column(BUCKETS, np.uint32).reshape(-1, bands)

    def lines(self) -> npt.NDArray[np.uint64]:
        """A hash of each long line of all documents, one behind the other."""
        return self._column(LINES, np.uint64)

    def _column(self, name: str, kind: type[_Number]) -> npt.NDArray[_Number]:
        path = self.folder / name
        if path.stat().st_size == 0:  # which cannot be mapped
            return np.zeros(0, dtype=kind)
        return np.memmap(path, dtype=kind, mode="r")
