"""The judge of a chaos run: from the stories of all peers to a list of faults, each in a sentence. Pure."""

from collections.abc import Iterator, Sequence
from itertools import combinations

from shared.contract.told import COUNTED
from tests.chaos.rig import rights, telling
from tests.chaos.rig.case import Case
from tests.chaos.rig.story import OK, OUT, RELAYS, Back, Got, Sent, Story, View, views

# What an event does to the one it names, and what it does to bystanders.
EFFECT = {
    **RELAYS,
    "room-message-request": "room-message",
    "room-join-accept": "room-join-accept",
    "room-join-reject": "room-join-reject",
}
BYSTANDERS = {
    "room-join-accept": "room-user-join",
    "room-join-request": "room-user-join",  # of one who comes in without being asked for
    "room-leave-request": "room-user-leave",
}
HOSTS = ("moderate", "own")  # grants with which one comes in as a host
# Asked of one, told to another: a new owner is told of a request again, so it has no place in an order.
ORDERED = (*EFFECT.values(), *BYSTANDERS.values())


def faults(stories: Sequence[Story]) -> list[str]:
    """All that went wrong; nothing if the promises were kept."""
    case = Case(stories)
    checks = (
        lost, repeated, forged, refused_but_done, disordered, evicted, falsely_gone, moved_ownership, disagreeing,
        misled, ghosts, two_winners, no_winner, unanswered, *rights.CHECKS, *telling.CHECKS,
    )  # fmt: skip
    return [f"{check.__name__}: {fault}" for check in checks for fault in check(case)]


def lost(case: Case) -> Iterator[str]:
    """An acknowledged event did nothing to the one it named."""
    for _, sent in case.sent.values():
        effect = EFFECT.get(sent.event)
        if effect == "room-join-accept" and case.stays(sent.to) and _found(case.stories[sent.to], sent.room):
            continue
        if effect == "room-join-accept" and case.stays(sent.to) and _has_left_since(case.stories[sent.to], sent):
            continue
        if effect == "room-join-reject" and case.stays(sent.to) and _has_asked_again(case.stories[sent.to], sent.room):
            continue
        if effect and sent.answer == OK and case.stays(sent.to) and not case.told[sent.to, effect, sent.number]:
            yield f"{sent.number}, {sent.event} in {sent.room}, was acknowledged but {sent.to} was not told"


def repeated(case: Case) -> Iterator[str]:
    """Something was told twice, whether or not it was acknowledged."""
    for (peer, event, number), times in case.told.items():
        if number is not None and times > 1 and times > 1 + _told_again(case, peer, event, number):
            yield f"{peer} was told {event} {number} {times} times"


def forged(case: Case) -> Iterator[str]:
    """Something was told that nobody sent, or not to this peer, or not in this room."""
    for story in case.stories.values():
        for got in story.got(*EFFECT.values(), *BYSTANDERS.values()):
            if got.number is not None and not _has_cause(case, story, got):
                yield f"{story.peer_id} was told {got.event} {got.number} in {got.room}, which nobody sent it"


def refused_but_done(case: Case) -> Iterator[str]:
    """A refused event had an effect."""
    done: dict[int | None, list[str]] = {}
    for peer, event, number in case.told:
        if event in ORDERED:
            done.setdefault(number, []).append(f"{event} at {peer}")
    for _, sent in case.sent.values():
        if sent.answer not in (None, OK) and sent.event != "room-join-request" and sent.number in done:
            yield f"{sent.number}, {sent.event}, was refused ({sent.answer}) but did {done[sent.number]}"


def disordered(case: Case) -> Iterator[str]:
    """What one peer sent came to another in another order."""
    for story in case.stories.values():
        newest: dict[str, int] = {}
        for got in story.got(*ORDERED):
            if got.number is None or got.number not in case.sent:
                continue
            sender = case.sent[got.number][0].peer_id
            if sender != story.peer_id and got.number < newest.get(sender, 0):
                yield f"{story.peer_id} was told {got.event} {got.number} of {sender} after {newest[sender]}"
            newest[sender] = max(newest.get(sender, 0), got.number)


def evicted(case: Case) -> Iterator[str]:
    """A resumable peer was not let back in."""
    for story in case.stories.values():
        if story.evicted:
            yield f"{story.peer_id} lost its place"


def falsely_gone(case: Case) -> Iterator[str]:
    """A peer was declared closed or lost although it stayed."""
    for story in case.stories.values():
        for got in story.got("room-user-leave"):
            if got.number is None and case.stays(got.peer) and not _was_put_out(case, story, got):
                yield f"{story.peer_id} was told that {got.peer} left {got.room}, but it stayed"


def moved_ownership(case: Case) -> Iterator[str]:
    """Ownership moved without anybody's leaving, giving it, or having it by grant.

    Of what has waited for one that comes back, newer news may stand in the place of older: it has found who owns it.
    """
    given = {(sent.room, sent.to) for _, sent in case.sent.values() if sent.fields.get("role") == "owner"}
    for story in case.stories.values():
        before: dict[str, str] = {}
        shown: dict[str, View] = {}
        for got in story.entries:
            if isinstance(got, Back):
                shown = got.rooms
            if not isinstance(got, Got):
                continue
            to = case.stories.get(got.peer)
            granted = (got.room, got.peer) in given or (to is not None and to.may(got.room) == "own")
            granted |= got.room in shown and shown[got.room].owner == got.peer
            if got.event == "room-owner" and before.get(got.room) != "room-user-leave" and not granted:
                yield f"{story.peer_id} was told that {got.peer} owns {got.room}, but nobody had left"
            if got.event not in RELAYS.values():
                before[got.room] = got.event


def disagreeing(case: Case) -> Iterator[str]:
    """Two members do not have the same idea of their room, by what the broker told each of them at the end."""
    for room, seen in _final_views(case).items():
        for (one, view), (other, another) in combinations(seen, 2):
            if not view.agrees(another):
                yield f"{one} and {other} disagree on {room}: {view} and {another}"


def misled(case: Case) -> Iterator[str]:
    """What a peer had been told does not add up to what is the case."""
    for story in case.stories.values():
        if not story.stayed:
            continue
        believed = views(story)
        for room in believed.keys() | story.truth.keys():
            if room not in believed or not believed[room].agrees(story.truth.get(room)):
                yield f"{story.peer_id} sees {room} as {believed.get(room)}, it is {story.truth.get(room)}"


def ghosts(case: Case) -> Iterator[str]:
    """A room has a member, or an owner, that is not there."""
    for room, seen in _final_views(case).items():
        present = {peer for peer, _ in seen}
        for peer, view in seen:
            if ghost := sorted(view.members - present):
                yield f"{room} has {ghost} in it by what {peer} was told"
            if outside := sorted(view.hosts - view.members):
                yield f"{room} has hosts {outside}, who are not in it"


def two_winners(case: Case) -> Iterator[str]:
    """A second peer got a room that its first owner had never left."""
    winners: dict[str, list[tuple[int, str]]] = {}  # by room: who has got it, and under which number
    closed = {sent.room for _, sent in case.sent.values() if sent.event == "room-close-request"}
    for story, sent in case.sent.values():
        if sent.event == "room-create-request" and sent.answer == OK:
            winners.setdefault(sent.room, []).append((sent.number, story.peer_id))
    for room, won in winners.items():
        steady = {peer for _, peer in won if case.stays(peer) and not _went(case.stories[peer], room)}
        first = min((number for number, peer in won if peer in steady), default=0)
        others = {peer for number, peer in won if steady - {peer} and number > first}
        if others and room not in closed:  # who asks again is told so again
            yield f"{room} was given to each of {[peer for _, peer in sorted(won)]}"


def no_winner(case: Case) -> Iterator[str]:
    """All who wanted a room were told that it was taken."""
    answers: dict[str, list[str | None]] = {}
    for _, sent in case.sent.values():
        if sent.event == "room-create-request" or sent.fields.get("create"):
            answers.setdefault(sent.room, []).append(sent.answer)
    for room, said in answers.items():
        if set(said) == {"taken"}:
            yield f"{room} was refused to all, as taken"


def unanswered(case: Case) -> Iterator[str]:
    """One who sends again what was not answered has got no answer in the end."""
    for story in case.stories.values():
        for sent in story.sent() if story.numbered and story.stayed else ():
            if sent.answer is None and sent.event != "room-join-request":
                yield f"{story.peer_id} was not answered {sent.number}, {sent.event} in {sent.room}"


def _has_asked_again(story: Story, room: str) -> bool:
    """Whether a peer knows how all its requests to join a room have ended, in whatever way it was told."""
    asked = [sent for sent in story.sent() if (sent.event, sent.room) == ("room-join-request", room)]
    return story.numbered and all(sent.answer for sent in asked)


def _has_left_since(story: Story, accept: Sent) -> bool:
    """Whether a peer was answered that it is in a room, and is out of it again: then it is not told any more.

    An answer does not wait for a client that reads slowly, and the event does; and news that it is out takes its place.
    """
    ours = [entry for entry in story.entries if isinstance(entry, Sent | Got) and entry.room == accept.room]
    done = [(place, entry) for place, entry in enumerate(ours) if isinstance(entry, Sent) and entry.answer == OK]
    asked = [place for place, sent in done if sent.event == "room-join-request" and sent.number < accept.number]
    if not asked:
        return False
    left = any(sent.event == "room-leave-request" and sent.number > accept.number for _, sent in done)
    return left or any(isinstance(entry, Got) and entry.event in OUT for entry in ours[asked[-1] :])


def _told_again(case: Case, peer: str, event: str, number: int) -> int:
    """How often somebody may be told once more.

    A join request is, to one who becomes a host, or comes in as one by its grant; an answer to an own event, which
    clients do not count, to one who has come back, and so is a rejection.
    """
    if number not in case.sent:
        return 0
    if event == "room-join-reject" and case.sent[number][1].to == peer:
        return sum(isinstance(entry, Back) for entry in case.stories[peer].entries)
    if case.sent[number][0].peer_id == peer and event not in COUNTED:
        backs = sum(isinstance(entry, Back) for entry in case.stories[peer].entries)
        return 2 * backs if case.stories[peer].numbered else backs  # as it was, and as it asks again
    if event != "room-join-request":
        return 0
    room, story = case.sent[number][1].room, case.stories[peer]
    became = sum(got.room == room and got.peer == peer for got in story.got("room-owner", "room-role"))
    came = sum(got.room == room for got in story.got("room-join-accept")) if story.may(room) in HOSTS else 0
    return became + came


def _has_cause(case: Case, story: Story, got: Got) -> bool:
    if got.number not in case.sent:
        return False
    cause = case.sent[got.number][1]
    if cause.room != got.room:
        return False
    if case.sent[got.number][0] is story:
        return True  # the answer to an event of its own
    to_many = cause.event == "room-message-request" and cause.to in ("", "hosts") and _is_by(case, cause, got)
    to_it = (cause.to == story.peer_id or to_many) and EFFECT.get(cause.event) == got.event
    return to_it or (BYSTANDERS.get(cause.event) == got.event and _is_about(case, cause, got))


def _is_by(case: Case, cause: Sent, got: Got) -> bool:
    return got.peer == case.sent[cause.number][0].peer_id


def _is_about(case: Case, cause: Sent, got: Got) -> bool:
    return got.peer == (cause.to or case.sent[cause.number][0].peer_id)


def _final_views(case: Case) -> dict[str, list[tuple[str, View]]]:
    seen: dict[str, list[tuple[str, View]]] = {}
    for story in case.stories.values():
        if story.stayed:
            for room, view in story.truth.items():
                seen.setdefault(room, []).append((story.peer_id, view))
    return seen


def _went(story: Story, room: str) -> bool:
    """Whether a peer has left a room, or was put out of it."""
    left = any(sent.event == "room-leave-request" and sent.room == room for sent in story.sent())
    return left or any(got.room == room for got in story.got(*OUT))


def _found(story: Story, room: str) -> bool:
    """Whether a peer came back and found a room that it had been let into: then it may not have been told so.

    In version 2 it is not told either what has become of a room in the meantime.
    """
    backs = [entry for entry in story.entries if isinstance(entry, Back)]
    return any(story.version > 1 or room in back.rooms for back in backs)


def _was_put_out(case: Case, story: Story, got: Got) -> bool:
    """Whether one who left did not go by itself: it was kicked, or the room was closed, as version 1 is told.

    One of version 1 who is kicked is told the same as if the room were closed; of ``room-closed``, which is not
    counted, it may not hear if its connection is lost.
    """
    if got.detail == "closed":
        over = any(other.room == got.room for one in case.stories.values() for other in one.got("room-closed"))
        return over or (story.version == 1 and _is_kicked(case, got.room, story.peer_id))
    return got.detail == "kicked" and _is_kicked(case, got.room, got.peer)


def _is_kicked(case: Case, room: str, peer_id: str) -> bool:
    """Whether anybody has wanted to put a peer, or another one of its identity, out of a room."""
    key = case.stories[peer_id].key
    kicks = (sent for _, sent in case.sent.values() if (sent.event, sent.room) == ("room-kick-request", room))
    return any(case.key_of(kick.to) == key for kick in kicks)
