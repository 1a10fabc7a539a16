"""The folder of the local system's data. One system at a time may use it: two would write into one log."""

import asyncio
import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from dev.trouble import Trouble

LOOK = 0.5  # seconds between two looks at whether the folder is still there


@contextlib.contextmanager
def held(folder: Path) -> Iterator[int]:
    """Hold the folder. The file descriptor does it: a process that inherits it holds on until it ends as well.

    Raises Trouble if somebody else does, or if the folder cannot be written to.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise Trouble(unwritable(folder, error)) from None
    try:
        _take(lock, folder)
        yield lock
    finally:
        os.close(lock)


async def lost(folder: Path, lock: int) -> None:
    """Wait until the folder, or the lock in it, is no longer what we hold: another system could begin there.

    Raises Trouble then.
    """
    while True:
        if not _is_at(folder / "lock", lock):
            raise Trouble(f"{folder} was removed while Parley ran in it. Start it again: make run")
        await asyncio.sleep(LOOK)


def unwritable(folder: Path, error: OSError) -> str:
    """A sentence about a folder that cannot be used."""
    why = error.strerror or error
    return f"DATA_DIR: {folder} cannot be written: {why}. Choose another: DATA_DIR=/path/to/folder make run"


def _take(lock: int, folder: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise Trouble(_in_use(folder, os.pread(lock, 20, 0).decode().strip())) from None
    except OSError as error:
        raise Trouble(unwritable(folder, error)) from None
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)


def _is_at(path: Path, descriptor: int) -> bool:
    """Whether a path leads to an open file."""
    try:
        return os.path.samestat(os.stat(path), os.fstat(descriptor))
    except OSError:
        return False


def _in_use(folder: Path, pid: str) -> str:
    if pid.isdecimal() and not _is_alive(int(pid)):
        ending = "Try again in a few seconds; if that does not help, look for a nats-server that was left behind."
        return f"What process {pid} started in {folder} has not ended yet. {ending}"
    other = "Stop that one, or keep this one's data elsewhere: DATA_DIR=.parley-2 make run"
    return f"Parley runs in {folder} already, as process {pid or 'unknown'}. {other}"


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
