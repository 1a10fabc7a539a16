"""What is kept of what goes on in rooms: bounded for each room, and for all of them together.

Once much is kept of all, there may be less of each: rooms that somebody fills in large numbers leave something for
others.
"""

from broker.core.context import Context
from broker.core.state import Datum, Life, Message, Room, State

LEAST_PART = 1 / 16  # of its limit that a room may have however much is kept of others


def next_number(state: State) -> int:
    """A number for something said: the log's position, or one above the newest if that has been given already.

    So numbers rise with the log, and no two are the same once it is noted in the state.
    """
    return max(state.number + 1, state.position)


def of(room: Room) -> Life:
    """The life of a room, from now on if it has none."""
    if room.life is None:
        room.life = Life()
    return room.life


def part(core: Context) -> float:
    """The part of its limits that a room may have now: all of it, as long as half of what all may have is free."""
    free = core.limits.life_bytes - core.state.lively
    return min(1.0, max(LEAST_PART, 2 * free / core.limits.life_bytes)) if core.limits.life_bytes else LEAST_PART


def remember(core: Context, room: Room, message: Message) -> None:
    """Keep a message for newcomers, as far as the room's policy wants that."""
    if room.policy.history:
        of(room).history.append(message)
        core.state.lively += len(message.shown)
        bound_history(core, room)


def bound_history(core: Context, room: Room) -> None:
    """Forget the oldest messages of a room when they are more than its policy wants, or too long in all."""
    if room.life is None:
        return
    history, most = room.life.history, core.limits.history_bytes * part(core)
    size = _length(history)
    first = 0
    while len(history) - first > room.policy.history or size > most:
        size -= len(history[first].shown)
        core.state.lively -= len(history[first].shown)
        first += 1
    del history[:first]


def change(core: Context, room: Room, changes: dict[str, Datum]) -> None:
    """Change some of a room's data. A key with an empty value is removed."""
    data = of(room).data
    before = length(values(room))
    for key, datum in changes.items():
        if datum.value:
            data[key] = datum
        else:
            data.pop(key, None)
    core.state.lively += length(values(room)) - before


def values(room: Room) -> dict[str, bytes]:
    """The values in a room's data, by key."""
    return {key: datum.value for key, datum in room.life.data.items()} if room.life is not None else {}


def length(values: dict[str, bytes]) -> int:
    """The bytes of keys and values; a key with an empty value is none."""
    return sum(len(key) + len(value) for key, value in values.items() if value)


def keys_of(peer_id: str) -> str:
    """How the keys begin that are a peer's own."""
    return f"peer.{peer_id}."


def size_of(room: Room) -> int:
    """The bytes that are kept of a room's life."""
    return _length(room.life.history) + length(values(room)) if room.life is not None else 0


def before(room: Room, since: int) -> list[Message]:
    """The messages that are remembered with numbers up to ``since``, the oldest first."""
    return [message for message in room.life.history if message.id <= since] if room.life is not None else []


def forget_peer(core: Context, room: Room, peer_id: str) -> None:
    """A peer is not in the room any more, or does not wait for it: what was its own is gone."""
    if room.life is None:
        return
    room.life.shares.pop(peer_id, None)
    own = [key for key in room.life.data if key.startswith(keys_of(peer_id))]
    if own:
        change(core, room, dict.fromkeys(own, Datum(b"", 0, peer_id)))


def forget(core: Context, room: Room) -> None:
    """The room is gone."""
    core.state.lively -= size_of(room)


def gather(state: State) -> None:
    """What follows from the rooms of a state."""
    state.lively = sum(size_of(room) for room in state.rooms.values())


def _length(history: list[Message]) -> int:
    return sum(len(message.shown) for message in history)
