"""What peers who are away cost."""

import asyncio

from tests.attack.attacks.rooms import come_and_go
from tests.attack.attacks.views import resume
from tests.attack.me import Me
from tests.attack.party import PEERINFO, gather
from tests.attack.plan import Steps, attack
from tests.attack.talker import Talker

LOST = 80  # sockets in a second
OFTEN = {"SNAPSHOT_INTERVAL": "2"}  # so that the attack sees some


@attack(row=8)
async def lost_sockets(me: Me) -> Steps:
    """After thousands of broadcasts, eighty resumable sockets are lost in a second"""
    party = await gather(me, members=62, peerinfo="x", resumable=True)
    await _broadcast(party.guests[:8], party.rooms[0], seconds=8)
    yield
    returning = [(guest.token, guest) for guest in party.guests[8:]]
    while True:
        token, guest = returning.pop(0)
        guest.hang_up()
        await asyncio.sleep(1 / LOST)
        me.meanwhile(_come_back(me, token, returning))


async def _come_back(me: Me, token: str, returning: list[tuple[str, Talker]]) -> None:
    guest = await me.guest()
    if await resume(me, guest, token):
        returning.append((guest.token, guest))


async def _broadcast(guests: list[Talker], room: str, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await asyncio.gather(*(come_and_go(guest, room) for guest in guests))
    except TimeoutError:
        pass


@attack(row=12, settings=OFTEN)
async def absent_crowd(me: Me) -> Steps:
    """Five rooms of 62 absent peers, to all of whom something large is told"""
    parties = [await gather(me, members=62, peerinfo="x", resumable=True) for _ in range(5)]
    for guest in (guest for party in parties for guest in party.guests[1:]):
        guest.hang_up()
    yield
    await asyncio.gather(*(_tell_all(party.guests[0], party.rooms[0]) for party in parties))


async def _tell_all(guest: Talker, room: str) -> None:
    while True:
        await guest.ask("room-leave-request", room=room, payload=PEERINFO)
        await guest.ask("room-join-request", room=room)
        await asyncio.sleep(0.05)
