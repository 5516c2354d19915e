"""An index of 16-byte text keys in compact tables: 24 to 28 bytes a key, a dict takes 180."""

from __future__ import annotations

from array import array
from typing import Final

_KEY_BYTES: Final = 16
_FIRST_CAPACITY: Final = 1024


class KeyIndex:
    """Keys by number, from 0 in the order of adding.

    A slot of the table has the newest key of its chain, and each key the one before it. Keys count
    from 1 inside the tables, 0 ends a chain.
    """

    def __init__(self) -> None:
        self._keys = bytearray()
        self._before = array("I", [0])
        self._newest = array("I", bytes(4 * _FIRST_CAPACITY))

    def __len__(self) -> int:
        return len(self._before) - 1

    @property
    def num_bytes(self) -> int:
        """Memory of the tables."""
        return len(self._keys) + 4 * (len(self._before) + len(self._newest))

    def find(self, key: bytes) -> int | None:
        """Return the number of a key, None where it was never added."""
        number = self._newest[self._slot(key)]
        while number:
            if self._keys[_KEY_BYTES * (number - 1) : _KEY_BYTES * number] == key:
                return number - 1
            number = self._before[number]
        return None

    def add(self, key: bytes) -> int:
        """Take in a key that was not found, and return its number."""
        assert len(key) == _KEY_BYTES
        if len(self) == len(self._newest):
            self._grow()
        self._keys += key
        self._before.append(0)
        self._link(len(self), key)
        return len(self) - 1

    def _slot(self, key: bytes) -> int:
        return int.from_bytes(key[:8], "little") & (len(self._newest) - 1)

    def _link(self, number: int, key: bytes) -> None:
        slot = self._slot(key)
        self._before[number] = self._newest[slot]
        self._newest[slot] = number

    def _grow(self) -> None:
        self._newest = array("I", bytes(8 * len(self._newest)))
        for number in range(1, len(self) + 1):
            self._link(number, bytes(self._keys[_KEY_BYTES * (number - 1) : _KEY_BYTES * number]))
