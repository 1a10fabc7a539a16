"""Bytes in pieces, read as one file: to put them together would hold everybody up, and take as much memory again."""

import io
from collections.abc import Iterable
from typing import Any


class Pieces(io.BufferedIOBase):
    """Can be read once, from beginning to end."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._rest = memoryview(b"")

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer, unless this is the end."""
        target = memoryview(buffer).cast("B")
        filled = 0
        while filled < len(target) and self._more():
            part = self._rest[: len(target) - filled]
            target[filled : filled + len(part)] = part
            filled += len(part)
            self._rest = self._rest[len(part) :]
        return filled

    def _more(self) -> bool:
        """Whether there is something to read."""
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return False
            self._rest = memoryview(piece)
        return True
