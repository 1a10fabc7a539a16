"""Junk on a websocket: it is refused or its connection closed, nobody else notices, and the log hardly does."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.system.rig.harness import System
from tests.system.rig.junk import EVENTS, FRAMES, MAY_CLOSE
from tests.system.rig.peer import Peer
from tests.system.rig.rawsocket import Closed, RawSocket
from tests.system.rig.rooms import room_of
from tests.system.rig.world import World

MARKER = "555"


class Couple:
    """Two roommates who must not notice anything."""

    def __init__(self, sender: Peer, receiver: Peer, room: str) -> None:
        self._sender, self._receiver, self._room = sender, receiver, room
        self._heard = len(receiver.log)

    async def undisturbed(self) -> None:
        fields = {"room": self._room, "to": self._receiver.peer_id, "ice_candidate": "marker"}
        await self._sender.call("relay-ice-candidate", fields, within=2)
        await self._receiver.expect("ice-candidate", within=2, ice_candidate="marker")
        self._heard += 1
        assert len(self._receiver.log) == self._heard, self._receiver.story()


@pytest.fixture
async def couple(world: World) -> AsyncIterator[Couple]:
    sender, receiver = await world.peers(1, 0)
    couple = Couple(sender, receiver, await room_of(sender, receiver))
    yield couple
    await couple.undisturbed()


def filled(frame: str | bytes, auth: str, app: str) -> str | bytes:
    return frame if isinstance(frame, bytes) else frame.replace("{auth}", auth).replace("{app}", app)


async def closed_or_usable(raw: RawSocket, auth: str) -> bool:
    """Whether the connection was closed. If not, the peer must be able to do what it could before."""
    await raw.event("room-create-request", {"auth": auth}, ack=MARKER)
    try:
        room = json.loads((await raw.expect("43" + MARKER))[5:])[0]["room"]
        await raw.event("room-leave-request", {"auth": auth, "room": room}, ack=MARKER)
        await raw.expect("43" + MARKER)
    except Closed:
        return True
    return False


async def refusal(raw: RawSocket) -> str:
    """The code of the next event, which must be a refusal."""
    event, told = json.loads((await raw.receive())[2:])
    assert event in ("room-create-reject", "request-reject", "unauthorized")
    assert told["message"]
    return str(told.get("code", event))


@pytest.mark.parametrize("kind", FRAMES)
async def test_broken_packets(system: System, couple: Couple, kind: str) -> None:
    gateway, app = system.gateways[0], await system.app_token()
    async with RawSocket(gateway.url) as raw:
        auth = await raw.authenticate(app)
        lines = len(gateway.lines())
        await raw.send(filled(FRAMES[kind], auth, app))
        await closed_or_usable(raw, auth)
        await couple.undisturbed()
        assert len(gateway.lines()) - lines <= 1


@pytest.mark.parametrize("kind", EVENTS)
async def test_broken_events_are_refused(system: System, couple: Couple, kind: str) -> None:
    gateway, app = system.gateways[0], await system.app_token()
    event, arguments = EVENTS[kind]
    async with RawSocket(gateway.url) as raw:
        auth = await raw.authenticate(app)
        lines = len(gateway.lines())
        await raw.send(filled(f'42["{event}",{arguments}]', auth, app))
        try:
            assert await refusal(raw) in ("bad-request", "too-large", "unauthorized")
            assert not await closed_or_usable(raw, auth)
        except Closed:
            assert kind in MAY_CLOSE
        await couple.undisturbed()
        assert len(gateway.lines()) - lines <= 1


WRONG: list[Any] = [5, 1.5, True, [], ["x"], {}, {"room": "x"}, -1]
FIELDS = {"room": "no-such-room", "to": "x", "session_description": 1, "ice_candidate": 1}


@pytest.mark.parametrize(
    ("event", "fields"),
    [
        ("room-create-request", ["room"]),
        ("room-join-request", ["room"]),
        ("room-leave-request", ["room"]),
        ("room-join-accept", ["room", "to", "peer_id"]),
        ("room-join-reject", ["room", "to", "peer_id"]),
        ("relay-session-description", ["room", "to", "peer_id"]),
        ("relay-ice-candidate", ["room", "to", "peer_id"]),
    ],
)
async def test_wrong_types(world: World, couple: Couple, event: str, fields: list[str]) -> None:
    peer = await world.peer()
    for field, value in itertools.product(fields, WRONG):
        answer = await peer.call(event, {**FIELDS, field: value, "payload": "mine"})
        assert (answer["ok"], answer["code"]) == (False, "bad-request"), (field, value)
    assert (await peer.call("room-create-request", {}))["ok"] is True


@pytest.mark.parametrize(
    ("event", "missing"),
    [
        ("room-join-request", "room"),
        ("room-leave-request", "room"),
        ("room-join-accept", "room"),
        ("room-join-accept", "to"),
        ("room-join-reject", "to"),
        ("relay-ice-candidate", "room"),
        ("relay-ice-candidate", "to"),
        ("relay-ice-candidate", "ice_candidate"),
        ("relay-session-description", "to"),
        ("relay-session-description", "session_description"),
    ],
)
async def test_missing_fields(world: World, event: str, missing: str) -> None:
    peer = await world.peer()
    fields = {name: value for name, value in FIELDS.items() if name != missing}
    answer = await peer.call(event, {**fields, "payload": [1]})
    assert (answer["ok"], answer["code"]) == (False, "bad-request")
    told = await peer.expect("room-join-reject" if event == "room-join-request" else "request-reject")
    assert (told["code"], told["payload"]) == ("bad-request", [1])


@pytest.mark.parametrize("event", ["room-join-accept", "room-join-reject", "relay-ice-candidate"])
async def test_to_and_peer_id_that_differ(world: World, event: str) -> None:
    owner, second, third = await world.peers(0, 1, 0)
    room = await room_of(owner, second, third)
    fields = {"room": room, "to": second.peer_id, "peer_id": third.peer_id, "ice_candidate": 1}
    answer = await owner.call(event, fields)
    assert (answer["ok"], answer["code"]) == (False, "bad-request")


async def test_a_surrogate_in_a_body_hurts_nobody(system: System, world: World) -> None:
    receiver = await world.peer(1)
    async with RawSocket(system.gateways[0].url) as raw:
        auth = await raw.authenticate(await system.app_token())
        await raw.event("room-create-request", {"auth": auth, "room": "surrogates"})
        await raw.told("room-create-accept")
        await receiver.send("room-join-request", {"room": "surrogates"})
        await raw.told("room-join-request")
        await raw.event("room-join-accept", {"auth": auth, "room": "surrogates", "to": receiver.peer_id})
        head = f'{{"auth":"{auth}","room":"surrogates","to":"{receiver.peer_id}"'
        await raw.send(f'421["relay-ice-candidate",{head},"ice_candidate":"a\\ud800b\\udfff"}}]')
        answer = json.loads((await raw.expect("431"))[3:])[0]
        assert answer["ok"] is True or answer["code"] == "bad-request"
    await receiver.expect("room-user-leave", room="surrogates")
    assert (await receiver.call("room-leave-request", {"room": "surrogates"}))["ok"] is True


@pytest.mark.parametrize("connected", [False, True])
async def test_junk_before_authentication(system: System, couple: Couple, connected: bool) -> None:
    gateway, app = system.gateways[0], await system.app_token()

    async def throw(frame: str | bytes) -> None:
        async with RawSocket(gateway.url) as raw:
            if connected:
                await raw.connect(app)
            await raw.send(filled(frame, "a.b.c", app))
            await couple.undisturbed()

    lines = len(gateway.lines())
    for frame in FRAMES.values():
        await throw(frame)
    assert len(gateway.lines()) - lines <= len(FRAMES)


@pytest.mark.parametrize("kind", ["event cut off", "packet type 9", "unknown namespace event", "binary frame", "nul"])
async def test_much_junk_makes_few_lines(system: System, couple: Couple, kind: str) -> None:
    gateway, app = system.gateways[0], await system.app_token()
    async with RawSocket(gateway.url) as raw:
        auth = await raw.authenticate(app)
        lines = len(gateway.lines())
        for _ in range(300):
            await raw.send(filled(FRAMES[kind], auth, app))
        await closed_or_usable(raw, auth)
        await couple.undisturbed()
        assert len(gateway.lines()) - lines <= 1


async def test_many_throw_junk_at_once(system: System, couple: Couple) -> None:
    gateway, app = system.gateways[0], await system.app_token()

    async def throw(frame: str | bytes) -> None:
        async with RawSocket(gateway.url) as raw:
            auth = await raw.authenticate(app)
            for _ in range(20):
                await raw.send(filled(frame, auth, app))
            await closed_or_usable(raw, auth)

    await asyncio.gather(*(throw(frame) for frame in FRAMES.values()))
