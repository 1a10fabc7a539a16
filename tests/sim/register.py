"""What a backend makes of the notices that it reads: who is in which room, and who waits. It knows nothing else.

Notices must say neither too little nor too much, so each has to fit what was said before.
"""

from collections.abc import Iterator, Sequence

from broker.core.state import Room
from shared.envelopes.notices import (
    Notice,
    NoticesLost,
    PeerJoined,
    PeerLeft,
    PeerRole,
    RequestDecided,
    RequestMade,
    RoomClosed,
    RoomCreated,
    RoomOwner,
    RoomPolicy,
)
from shared.envelopes.policy import Policy


class Page:
    """A room: the roles of its members, who waits to be let in, and how it is governed."""

    def __init__(self, policy: Policy) -> None:
        self.roles: dict[str, str] = {}
        self.waiting: set[str] = set()
        self.policy = policy


class Register:
    """Rooms by key. It begins to be kept with the first notice; after a loss, those rooms are known that are new."""

    def __init__(self) -> None:
        self._pages: dict[str, Page] = {}
        self._unknown: set[str] = set()  # rooms that were there before it was kept

    def lose(self, rooms: dict[str, Room]) -> None:
        """Notices are missing: nothing is known of these rooms."""
        self._pages.clear()
        self._unknown = set(rooms)

    def read(self, notices: Sequence[Notice], rooms: dict[str, Room]) -> Iterator[str]:
        """Take in what one position of the log has made known, and say what is wrong. ``rooms`` are as they are now."""
        touched: dict[str, None] = {}
        for notice in notices:
            if isinstance(notice, NoticesLost):
                self.lose(rooms)
            elif notice.key is not None:
                touched[notice.key] = None
                if notice.key not in self._unknown and (wrong := self._write(notice.key, notice)):
                    yield f"notices say that {wrong}: {notice}"
                if isinstance(notice, RoomClosed):
                    self._unknown.discard(notice.key)
        for key in touched:
            yield from self._compare(key, rooms)

    def compare_all(self, rooms: dict[str, Room]) -> Iterator[str]:
        """What is wrong in the end."""
        for key in sorted(self._pages.keys() | rooms.keys()):
            yield from self._compare(key, rooms)

    def _write(self, key: str, notice: Notice) -> str:
        """Take one in; returns what does not fit."""
        page = self._pages.get(key)
        if isinstance(notice, RoomCreated):
            self._pages[key] = Page(notice.policy)
            return "there is a room twice" if page is not None else ""
        if page is None:
            return "something happens in no room"
        if isinstance(notice, RoomClosed):
            del self._pages[key]
            return "a room is gone, and not its members" if page.roles or page.waiting else ""
        if isinstance(notice, RoomPolicy):
            page.policy = notice.policy
        return _enter(page, notice)

    def _compare(self, key: str, rooms: dict[str, Room]) -> Iterator[str]:
        if key in self._unknown:
            return
        page, room = self._pages.get(key), rooms.get(key)
        if page is None or room is None:
            if page is not None or room is not None:
                yield f"notices say that {key!r} is {'not there' if page is None else 'there'}"
            return
        roles = {peer: "owner" if peer == room.owner else member.role for peer, member in room.members.items()}
        if page.roles != roles:
            yield f"notices say that in {key!r} are {page.roles}, not {roles}"
        if page.waiting != set(room.pending):
            yield f"notices say that {page.waiting} wait for {key!r}, not {set(room.pending)}"
        if page.policy.admission != room.policy.admission or page.policy.owner_leaves != room.policy.owner_leaves:
            yield f"notices say that {key!r} is governed by {page.policy}, not {room.policy}"


def _enter(page: Page, notice: Notice) -> str:
    """What becomes of a room's people; returns what does not fit."""
    if isinstance(notice, PeerJoined):
        was, page.roles[notice.peer_id] = notice.peer_id in page.roles, notice.role
        return "one comes in twice" if was else ""
    if isinstance(notice, PeerLeft):
        return "" if page.roles.pop(notice.peer_id, None) else "one leaves who is not there"
    if isinstance(notice, PeerRole | RoomOwner):
        was = notice.peer_id in page.roles
        page.roles[notice.peer_id] = notice.role if isinstance(notice, PeerRole) else "owner"
        return "" if was else "one has a role who is not there"
    if isinstance(notice, RequestMade):
        was = notice.peer_id in page.waiting
        page.waiting.add(notice.peer_id)
        return "one asks twice" if was else ""
    if isinstance(notice, RequestDecided):
        was = notice.peer_id in page.waiting
        page.waiting.discard(notice.peer_id)
        return "" if was else "one is decided about who does not wait"
    return ""
