"""Who may do what: the checks of a chaos run that are about rights. Pure.

Clients see effects, not the log: what is not certain by what they were told, nobody is accused of.
"""

from collections import Counter
from collections.abc import Callable, Iterator

from tests.chaos.rig.case import Case
from tests.chaos.rig.story import OK, OUT, Back, Entry, Got, Sent, Story, View, see, waiting

DECISIONS = ("room-join-accept", "room-join-reject")
MEMBERS_ONLY = (
    "relay-session-description", "relay-ice-candidate", "room-kick-request", "room-role-request",
    "room-policy-request", "room-unban-request", "room-close-request", *DECISIONS,
)  # fmt: skip
ANY_MEMBER = ("relay-session-description", "relay-ice-candidate", "room-message-request", "room-data-request")
ALWAYS = ("moderate", "own")  # grants with which one is a host, and comes in at any time


def let_in_unlawfully(case: Case) -> Iterator[str]:
    """Somebody is in a room without having made it, an acceptance, an open room, or a grant."""
    accepted = {(sent.room, sent.to) for _, sent in case.sent.values() if sent.event == "room-join-accept"}
    opened = {sent.room for _, sent in case.sent.values() if sent.fields.get("policy", {}).get("admission") == "open"}
    for story in case.stories.values():
        made = {sent.room for sent in story.sent() if sent.event == "room-create-request" or sent.fields.get("create")}
        for room in _rooms(story) - made - opened:
            if (room, story.peer_id) not in accepted and story.may(room) not in ("enter", *ALWAYS):
                yield f"{story.peer_id} is in {room}, and nobody has let it in"


def banned_inside(case: Case) -> Iterator[str]:
    """One who was banned for good, and whose ban nobody has lifted, is in the room at the end."""
    lifted = {sent.room for _, sent in case.sent.values() if sent.event in ("room-unban-request", "room-close-request")}
    for host, sent in case.sent.values():
        banned = sent.fields.get("ban") is True and sent.answer == OK and sent.room not in lifted
        if not banned or sent.to not in case.stories:
            continue
        key = case.stories[sent.to].key
        for story in case.stories.values():
            may_ignore_it = story.may(sent.room) in ALWAYS
            if story.key == key and story.stayed and sent.room in story.truth and not may_ignore_it:
                yield f"{story.peer_id} is in {sent.room}, where {host.peer_id} has banned it ({sent.number})"


def decided_twice(case: Case) -> Iterator[str]:
    """More decisions about somebody took effect than it has made requests."""
    asked = Counter((sent.room, story.peer_id) for story, sent in case.sent.values() if _asks(sent))
    decided = Counter(
        (sent.room, sent.to) for _, sent in case.sent.values() if sent.event in DECISIONS and sent.answer == OK
    )
    for (room, peer), times in decided.items():
        if peer in case.stories and times > asked[room, peer]:
            yield f"{peer} was decided about {times} times in {room}, where it has asked {asked[room, peer]} times"


def acted_after_kick(case: Case) -> Iterator[str]:
    """What one said after it had been told that it is out of a room took effect there."""
    for story in case.stories.values():
        yield from _acted_outside(story)


def _acted_outside(story: Story) -> Iterator[str]:
    """One who sends again what was not answered may do so when it is in the room again: of that it is not accused."""
    out: set[str] = set()
    outside: list[Sent] = []
    for entry in story.entries:
        if isinstance(entry, Got) and entry.event in OUT:
            out.add(entry.room)
        elif isinstance(entry, Sent) and entry.room in out:
            if _asks(entry) or entry.event == "room-create-request":
                out.discard(entry.room)  # it may be in again before it hears of that
            elif entry.event in (*MEMBERS_ONLY, *ANY_MEMBER) and entry.answer == OK:
                outside.append(entry)
        inside = _let_into(entry)
        out -= inside
        if story.numbered:
            outside = [sent for sent in outside if sent.room not in inside]
    for sent in outside:
        yield f"{story.peer_id} is out of {sent.room}, and its {sent.event} {sent.number} took effect"


def locked_out(case: Case) -> Iterator[str]:
    """One who is a host by grant was not let in, although nobody has banned it."""
    banned = {case.stories[sent.to].key for _, sent in case.sent.values() if _bans(case, sent)}
    for story, sent in case.sent.values():
        if not _asks(sent) or story.may(sent.room) not in ALWAYS:
            continue
        if sent.answer in ("closed", "rejected", "forbidden") or (sent.answer == "banned" and story.key not in banned):
            yield f"{story.peer_id} may {story.may(sent.room)} {sent.room}, and was refused ({sent.answer})"


def acted_without_right(case: Case) -> Iterator[str]:
    """What only hosts may do was done by one who never was a host of the room."""
    for story in case.stories.values():
        hosted = _hosted(story)
        for sent in story.sent():
            takes_host = sent.event in (*DECISIONS, *MEMBERS_ONLY[2:])
            if takes_host and sent.answer == OK and sent.room not in hosted:
                yield f"{story.peer_id} never was a host of {sent.room}, and its {sent.event} {sent.number} took effect"


def unheard_end(case: Case) -> Iterator[str]:
    """A host believes that somebody waits who does not wait any more."""
    for story in case.stories.values():
        if story.version == 1 or not story.stayed:
            continue
        for room, peers in waiting(story).items():
            for peer in sorted(peers):
                if not _waits(case, peer, room):
                    yield f"{story.peer_id} was not told that {peer} does not wait for {room} any more"


CHECKS: tuple[Callable[[Case], Iterator[str]], ...] = (
    let_in_unlawfully, banned_inside, decided_twice, acted_after_kick, locked_out, acted_without_right, unheard_end,
)  # fmt: skip


def _asks(sent: Sent) -> bool:
    return sent.event == "room-join-request"


def _let_into(entry: Entry) -> set[str]:
    """The rooms that a peer is in, by what it is told here."""
    if isinstance(entry, Back):
        return set(entry.rooms)
    let_in = isinstance(entry, Got) and entry.event in ("room-join-accept", "room-create-accept")
    return {entry.room} if let_in else set()


def _bans(case: Case, sent: Sent) -> bool:
    return bool(sent.fields.get("ban")) and sent.to in case.stories


def _waits(case: Case, peer: str, room: str) -> bool:
    story = case.stories.get(peer)
    if story is None or not story.stayed:
        return False
    return any(_asks(sent) and sent.room == room and not sent.answer for sent in story.sent())


def _rooms(story: Story) -> set[str]:
    """All rooms that a peer has ever been in."""
    shown = {room for entry in story.entries if isinstance(entry, Back) for room in entry.rooms}
    return shown | {got.room for got in story.got("room-join-accept")} | story.truth.keys()


def _hosted(story: Story) -> set[str]:
    """All rooms that a peer has ever been a host of, as far as it was told: owners of version 1 are told, too.

    One who came back may have been a host in between, and one of version 1 a moderator.
    """
    rooms: dict[str, View] = {}
    hosted: set[str] = set()
    for entry in story.entries:
        if isinstance(entry, Back):
            hosted |= entry.rooms.keys() | rooms.keys()
            rooms = dict(entry.rooms)
        elif isinstance(entry, Got):
            see(rooms, story.peer_id, entry)
        hosted |= {room for room, view in rooms.items() if view.moderators is None or story.peer_id in view.hosts}
    return hosted
