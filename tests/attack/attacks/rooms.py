"""What a peer can do in rooms of its own."""

import asyncio
import itertools

from tests.attack.attacks.floods import repeated
from tests.attack.attacks.sockets import over_and_over
from tests.attack.me import Me
from tests.attack.party import PEERINFO, gather, until_ok
from tests.attack.plan import Steps, attack
from tests.attack.talker import Talker

SDP = "x" * 47_000


@attack(row=6)
async def relays(me: Me) -> Steps:
    """Four roommates send one peer 47 KiB relays, as fast as they may"""
    party = await gather(me, members=5, peerinfo="x")
    yield
    await asyncio.gather(*(relay(guest, party.rooms[0], party.owner.peer_id) for guest in party.guests))


@attack(row=6)
async def refused_relays(me: Me) -> Steps:
    """Four peers send 47 KiB relays to nobody"""
    peers = [await me.peer() for _ in range(4)]
    yield
    await asyncio.gather(*(relay(peer, "nowhere", "nobody") for peer in peers))


async def relay(sender: Talker, room: str, to: str) -> None:
    sender.listening = False
    one = sender.event("relay-session-description", room=room, to=to, session_description=SDP)
    while True:
        await sender.say(one)


@attack()
async def relays_unread(me: Me) -> Steps:
    """Relays to sixty roommates who do not read"""
    party = await gather(me, peerinfo="x")
    for guest in party.guests[4:]:
        guest.stop_reading()
    yield
    senders = [_relay_round(sender, party.rooms[0], party.guests[4:]) for sender in party.guests[:4]]
    await asyncio.gather(*senders)


async def _relay_round(sender: Talker, room: str, guests: list[Talker]) -> None:
    sender.listening = False
    for guest in itertools.cycle(guests):
        fields = {"room": room, "to": guest.peer_id, "session_description": SDP}
        await sender.say(sender.event("relay-session-description", **fields))


@attack()
async def leaving_and_joining(me: Me) -> Steps:
    """Four members leave a room of 64, and join it again, at full speed"""
    party = await gather(me)
    yield
    await asyncio.gather(*(come_and_go(guest, party.rooms[0]) for guest in party.guests[:4]))


async def come_and_go(guest: Talker, room: str) -> None:
    while True:
        await guest.ask("room-leave-request", room=room)
        await guest.ask("room-join-request", room=room)


@attack()
async def leaving_and_joining_blindly(me: Me) -> Steps:
    """The same, without waiting for an answer"""
    party = await gather(me)
    yield

    async def hurry(guest: Talker) -> None:
        guest.listening = False
        both = guest.event("room-leave-request", room=party.rooms[0])
        both += guest.event("room-join-request", room=party.rooms[0])
        while True:
            await guest.say(both)

    await asyncio.gather(*(hurry(guest) for guest in party.guests[:4]))


@attack()
async def creating_and_leaving(me: Me) -> Steps:
    """Peers create rooms, and leave them, at full speed"""

    def words(peer: Talker) -> bytes:
        return repeated(peer.event("room-create-request", room="a") + peer.event("room-leave-request", room="a"))

    yield
    await asyncio.gather(*(me.flood(me.peer, words) for _ in range(4)))


@attack()
async def renewals(me: Me) -> Steps:
    """A peer renews its session token at full speed"""

    def words(peer: Talker) -> bytes:
        return repeated(peer.event("auth-request", ack="1", token=peer.token))

    yield
    await me.flood(me.peer, words)


@attack()
async def renewals_of_a_large_peer(me: Me) -> Steps:
    """A peer of 4 KiB in four rooms of 64 renews its session token at full speed"""
    party = await gather(me, rooms=4)
    guest = party.guests[0]
    chunk = repeated(guest.event("auth-request", token=guest.token, peerinfo=PEERINFO))
    guest.listening = False
    yield
    while True:
        await guest.say(chunk)


@attack(row=4)
async def knocks_at_each_other(me: Me) -> Steps:
    """Four strangers knock on an owner of the attacker's, with 4 KiB of peerinfo and payload"""
    owner = await me.peer()
    await until_ok(owner, "room-create-request", "attack-door")
    owner.listening = False
    yield
    await asyncio.gather(*(me.flood(lambda: me.peer(peerinfo=PEERINFO), _knock) for _ in range(4)))


def _knock(stranger: Talker) -> bytes:
    return stranger.event("room-join-request", room="attack-door", payload=PEERINFO)


@attack()
async def doors(me: Me) -> Steps:
    """Peers knock at sixteen doors, and are let in and go, at full speed"""
    party = await gather(me, members=2, rooms=16, peerinfo=PEERINFO)

    async def once() -> None:
        peer = await me.peer(peerinfo=PEERINFO)
        await asyncio.gather(*(peer.ask("room-join-request", room=room) for room in party.rooms))
        peer.hang_up()

    yield
    await over_and_over(once, lanes=4)
