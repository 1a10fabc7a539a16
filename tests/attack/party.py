"""Rooms full of the attacker's own peers."""

import asyncio
import dataclasses
import secrets

from tests.attack.me import Me
from tests.attack.mouth import Gone
from tests.attack.talker import Talker

PEERINFO = "x" * 4000  # 4 KiB, nearly
FULL = 64
TRIES = 20
PAUSE = 0.1  # seconds until somebody who was refused asks again
PATIENCE = 20.0  # seconds; then the rooms are as full as they are


@dataclasses.dataclass
class Party:
    """Rooms of one owner, and the guests who are in all of them."""

    owner: Talker
    rooms: list[str]
    guests: list[Talker]


async def gather(
    me: Me, members: int = FULL, rooms: int = 1, peerinfo: str = PEERINFO, resumable: bool = False, version: int = 1
) -> Party:
    """Fill rooms, as far as that is possible in time."""
    shown = {"peerinfo": peerinfo, "resumable": resumable, "version": version}
    owner = await me.peer(**shown)
    owner.on[b"room-join-request"] = lambda asked: let_in(owner, asked["room"], asked["peer_id"])
    names = [f"attack-{secrets.token_hex(6)}" for _ in range(rooms)]
    for name in names:
        await until_ok(owner, "room-create-request", room=name)
    guests = [await me.peer(**shown) for _ in range(members - 1)]
    party = Party(owner, names, guests)
    try:
        async with asyncio.timeout(PATIENCE):
            joins = await asyncio.gather(*(_enter(party, name) for name in names))
            me.prepared = f"{rooms} rooms, {sum(joins)} joins"
    except TimeoutError:
        me.prepared = f"not all of {rooms} rooms were full after {PATIENCE:g} s"
    return party


def let_in(owner: Talker, room: str, peer_id: str) -> None:
    """Accept somebody, if the owner is still there."""
    if not owner.gone:
        owner.put(owner.event("room-join-accept", room=room, peer_id=peer_id))


async def until_ok(peer: Talker, event: str, room: str) -> bool:
    """Ask until it is granted, or often enough."""
    for _ in range(TRIES):
        if (await peer.ask(event, room=room))["ok"]:
            return True
        await asyncio.sleep(PAUSE)
    return False


async def _enter(party: Party, room: str) -> int:
    joined = 0
    for guest in party.guests:
        try:
            joined += await until_ok(guest, "room-join-request", room)
        except (Gone, TimeoutError):
            continue
    return joined
