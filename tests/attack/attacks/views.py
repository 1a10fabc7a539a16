"""What members of large rooms can ask for again and again: who is in them."""

import asyncio

from tests.attack.attacks.floods import repeated
from tests.attack.me import Me
from tests.attack.mouth import Gone
from tests.attack.party import FULL, PEERINFO, gather, until_ok
from tests.attack.plan import Steps, attack
from tests.attack.talker import Talker

RESUMES = 30  # at once


@attack(row=2)
async def joins_of_a_member(me: Me) -> Steps:
    """A member of a room of 64 asks to be let in, again and again, and wants an answer"""
    party = await gather(me)
    yield
    await ask_again(me, party.guests[0], party.rooms[0])


@attack(row=2)
async def joins_unread(me: Me) -> Steps:
    """The same by twenty members who do not read."""
    party = await gather(me)
    for guest in party.guests[:20]:
        guest.stop_reading()
    yield
    await asyncio.gather(*(ask_again(me, guest, party.rooms[0]) for guest in party.guests[:20]), return_exceptions=True)


async def ask_again(me: Me, guest: Talker, room: str) -> None:
    guest.listening = False
    chunk = repeated(guest.event("room-join-request", ack="7", room=room))
    while True:
        await guest.say(chunk)
        await asyncio.sleep(0.01)


@attack(row=3)
async def resumes(me: Me) -> Steps:
    """A peer in 16 rooms of 64 comes back thirty times at once, over and over"""
    party = await gather(me, members=FULL - 1, rooms=16)
    returning = await me.peer(peerinfo=PEERINFO, resumable=True)
    for room in party.rooms:
        await until_ok(returning, "room-join-request", room)
    token = returning.token
    yield
    while True:
        guests = await asyncio.gather(*(me.guest() for _ in range(RESUMES)))
        answers = [asyncio.ensure_future(resume(me, guest, token)) for guest in guests]
        done, _ = await asyncio.wait(answers, timeout=1.5)
        token = next((answer.result() for answer in done if answer.result()), token)
        for guest in guests:
            guest.hang_up()


async def resume(me: Me, guest: Talker, token: str) -> str:
    try:
        answer = await guest.authenticate(me.scene.token, resume=token, resumable=True)
    except (Gone, TimeoutError):
        return ""
    return guest.token if answer.get("resumed") else ""
