"""What strangers and roommates can do to one owner of a room who is slow, or away. It must keep place and room."""

import asyncio

from tests.attack.attacks.floods import repeated
from tests.attack.me import Me
from tests.attack.mouth import Gone
from tests.attack.party import PEERINFO, until_ok
from tests.attack.plan import Steps, attack
from tests.attack.scene import Place
from tests.attack.talker import Talker

SDP = "x" * 47_000
CANDIDATE = "x" * 1000
STRANGERS, ROOMMATES, MANY = 4, 4, 60


def door(me: Me) -> Place:
    """The victim's room."""
    assert me.scene.host is not None
    return me.scene.host


async def knock(me: Me, strangers: int, **fields: str) -> None:
    """Ask to be let in, without an end."""
    room = door(me).room

    def words(stranger: Talker) -> bytes:
        return repeated(stranger.event("room-join-request", room=room, **fields))

    await asyncio.gather(*(me.flood(lambda: me.peer(peerinfo=PEERINFO), words) for _ in range(strangers)))


async def roommates(me: Me) -> list[Talker]:
    """Peers in the victim's room: it lets in who asks beforehand."""
    mates = [await me.peer(peerinfo="x") for _ in range(ROOMMATES)]
    for mate in mates:
        if not await until_ok(mate, "room-join-request", door(me).room):
            raise Gone
    return mates


async def relay(me: Me, mates: list[Talker], event: str, **body: str) -> None:
    """Send the victim relays, without an end."""

    async def one(mate: Talker) -> None:
        mate.listening = False
        words = repeated(mate.event(event, room=door(me).room, to=door(me).peer_id, **body))
        while True:
            await mate.say(words)

    await asyncio.gather(*(one(mate) for mate in mates))


@attack(row=4, host="present")
async def knocks(me: Me) -> Steps:
    """Four strangers knock on one owner, with 4 KiB of peerinfo and payload"""
    yield
    await knock(me, STRANGERS, payload=PEERINFO)


@attack(row=7, host="slow")
async def knocks_at_a_slow_owner(me: Me) -> Steps:
    """The same, while the owner is on 10 Mbit/s"""
    yield
    await knock(me, STRANGERS, payload=PEERINFO)


@attack(row=7, host="absent")
async def knocks_at_an_absent_owner(me: Me) -> Steps:
    """Strangers knock without a payload, while the owner reconnects"""
    yield
    await knock(me, STRANGERS)


@attack(row=7, host="absent")
async def many_knock_at_an_absent_owner(me: Me) -> Steps:
    """The same by strangers who each knock once, and others come"""

    async def once() -> None:
        stranger = await me.peer(peerinfo=PEERINFO)
        await stranger.say(stranger.event("room-join-request", room=door(me).room, payload=PEERINFO))

    async def lane() -> None:
        while True:
            try:
                await once()
            except (Gone, OSError, TimeoutError):
                await asyncio.sleep(0.01)

    yield
    await asyncio.gather(*(lane() for _ in range(8)))


@attack(row=7, host="slow")
async def many_knock_at_a_slow_owner(me: Me) -> Steps:
    """Sixty strangers knock on an owner on 10 Mbit/s"""
    yield
    await knock(me, MANY, payload=PEERINFO)


@attack(row=7, host="slow")
async def relays_to_a_slow_roommate(me: Me) -> Steps:
    """Four roommates send 47 KiB relays to one who is on 10 Mbit/s"""
    mates = await roommates(me)
    yield
    await relay(me, mates, "relay-session-description", session_description=SDP)


@attack(row=7, host="slow")
async def candidates_to_a_slow_roommate(me: Me) -> Steps:
    """The same with candidates of 1 KB"""
    mates = await roommates(me)
    yield
    await relay(me, mates, "relay-ice-candidate", ice_candidate=CANDIDATE)


@attack(row=7, host="absent")
async def relays_to_an_absent_roommate(me: Me) -> Steps:
    """Four roommates send 47 KiB relays to one who is reconnecting"""
    mates = await roommates(me)
    yield
    await relay(me, mates, "relay-session-description", session_description=SDP)


@attack(row=7, host="absent")
async def candidates_to_an_absent_roommate(me: Me) -> Steps:
    """The same with candidates of 1 KB"""
    mates = await roommates(me)
    yield
    await relay(me, mates, "relay-ice-candidate", ice_candidate=CANDIDATE)


@attack(host="absent")
async def presence_for_an_absent_roommate(me: Me) -> Steps:
    """Roommates of one who is reconnecting leave and join, at full speed, with payloads"""
    mates = await roommates(me)
    yield

    async def come_and_go(mate: Talker) -> None:
        while True:
            await mate.ask("room-leave-request", room=door(me).room, payload=PEERINFO)
            mate.put(mate.event("room-join-request", room=door(me).room))

    await asyncio.gather(*(come_and_go(mate) for mate in mates))
