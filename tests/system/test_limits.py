"""Every row of the limits table: what is just allowed, what is refused and how, and that the peer goes on."""

import asyncio
import json
from typing import Any

import pytest

from tests.system.rig.harness import System
from tests.system.rig.peer import Peer
from tests.system.rig.rawsocket import Closed, RawSocket
from tests.system.rig.rooms import admit, create, new_name, request, room_of
from tests.system.rig.waiting import until
from tests.system.rig.world import World

KIB = 1024


def text_of(size: int) -> str:
    """A string that is so many bytes long as JSON."""
    return "x" * (size - 2)


async def still_usable(peer: Peer) -> None:
    answer = await peer.call("room-create-request", {})
    assert answer["ok"] is True
    await peer.call("room-leave-request", {"room": answer["room"]})


@pytest.mark.parametrize(
    ("event", "field", "limit"),
    [
        ("relay-ice-candidate", "ice_candidate", 4 * KIB),
        ("relay-ice-candidate", "payload", 4 * KIB),
        ("relay-session-description", "session_description", 48 * KIB),
        ("relay-session-description", "payload", 4 * KIB),
    ],
)
async def test_bodies_of_relays(world: World, event: str, field: str, limit: int) -> None:
    owner, second = await world.peers(0, 1)
    room = await room_of(owner, second)
    fields = {"room": room, "to": owner.peer_id, "ice_candidate": 1, "session_description": 1}
    assert (await second.call(event, {**fields, field: text_of(limit)}))["ok"] is True
    assert (await owner.expect(event.removeprefix("relay-")))[field] == text_of(limit)
    answer = await second.call(event, {**fields, field: text_of(limit + 1)})
    assert (answer["ok"], answer["code"]) == (False, "too-large")
    told = await second.expect("request-reject")
    assert (told["event"], told["code"], told["room"]) == (event, "too-large", room)
    await second.call(event, {**fields, "payload": "marker"})
    await owner.expect(event.removeprefix("relay-"), payload="marker")
    assert len(owner.all(event.removeprefix("relay-"))) == 2


@pytest.mark.parametrize("event", ["room-create-request", "room-join-request", "room-leave-request"])
async def test_payloads_of_room_events(world: World, event: str) -> None:
    owner, second = await world.peers(0, 1)
    room = await create(owner)
    refusal = {"room-create-request": "room-create-reject", "room-join-request": "room-join-reject"}
    answer = await second.call(event, {"room": room, "payload": text_of(4 * KIB + 1)})
    assert (answer["ok"], answer["code"]) == (False, "too-large")
    assert (await second.expect(refusal.get(event, "request-reject")))["code"] == "too-large"
    await second.send("room-join-request", {"room": room, "payload": text_of(4 * KIB)})
    assert (await owner.expect("room-join-request"))["payload"] == text_of(4 * KIB)
    assert len(owner.all("room-join-request")) == 1


@pytest.mark.parametrize("field", ["peerinfo", "payload"])
async def test_bodies_of_auth_request(world: World, field: str) -> None:
    peer = await world.connected()
    answer = await peer.call_bare("auth-request", {"token": peer.app_token, field: text_of(4 * KIB + 1)})
    assert (answer["ok"], answer["code"]) == (False, "too-large")
    assert (await peer.expect("auth-reject"))["code"] == "too-large"
    answer = await peer.call_bare("auth-request", {"token": peer.app_token, field: text_of(4 * KIB)})
    assert answer["ok"] is True


@pytest.mark.parametrize("size", [64 * KIB + 1, 200 * KIB, 3_000 * KIB])
async def test_a_message_too_large_is_refused_or_closes(world: World, system: System, size: int) -> None:
    owner, second = await world.peers(0, 0)
    room = await room_of(owner, second)
    async with RawSocket(system.gateways[0].url) as raw:
        token = await raw.authenticate(await system.app_token())
        await raw.event("room-create-request", {"auth": token, "room": "big", "payload": "x" * size}, ack="1")
        try:
            answer = json.loads((await raw.expect("431"))[3:])[0]
            assert (answer["ok"], answer["code"]) == (False, "too-large")
        except Closed:
            pass
    assert (await second.call("room-join-request", {"room": "big"}))["code"] == "not-found"
    await second.call("relay-ice-candidate", {"room": room, "to": owner.peer_id, "ice_candidate": 1})
    await owner.expect("ice-candidate")


@pytest.mark.parametrize("name", ["x" * 128, "ж" * 128, "😀" * 128])
async def test_the_longest_room_name(world: World, name: str) -> None:
    owner, second = await world.peers(0, 1)
    await create(owner, name)
    await admit(owner, second, name)


@pytest.mark.parametrize(
    ("name", "code"),
    [("x" * 129, "too-large"), ("a\nb", "bad-request"), ("\x00", "bad-request"), ("\x7f", "bad-request")],
)
@pytest.mark.parametrize("event", ["room-create-request", "room-join-request", "room-leave-request"])
async def test_a_bad_room_name(world: World, event: str, name: str, code: str) -> None:
    peer = await world.peer()
    answer = await peer.call(event, {"room": name})
    assert (answer["ok"], answer["code"]) == (False, code)
    await still_usable(peer)


async def test_peers_in_a_room(world: World) -> None:
    owner, late, *others = await world.peers(0, 1, *[0, 1] * 32)
    *others, last = others
    room = await create(owner)
    waiting = await late.ask("room-join-request", {"room": room})
    await owner.expect("room-join-request", peer_id=late.peer_id)
    assert len(others) == 63
    for other in others:
        await request(owner, other, room)
        accepted = await owner.call("room-join-accept", {"room": room, "peer_id": other.peer_id})
        assert accepted["ok"] is True
    answer = await owner.call("room-join-accept", {"room": room, "peer_id": late.peer_id})
    assert (answer["ok"], answer["code"]) == (False, "full")
    answer = await last.call("room-join-request", {"room": room})
    assert (answer["ok"], answer["code"]) == (False, "full")
    assert (await last.expect("room-join-reject"))["code"] == "full"
    await others[0].call("room-leave-request", {"room": room})
    if waiting.empty():
        answer = await owner.call("room-join-accept", {"room": room, "peer_id": late.peer_id})
        assert answer["ok"] is True
    else:
        assert waiting.get_nowait()["code"] == "full"


async def test_rooms_of_a_peer(world: World) -> None:
    peer, owner = await world.peers(0, 1)
    rooms = [await create(peer) for _ in range(15)]
    rooms.append(await create(owner))
    await admit(owner, peer, rooms[-1])
    other = await create(owner)
    answer = await peer.call("room-create-request", {"room": new_name()})
    assert (answer["ok"], answer["code"]) == (False, "full")
    assert (await peer.expect("room-create-reject"))["code"] == "full"
    answer = await peer.call("room-join-request", {"room": other})
    assert (answer["ok"], answer["code"]) == (False, "full")
    await peer.call("room-leave-request", {"room": rooms[0]})
    await admit(owner, peer, other)


async def test_a_pending_request_may_find_its_peer_full(world: World) -> None:
    peer, owner = await world.peers(0, 1)
    room = await create(owner)
    waiting = await peer.ask("room-join-request", {"room": room})
    await owner.expect("room-join-request", room=room)
    for _ in range(16):
        await create(peer)
    answer = await owner.call("room-join-accept", {"room": room, "peer_id": peer.peer_id})
    assert (answer["ok"], answer["code"]) == (False, "full")
    assert waiting.empty() or (await waiting.get())["code"] == "full"


async def test_pending_requests_of_a_peer(world: World) -> None:
    owner, second, third = await world.peers(0, 0, 1)
    rooms = [await create(owner) for _ in range(9)] + [await create(second) for _ in range(8)]
    for room in rooms[:16]:
        await third.send("room-join-request", {"room": room})
    answer = await third.call("room-join-request", {"room": rooms[16]})
    assert (answer["ok"], answer["code"]) == (False, "too-many-requests")
    assert (await third.expect("room-join-reject"))["code"] == "too-many-requests"
    await owner.expect("room-join-request", room=rooms[0])
    await owner.call("room-join-reject", {"room": rooms[0], "peer_id": third.peer_id})
    await request(second, third, rooms[16])


async def test_events_per_second(world: World, system: System) -> None:
    owner = await world.peer(1)
    room = await create(owner)
    async with RawSocket(system.gateways[0].url) as raw:
        token = await raw.authenticate(await system.app_token())
        await raw.event("room-join-request", {"auth": token, "room": room})
        peer_id = (await owner.expect("room-join-request"))["peer_id"]
        await owner.call("room-join-accept", {"room": room, "peer_id": peer_id})
        fields = {"auth": token, "room": room, "to": owner.peer_id}
        for number in range(2900):
            await raw.event("relay-ice-candidate", {**fields, "ice_candidate": number}, ack=str(number))
        answers = await acknowledged(raw, 2900)
        refused = {number for number, answer in answers.items() if not answer["ok"]}
        assert {answers[number]["code"] for number in refused} == {"too-many-requests"}
        assert set(range(1900)).isdisjoint(refused)
        assert len(refused) > 100
        await again(raw, fields)
    await owner.expect("ice-candidate", ice_candidate="again")
    relayed = [told["ice_candidate"] for told in owner.all("ice-candidate")[:-1]]
    assert [number for number in relayed if number != "again"] == sorted(set(range(2900)) - refused)


async def test_one_that_goes_on_and_on_is_disconnected(system: System) -> None:
    async with RawSocket(system.gateways[0].url) as raw:
        token = await raw.authenticate(await system.app_token())
        for _ in range(5000):
            await raw.event("room-leave-request", {"auth": token, "room": "x"})
        await raw.closed()


async def test_bytes_per_second(system: System) -> None:
    async with RawSocket(system.gateways[0].url) as raw:
        token = await raw.authenticate(await system.app_token())
        fields = {"auth": token, "room": "x", "to": "y", "session_description": "x" * 48_000}
        for number in range(300):
            await raw.event("relay-session-description", fields, ack=str(number))
        answers = await acknowledged(raw, 300)
        codes = [answers[number]["code"] for number in range(300)]
        assert set(codes[:80]).isdisjoint({"too-many-requests"})  # 4 MiB at once
        assert "too-many-requests" in codes[100:]


async def test_the_budget_is_the_peers_on_whatever_socket_it_is(system: System) -> None:
    url, app_token = system.gateways[0].url, await system.app_token()
    async with RawSocket(url) as raw:
        await raw.connect(app_token)
        await raw.event("auth-request", {"token": app_token, "resumable": True})
        token = (await raw.told("auth-accept"))["token"]
        for number in range(2000):
            await raw.event("room-leave-request", {"auth": token, "room": "x"}, ack=str(number))
        await acknowledged(raw, 2000)
        raw.ws._response.connection.transport.abort()  # type: ignore[union-attr]
    async with RawSocket(url) as raw:
        await raw.connect(app_token)
        await raw.event("auth-request", {"token": app_token, "resumable": True, "resume": token})
        accepted = await raw.told("auth-accept")
        assert accepted["resumed"]
        for number in range(900):
            await raw.event("room-leave-request", {"auth": accepted["token"], "room": "x"}, ack=str(number))
        answers = await acknowledged(raw, 900)
        assert answers[899]["code"] == "too-many-requests"


async def acknowledged(raw: RawSocket, count: int) -> dict[int, dict[str, Any]]:
    answers: dict[int, dict[str, Any]] = {}
    while len(answers) < count:
        number, _, body = (await raw.expect("43"))[2:].partition("[")
        assert int(number) not in answers
        answers[int(number)] = json.loads(f"[{body}")[0]
    return answers


async def again(raw: RawSocket, fields: dict[str, Any]) -> None:
    """Once its budget has grown again the peer is served again."""
    for _ in range(100):
        await raw.event("relay-ice-candidate", {**fields, "ice_candidate": "again"}, ack="9")
        if json.loads((await raw.expect("439"))[3:])[0]["ok"]:
            return
        await asyncio.sleep(0.02)
    raise AssertionError("the peer is refused for ever")


async def test_the_budget_of_one_is_not_that_of_another(world: World) -> None:
    greedy, modest = await world.peers(0, 0)
    for _ in range(2500):
        await greedy.send_bare("no-such-event", {})
    await until(lambda: "too-many-requests" in str(greedy.log[-1].data), "the budget is spent")
    await still_usable(modest)
