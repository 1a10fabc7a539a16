"""What a client sends again under its number is done once, and answered again.

A number is used up when its event takes effect: then it is remembered (``broker/core/numbers.py``) with as little of
the answer as will do. The event that comes again tells the rest, because a client sends again what it sent before: the
room, the peer, the payload. What would be much, a room's members or its policy, is told as it is by then. What only the
sender was told by an event is told again as long as it is true: clients know their rooms by such events. An event that
is refused has changed nothing and uses no number up: sent again, it is decided anew.

A request to join takes effect when it begins to wait. Its number is with the request until that is decided, however
many numbers follow, and is remembered from then on.
"""

import functools
import re
from typing import Any, NamedTuple

from broker.core.asked import Asked
from broker.core.context import Context
from broker.core.numbers import Answered, Numbers, checksum
from broker.core.rules import admission
from broker.core.rules.requests import ENDINGS, OK, WITHDRAWN
from broker.core.rules.rooms import room_key
from broker.core.state import Peer, Room
from shared.contract.events import EVENTS, RoomCreateRequest, RoomJoinRequest, RoomPolicyRequest
from shared.contract.frames import refused, with_raw
from shared.contract.refusals import BAD_REQUEST, STALE, Refusal
from shared.contract.told import TOLD, ServerEvent
from shared.envelopes.entries import Said
from shared.envelopes.levels import LIFE

MADE = 1  # the outcome of a request to join that made the room; the others are in requests.py
_NAMED = ("room", "peer_id", "payload")  # what every event tells that has it
_CHOSEN = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")  # a room's name that a gateway may have chosen


class _Answer(NamedTuple):
    """What the acknowledgement of an event has beside ``ok``, as declared.

    fields  the names of its fields
    told    the event that says the same to the sender, if there is one
    values  those of the fields that have to be remembered: the event that comes again does not tell them
    """

    fields: tuple[str, ...]
    told: type[ServerEvent] | None
    values: tuple[str, ...]


def counts(core: Context, peer: Peer, said: Said) -> bool:
    """Whether the number of an event means anything: for clients that know of numbers, if they can be answered."""
    return core.state.level >= LIFE and peer.version > 1 and said.ack is not None


def answer_again(core: Context, peer: Peer, n: int, asked: Asked[Any, Any]) -> bool:
    """Answer an event that took effect before; False if it did not. Raises Refusal."""
    numbers = peer.numbers
    if numbers is None or n > numbers.newest:
        return False
    answered = numbers.find(n)
    if answered is not None:
        _check_same(answered.checksum == _checksum(asked))
        _answer(core, peer, asked, answered)
        return True
    room = _waiting_for(core, peer, n)
    if room is not None:
        _check_same(asked.own.NAME == RoomJoinRequest.NAME and asked.key == room.key)
        admission.wait_again(core, room, peer, asked)
        return True
    if n <= numbers.forgotten:
        raise Refusal(STALE)
    return False


def remember(core: Context, peer: Peer, n: int, asked: Asked[Any, Any]) -> None:
    """An event has taken effect. Unless it waits for a decision, it has just been answered."""
    numbers = peer.numbers = peer.numbers or Numbers()
    if asked.own.NAME == RoomJoinRequest.NAME:
        pending = core.state.rooms[asked.key].pending.get(peer.peer_id)
        if pending is not None:
            pending.numbers.append(n)
            numbers.newest = max(numbers.newest, n)
        else:
            numbers.add(Answered(n, _checksum(asked), MADE if asked.room is None else OK, []))
        return
    values = [core.out.acked.get(name) for name in _answer_to(asked.own.NAME).values]
    if _is_chosen(asked):
        values.append(asked.room_name)
    numbers.add(Answered(n, _checksum(asked), OK, values))


def _answer(core: Context, peer: Peer, asked: Asked[Any, Any], answered: Answered) -> None:
    if answered.outcome in ENDINGS:
        _answer_no(core, peer, asked, answered.outcome)
        return
    if asked.own.NAME == RoomJoinRequest.NAME:
        fields = admission.view_again(core, peer, asked, answered.outcome == MADE)
    else:
        fields = _fields(core, peer, asked, answered.values)
        told = _answer_to(asked.own.NAME).told
        if told is not None and _is_true(core, peer, asked.own.NAME, fields["room"]):
            core.out.answer(peer.gateway, asked.conn, [told(**fields).frame()])
    _ack(core, peer, asked, {"ok": True, **fields})


def _answer_no(core: Context, peer: Peer, asked: Asked[Any, Any], outcome: int) -> None:
    """The request to join was turned away, which an event tells too, or the candidate has taken it back."""
    refusal = ENDINGS[outcome]
    if outcome != WITHDRAWN and _is_true(core, peer, asked.own.NAME, asked.room_name):
        answer = refused(asked.own.NAME, refusal, {"room": asked.room_name, "peer_id": peer.peer_id})
        core.out.answer(peer.gateway, asked.conn, [answer.frame()])
    _ack(core, peer, asked, {"ok": False, **refusal.fields()})


def _fields(core: Context, peer: Peer, asked: Asked[Any, Any], values: list[Any]) -> dict[str, Any]:
    """What the acknowledgement says, from the event as it has come again and the values that are remembered."""
    answer = _answer_to(asked.own.NAME)
    known: dict[str, Any] = {"room": asked.room_name, **with_raw(payload=asked.body)}
    known |= {"peer_id": asked.peer_id} if asked.peer_id else {}
    known |= {name: value for name in asked.own.OWN if (value := getattr(asked.own, name)) is not None}
    known |= dict(zip(answer.values, values, strict=False))
    if asked.own.NAME == RoomPolicyRequest.NAME:
        del known["policy"]
        known |= _policy_now(core, peer, asked.room)
    elif _is_chosen(asked) and values:
        known["room"] = values[-1]
    return {name: known[name] for name in answer.fields if name in known}


def _is_true(core: Context, peer: Peer, event: str, room_name: str) -> bool:
    """Whether the event that told a peer of a room is still true: it may have come in, asked or gone again since."""
    room = core.state.rooms.get(room_key(core, peer, room_name))
    if event == RoomCreateRequest.NAME:
        return room is not None and peer.peer_id in room.members
    return room is None or not (peer.peer_id in room.members or peer.peer_id in room.pending)


def _policy_now(core: Context, peer: Peer, room: Room | None) -> dict[str, Any]:
    """The policy of a room, if that is the peer's business."""
    if room is None or peer.peer_id not in room.members:
        return {}
    return {"policy": room.policy.shown(core.limits.peers_per_room)}


def _ack(core: Context, peer: Peer, asked: Asked[Any, Any], fields: dict[str, Any]) -> None:
    assert asked.ack is not None  # noqa: S101 - for the type checker: without one, a number means nothing
    core.out.ack(peer, [(asked.conn, asked.ack)], fields)


def _check_same(same: bool) -> None:
    """Make sure that what comes under a number is what came under it before, as far as that is known."""
    if not same:
        raise Refusal(BAD_REQUEST, "This number was another event's")


def _waiting_for(core: Context, peer: Peer, n: int) -> Room | None:
    """The room that a request with this number waits for."""
    rooms = (core.state.rooms[key] for key in peer.asked)
    return next((room for room in rooms if n in room.pending[peer.peer_id].numbers), None)


@functools.cache
def _answer_to(event: str) -> _Answer:
    declared = EVENTS[event]
    told = TOLD[declared.ANSWER] if isinstance(declared.ANSWER, str) else None
    fields = (TOLD[declared.ANSWER] if isinstance(declared.ANSWER, str) else declared.ANSWER).__struct_fields__
    return _Answer(fields, told, tuple(name for name in fields if name not in (*_NAMED, *declared.OWN)))


def _is_chosen(asked: Asked[Any, Any]) -> bool:
    """Whether a new room may have been left without a name: then a gateway chooses another one each time."""
    return asked.own.NAME == RoomCreateRequest.NAME and _CHOSEN.fullmatch(asked.room_name) is not None


def _checksum(asked: Asked[Any, Any]) -> int:
    return checksum(asked.own.NAME, "" if _is_chosen(asked) else asked.room_name, asked.peer_id)
