"""Hundreds of sockets of one address, each of them within its own budget."""

import asyncio

from tests.attack.attacks.floods import repeated
from tests.attack.attacks.rooms import SDP
from tests.attack.attacks.views import resume
from tests.attack.me import Me
from tests.attack.mouth import Gone, Mouth
from tests.attack.party import PEERINFO, gather, until_ok
from tests.attack.plan import Steps, attack
from tests.attack.talker import Talker

MANY = 300
FEW = 60
PIPELINED = 500


async def arrive(me: Me, count: int, **fields: object) -> list[Talker]:
    """So many peers, a few at a time."""
    peers: list[Talker] = []
    for _ in range(0, count, 20):
        peers += await asyncio.gather(*(me.peer(**fields) for _ in range(20)))
    me.prepared = f"{len(peers)} peers"
    return peers


async def say_all(peers: list[Talker], *chunks: bytes) -> None:
    """Each says the same for ever, as fast as it is taken."""

    async def one(peer: Talker, chunk: bytes) -> None:
        peer.listening = False
        while True:
            await peer.say(chunk)

    await asyncio.gather(*(one(peer, chunk) for peer, chunk in zip(peers, chunks, strict=True)), return_exceptions=True)


@attack()
async def many_small_events(me: Me) -> Steps:
    """Three hundred peers send small events to nobody, as fast as they may"""
    peers = await arrive(me, MANY)
    chunks = [repeated(peer.event("relay-ice-candidate", room="x", to="y", ice_candidate="z")) for peer in peers]
    yield
    await say_all(peers, *chunks)


@attack()
async def many_unauthorized_events(me: Me) -> Steps:
    """Three hundred peers send small events without their token, as fast as they may"""
    peers = await arrive(me, MANY)
    chunks = [
        repeated(peer.event("room-leave-request", room="x").replace(peer.token[:9].encode(), b"x" * 9))
        for peer in peers
    ]
    yield
    await say_all(peers, *chunks)


@attack()
async def many_relays(me: Me) -> Steps:
    """Sixty roommates send each other 47 KiB relays, as fast as they may"""
    party = await gather(me, members=FEW, peerinfo="x")
    to = party.owner.peer_id
    chunks = [
        guest.event("relay-session-description", room=party.rooms[0], to=to, session_description=SDP)
        for guest in party.guests
    ]
    party.owner.listening = False
    yield
    await say_all(party.guests, *chunks)


@attack()
async def many_large_refusals(me: Me) -> Steps:
    """Sixty peers leave rooms that there are not, with payloads, and do not read the answers"""
    peers = await arrive(me, FEW)
    for peer in peers:
        peer.stop_reading()
    chunks = [repeated(peer.event("room-leave-request", ack="1", room="nowhere", payload=PEERINFO)) for peer in peers]
    yield
    await say_all(peers, *chunks)


@attack()
async def many_large_answers(me: Me) -> Steps:
    """Sixty peers create and leave rooms, with payloads, and do not read the answers"""
    peers = await arrive(me, FEW)
    for peer in peers:
        peer.stop_reading()
    chunks = [
        peer.event("room-create-request", ack="1", room=f"r{number}", payload=PEERINFO)
        + peer.event("room-leave-request", ack="1", room=f"r{number}", payload=PEERINFO)
        for number, peer in enumerate(peers)
    ]
    yield
    await say_all(peers, *chunks)


@attack()
async def many_resumes(me: Me) -> Steps:
    """Sixty peers of a large room come back eight times each, all at once, over and over"""
    party = await gather(me, members=FEW, resumable=True)
    tokens = [guest.token for guest in party.guests]
    yield
    while True:
        guests = [(await me.guest(), token) for token in tokens for _ in range(8)]
        answers = [asyncio.ensure_future(resume(me, guest, token)) for guest, token in guests]
        await asyncio.wait(answers, timeout=2)
        for guest, _ in guests:
            guest.hang_up()
        new = [answer.result() for answer in answers if answer.done() and answer.result()]
        tokens = new[:FEW] or tokens


@attack()
async def many_join(me: Me) -> Steps:
    """Sixty members of each of four large rooms leave, and join again, all of them, blindly"""
    parties = [await gather(me) for _ in range(3)]
    yield
    peers = [(guest, party.rooms[0]) for party in parties for guest in party.guests]
    chunks = [
        guest.event("room-leave-request", room=room) + guest.event("room-join-request", room=room)
        for guest, room in peers
    ]
    await say_all([guest for guest, _ in peers], *chunks)


@attack()
async def rejections_unread(me: Me) -> Steps:
    """Candidates who do not read are rejected with payloads, over and over"""
    pairs = []
    for number in range(20):
        owner, candidate = await me.peer(), await me.peer()
        room = f"reject-{number}"
        await until_ok(owner, "room-create-request", room)
        owner.listening = False
        candidate.stop_reading()
        pairs.append((owner, candidate, room))
    yield

    async def one(owner: Talker, candidate: Talker, room: str) -> None:
        ask = candidate.event("room-join-request", room=room)
        say_no = owner.event("room-join-reject", room=room, peer_id=candidate.peer_id, payload=PEERINFO)
        while True:
            await candidate.say(ask)
            await owner.say(say_no)
            await asyncio.sleep(0.004)

    await asyncio.gather(*(one(*pair) for pair in pairs), return_exceptions=True)


@attack()
async def absent_in_rooms_of_their_own(me: Me) -> Steps:
    """Two hundred peers are absent, each from a room of its own, in which others come and go with payloads"""
    drivers = []
    for _ in range(14):
        party = await gather(me, members=2, rooms=16)
        for room in party.rooms:
            absent = await me.peer(resumable=True)
            await until_ok(absent, "room-join-request", room)
            absent.hang_up()
        driver = party.guests[0]

        def accept(asked: dict[str, str], owner: Talker = party.owner) -> None:
            if not owner.gone:
                owner.put(
                    owner.event("room-join-accept", room=asked["room"], peer_id=asked["peer_id"], payload=PEERINFO)
                )

        party.owner.on[b"room-join-request"] = accept
        drivers.append((driver, party.rooms))
    yield

    async def drive(driver: Talker, rooms: list[str]) -> None:
        while True:
            for room in rooms:
                await driver.ask("room-leave-request", room=room, payload=PEERINFO)
                await driver.ask("room-join-request", room=room)

    await asyncio.gather(*(drive(*one) for one in drivers), return_exceptions=True)


async def _pipeline(me: Me, port: int, request: bytes, connections: int = 4) -> None:
    chunk = request * PIPELINED
    await asyncio.gather(*(me.flood(lambda: me.call(Mouth, port), lambda _: chunk) for _ in range(connections)))


@attack()
async def pipelined_probes(me: Me) -> Steps:
    """Probes on the gateway, hundreds at once on one connection"""
    yield
    await _pipeline(me, me.gateway, b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")


@attack()
async def pipelined_numbers(me: Me) -> Steps:
    """/metrics of the gateway, hundreds at once on one connection"""
    yield
    await _pipeline(me, me.gateway, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")


@attack()
async def pipelined_numbers_unread(me: Me) -> Steps:
    """The same on two hundred connections, unread"""
    yield

    async def deaf() -> Mouth:
        mouth = await me.call(Mouth, me.gateway)
        mouth.stop_reading()
        return mouth

    chunk = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * PIPELINED
    await asyncio.gather(*(me.flood(deaf, lambda _: chunk) for _ in range(200)))


@attack()
async def pipelined_behind_a_poll(me: Me) -> Steps:
    """Requests without an end behind one that is waited for"""
    yield

    async def once() -> None:
        mouth = await me.call(Mouth, me.gateway)
        head = b"POST /socket.io/?EIO=4&transport=polling&sid=x HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n"
        await mouth.say(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" + head)
        while True:
            await mouth.say(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * PIPELINED)

    async def lane() -> None:
        while True:
            try:
                await once()
            except (Gone, OSError):
                await asyncio.sleep(0.01)

    await asyncio.gather(*(lane() for _ in range(20)))


@attack()
async def pipelined_on_auth(me: Me) -> Steps:
    """Requests to auth_api, hundreds at once on one connection"""
    yield
    await asyncio.gather(
        _pipeline(me, me.scene.auth, b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n"),
        _pipeline(me, me.scene.auth, b"OPTIONS /app HTTP/1.1\r\nHost: x\r\nOrigin: y\r\n\r\n"),
    )
