"""Which snapshots are kept, and how much of the log. Pure.

A broker begins from the *base*: the newest snapshot from which on it reads all that gateways were told in the
HISTORY_SECONDS before the newest one, or have not confirmed. Older snapshots, and the log before the base, are not
needed any more, but for what the snapshots that are kept name in the log.
"""

from typing import NamedTuple

from broker.core.history import HISTORY_SECONDS
from broker.storage.image import Name


class Kept(NamedTuple):
    """The snapshots that are kept, oldest first. The log is needed from position ``needed`` on."""

    names: list[Name]
    needed: int


def retain(names: list[Name], crowded: bool) -> Kept:
    """What to keep of snapshots, given oldest first. There is at least one.

    A ``crowded`` log is about to be full, and would then take nothing more, ever: only the newest snapshot is kept, and
    the log after it.
    """
    if crowded:
        return Kept(names[-1:], names[-1].position + 1)
    base = _base(names)
    if base is None:
        return Kept(names, 0)
    kept = [name for name in names if name >= base]
    return Kept(kept, min(base.position + 1, *(name.needed for name in kept)))


def _base(names: list[Name]) -> Name | None:
    newest = names[-1]
    old_enough = [
        name for name in names if name.now < newest.now - HISTORY_SECONDS * 1000 and name.position < newest.unconfirmed
    ]
    return old_enough[-1] if old_enough else None
