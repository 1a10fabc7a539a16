"""The file that USER_KEYS names: read at the start, and again when it changes.

A file that cannot be used is refused and logged, and the keys read before stay. No key is ever fetched from anywhere.
"""

import asyncio
import logging
import os
import pathlib
from collections.abc import Callable

from gateway import metrics
from shared.contract.user_keys import LARGEST_FILE, Keys, KeysError, read_user_keys
from shared.process.settings import SettingError

log = logging.getLogger(__name__)

LOOK_INTERVAL = 1.0  # seconds from one look at the file to the next

_Stamp = tuple[int, int, int]  # when it was changed, in ns, its size, and which file it is


class UserKeys:
    """The keys by their ``kid``. ``ours`` are as in ``read_user_keys``; without a path there are no keys."""

    def __init__(self, path: str, ours: tuple[str, ...]) -> None:
        """Raises SettingError when there is no usable file."""
        self.keys: Keys = {}
        self._path = pathlib.Path(path)
        self._ours = ours
        self._stamp: _Stamp | None = None
        self._trouble = ""  # why the file cannot be used, as far as that was logged
        self._named = bool(path)
        if self._named:
            try:
                self.keys = self._read()
            except (OSError, KeysError) as error:
                raise SettingError("USER_KEYS", f"cannot be used: {_reason(error)}") from None

    def look(self) -> bool:
        """Read the file again if it has changed. Returns whether there are other keys now."""
        try:
            if _stamp(self._path) == self._stamp:
                return False
            self.keys = self._read()
        except (OSError, KeysError) as error:
            self._keep(error)
            return False
        self._trouble = ""
        metrics.USER_KEYS_BROKEN.set(0)
        log.info("user keys read again", extra={"facts": {"keys": len(self.keys)}})
        return True

    async def watch(self, changed: Callable[[], None]) -> None:
        """Look at the file from now on, and call ``changed`` when there are other keys. Ends with its task."""
        while self._named:
            await asyncio.sleep(LOOK_INTERVAL)
            if self.look():
                changed()

    def _read(self) -> Keys:
        with self._path.open("rb") as file:
            self._stamp = _stamp_of(os.fstat(file.fileno()))
            return read_user_keys(file.read(LARGEST_FILE + 1), self._ours)

    def _keep(self, error: Exception) -> None:
        """The file is not used, which is said once."""
        metrics.USER_KEYS_BROKEN.set(1)
        if isinstance(error, OSError):
            self._stamp = None
        if _reason(error) != self._trouble:
            self._trouble = _reason(error)
            log.error("USER_KEYS cannot be used, the keys read before stay", extra={"facts": {"why": self._trouble}})


def _stamp(path: pathlib.Path) -> _Stamp:
    return _stamp_of(path.stat())


def _stamp_of(status: os.stat_result) -> _Stamp:
    return status.st_mtime_ns, status.st_size, status.st_ino


def _reason(error: Exception) -> str:
    return error.strerror or "it cannot be read" if isinstance(error, OSError) else str(error)
