"""What the members of a room share: values by key, each with a version.

Keys that begin with ``host.`` are the hosts' to write, and those that begin with ``peer.`` and a peer's id are that
peer's alone: they are gone when it leaves, for others with `room-user-leave`.
"""

import msgspec

from broker.core import allowance, keeping, life
from broker.core.asked import InRoom
from broker.core.context import Context
from broker.core.rights import is_host
from broker.core.rules.views import others
from broker.core.state import Datum, Peer, Room
from shared.contract.events import NULL, DataKey, RoomDataRequest
from shared.contract.refusals import BAD_REQUEST, CONFLICT, FORBIDDEN, FULL, Refusal
from shared.contract.told import RoomData

Changes = dict[str, bytes]  # values as JSON by key; empty: the key is removed

_decode = msgspec.json.Decoder(dict[DataKey, msgspec.Raw]).decode


def change(core: Context, peer: Peer, asked: InRoom[RoomDataRequest]) -> None:
    """A member changes some of it: all that it asks for, or nothing."""
    room, changes = asked.room, _read(asked.own.set)
    for key in changes:
        _check_right(room, peer, key)
    _check_versions(room, asked.own.expected or {})
    _check_size(core, room, changes)
    told = [other for other in others(core, room, peer.peer_id) if other.version > 1]
    news = _news(room, changes, life.next_number(core.state), peer)
    core.out.check_way_to(told)
    size = (len(news.frame()) + allowance.EACH) * (len(told) + 1)
    allowance.spend_in(room, peer, size, core.state.now, core.limits, lambda: core.out.free_part(told))
    core.state.number = news.version
    _tell(core, room, told, news)
    life.change(core, room, {key: Datum(value, news.version, peer.peer_id) for key, value in changes.items()})
    if peer.kept:
        core.out.keeping.forget_keys(peer, room.key, changes)
    if asked.ack is not None:
        core.out.ack(peer, [(asked.conn, asked.ack)], {"ok": True, "room": room.name, "version": news.version})


def _read(encoded: msgspec.Raw) -> Changes:
    try:
        decoded = _decode(encoded)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        raise Refusal(
            BAD_REQUEST, "set maps keys to values; a key has up to 64 of a-z, 0-9, `.`, `_` and `-`"
        ) from None
    if not decoded:
        raise Refusal(BAD_REQUEST, "set has no key")
    return {key: b"" if value == _NULL else bytes(value) for key, value in decoded.items()}


def _check_right(room: Room, peer: Peer, key: str) -> None:
    if key.startswith("host.") and not is_host(room, peer.peer_id):
        raise Refusal(FORBIDDEN, f"Only hosts of the room may set {key}")
    if key.startswith("peer.") and not key.startswith(life.keys_of(peer.peer_id)):
        raise Refusal(FORBIDDEN, f"Only the peer that {key} names may set it")


def _check_versions(room: Room, expected: dict[str, int]) -> None:
    present = {key: _version(room, key) for key in expected}
    if present != expected:
        raise Refusal(CONFLICT, versions=present)


def _version(room: Room, key: str) -> int:
    datum = room.life.data.get(key) if room.life is not None else None
    return 0 if datum is None else datum.version


def _check_size(core: Context, room: Room, changes: Changes) -> None:
    """Make sure that there is room for what there will be, unless that is less than there is. Raises Refusal."""
    data = life.values(room)
    after = {**data, **changes}
    count, size = sum(map(bool, after.values())), life.length(after)
    if count > len(data) and count > core.limits.data_keys:
        raise Refusal(FULL, f"A room's data has at most {core.limits.data_keys} keys")
    if size > life.length(data) and size > core.limits.data_bytes * life.part(core):
        raise Refusal(FULL, "The room has as much data as it may have")


def _news(room: Room, changes: Changes, version: int, peer: Peer) -> RoomData:
    shown = {key: msgspec.Raw(value or NULL) for key, value in changes.items()}
    return RoomData(room=room.name, set=shown, version=version, by=peer.peer_id)


def _tell(core: Context, room: Room, told: list[Peer], news: RoomData) -> None:
    """One that reads slowly is told key by key, so that a newer value can replace an older one that waits."""
    core.out.tell([peer for peer in told if not peer.slow], news)
    if slow := [peer for peer in told if peer.slow]:
        for key, value in news.set.items():
            was, there = _version(room, key) > 0, value != _NULL
            if was or there:
                part = msgspec.structs.replace(news, set={key: value})
                core.out.tell(slow, part, keeping.keyed(room.key, key, was, there))


_NULL = msgspec.Raw(NULL)
