"""What a peer can do in rooms of its own."""

import asyncio
import itertools

from tests.attack.attacks.floods import repeated
from tests.attack.attacks.sockets import over_and_over
from tests.attack.me import Me
from tests.attack.mouth import Gone
from tests.attack.party import FULL, PEERINFO, gather, until_ok
from tests.attack.plan import Steps, attack
from tests.attack.talker import Talker
from tests.bench.wire import text_frame
from tests.system.tcpsocket import PING, frame

SDP = "x" * 47_000
RESUMES = 30  # at once
LOST = 80  # sockets in a second
OFTEN = {"SNAPSHOT_INTERVAL": "2"}  # so that the attack sees some


@attack(row=2)
async def joins_of_a_member(me: Me) -> Steps:
    """A member of a room of 64 asks to be let in, again and again, and wants an answer"""
    party = await gather(me)
    yield
    await _ask_again(me, party.guests[0], party.rooms[0])


@attack(row=2)
async def joins_unread(me: Me) -> Steps:
    """The same by twenty members who do not read."""
    party = await gather(me)
    for guest in party.guests[:20]:
        guest.stop_reading()
    yield
    await asyncio.gather(
        *(_ask_again(me, guest, party.rooms[0]) for guest in party.guests[:20]), return_exceptions=True
    )


async def _ask_again(me: Me, guest: Talker, room: str) -> None:
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
        answers = [asyncio.ensure_future(_resume(me, guest, token)) for guest in guests]
        done, _ = await asyncio.wait(answers, timeout=1.5)
        token = next((answer.result() for answer in done if answer.result()), token)
        for guest in guests:
            guest.hang_up()


async def _resume(me: Me, guest: Talker, token: str) -> str:
    try:
        answer = await guest.authenticate(me.scene.token, resume=token, resumable=True)
    except (Gone, TimeoutError):
        return ""
    return guest.token if answer.get("resumed") else ""


@attack(row=6)
async def relays(me: Me) -> Steps:
    """Four roommates send one peer 47 KiB relays, as fast as they may"""
    party = await gather(me, members=5, peerinfo="x")
    yield
    await asyncio.gather(*(_relay(guest, party.rooms[0], party.owner.peer_id) for guest in party.guests))


@attack(row=6)
async def refused_relays(me: Me) -> Steps:
    """Four peers send 47 KiB relays to nobody"""
    peers = [await me.peer() for _ in range(4)]
    yield
    await asyncio.gather(*(_relay(peer, "nowhere", "nobody") for peer in peers))


async def _relay(sender: Talker, room: str, to: str) -> None:
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
    await asyncio.gather(*(_come_and_go(guest, party.rooms[0]) for guest in party.guests[:4]))


async def _come_and_go(guest: Talker, room: str) -> None:
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
    if await _resume(me, guest, token):
        returning.append((guest.token, guest))


async def _broadcast(guests: list[Talker], room: str, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await asyncio.gather(*(_come_and_go(guest, room) for guest in guests))
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


@attack()
async def everything(me: Me) -> Steps:
    """Ten attackers at ten addresses, each in another way"""
    crowd = [me.elsewhere(number) for number in range(10)]
    party = await gather(crowd[0])
    small = repeated(text_frame("3"))
    yield
    await asyncio.gather(
        _ask_again(me, party.guests[0], party.rooms[0]),
        _come_and_go(party.guests[1], party.rooms[0]),
        _relay(party.guests[2], party.rooms[0], party.owner.peer_id),
        _relay(await crowd[1].peer(), "nowhere", "nobody"),
        crowd[2].flood(crowd[2].stranger, lambda _: small),
        crowd[3].flood(crowd[3].stranger, lambda _: repeated(text_frame("40"))),
        crowd[4].flood(crowd[4].guest, lambda _: repeated(text_frame('42["x"]'))),
        crowd[5].flood(crowd[5].peer, lambda peer: peer.event("auth-request", token=peer.token)),
        crowd[6].flood(crowd[6].peer, lambda peer: peer.event("room-create-request", ack="1")),
        crowd[7].flood(crowd[7].stranger, lambda _: repeated(frame(PING, b""))),
        crowd[8].flood(crowd[8].stranger, lambda _: text_frame("9")),
        crowd[9].flood(crowd[9].peer, lambda peer: peer.event("x", payload=SDP)),
        return_exceptions=True,
    )
