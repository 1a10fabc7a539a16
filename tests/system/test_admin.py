"""The operator's calls: answered by the authority, and felt by clients."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import pytest
import socketio

from tests.auth_api.test_openapi import conform
from tests.conftest import StartSystem
from tests.system.rig.peer import Peer
from tests.system.rig.rawsocket import Closed, RawSocket
from tests.system.rig.world import World

ADMIN_TOKEN = "an-operator's-token-of-more-than-32-bytes"

Call = Callable[..., Awaitable[tuple[int, Any]]]


@pytest.fixture
async def operated(start_system: StartSystem) -> AsyncIterator[World]:
    """A system whose operator has calls of its own."""
    world = World(await start_system(overrides={"auth": {"ADMIN_TOKEN": ADMIN_TOKEN}}))
    yield world
    await world.close()


@pytest.fixture
async def call(operated: World) -> AsyncIterator[Call]:
    headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    async with aiohttp.ClientSession(operated.system.auth.url, headers=headers) as http:
        async with http.get("/openapi.json") as answer:
            described = await answer.json()

        async def call(method: str, path: str) -> tuple[int, Any]:
            async with http.request(method, path) as answer:
                body = await answer.json()
                conform(described, operation(described, method, path), answer.status, body, answer.headers)
                return answer.status, body["response"]

        yield call


def operation(described: dict[str, Any], method: str, path: str) -> dict[str, Any]:
    """What is said of a call."""
    patterns = {re.sub(r"\{\w+\}", "[^/]+", template): template for template in described["paths"]}
    found = next(template for pattern, template in patterns.items() if re.fullmatch(pattern, path))
    operations: dict[str, Any] = described["paths"][found]
    return dict(operations[method.lower()])


async def room_of_two(world: World) -> list[Peer]:
    ann, bob = await world.peers(0, 1)
    await ann.call("room-create-request", {"room": "tea"})
    await bob.send("room-join-request", {"room": "tea"})
    await ann.expect("room-join-request", peer_id=bob.peer_id)
    await ann.call("room-join-accept", {"room": "tea", "peer_id": bob.peer_id})
    await bob.expect("room-join-accept", room="tea")
    return [ann, bob]


async def test_rooms_are_listed_shown_and_closed(operated: World, call: Call) -> None:
    ann, bob = await room_of_two(operated)
    status, page = await call("GET", "/admin/rooms")
    assert (status, page["total"]) == (200, 1)
    assert page["rooms"][0]["owner"] == ann.peer_id
    _, room = await call("GET", "/admin/rooms/tea")
    assert [member["peer_id"] for member in room["members"]] == [ann.peer_id, bob.peer_id]
    assert (await call("POST", "/admin/apps/tests"))[0] == 200
    assert await call("DELETE", "/admin/rooms/tea") == (200, None)
    await ann.expect("room-user-leave", room="tea", peer_id=bob.peer_id)
    await bob.expect("room-closed", room="tea")
    assert (await call("GET", "/admin/rooms/tea"))[0] == 404


async def test_a_peer_is_removed(operated: World, call: Call) -> None:
    ann, bob = await room_of_two(operated)
    assert await call("DELETE", f"/admin/peers/{ann.peer_id}") == (200, None)
    await bob.expect("room-user-leave", peer_id=ann.peer_id)
    await bob.expect("room-owner", room="tea", peer_id=bob.peer_id)
    assert (await call("DELETE", f"/admin/peers/{ann.peer_id}"))[0] == 404


async def test_a_revoked_app_is_refused_on_every_gateway_even_after_restarts(operated: World, call: Call) -> None:
    token = await operated.system.app_token("tests")
    ann, _ = await room_of_two(operated)
    assert "tests" in (await call("GET", "/admin/apps"))[1]
    assert (await call("DELETE", "/admin/apps/tests"))[0] == 200
    await ann.expect("disconnect")
    await operated.system.restart("broker-0")
    await operated.system.restart("gateway-1")
    for gateway in operated.system.gateways:
        client = socketio.AsyncClient(reconnection=False)
        with pytest.raises(socketio.exceptions.ConnectionError):
            await client.connect(gateway.url, auth={"token": token}, transports=["websocket"])
        await client.disconnect()


@pytest.mark.parametrize("gateway", [0, 1])
async def test_revoking_ends_whom_it_is_about_at_once_and_nobody_else(
    operated: World, call: Call, gateway: int
) -> None:
    other = await operated.peer(gateway, app="other")
    app_token = await operated.system.app_token("bad")
    url = operated.system.gateways[gateway].url
    async with RawSocket(url) as fresh, RawSocket(url) as renewed, RawSocket(url) as back, RawSocket(url) as waiting:
        tokens = [await raw.authenticate(app_token) for raw in (fresh, renewed)]
        await renewed.event("auth-request", {"token": tokens[1]})
        await renewed.told("auth-accept")
        tokens.append(await resumed(url, back, app_token))
        await waiting.connect(app_token)
        assert (await call("DELETE", "/admin/apps/bad"))[0] == 200
        for raw in (fresh, renewed, back, waiting):
            await raw.expect("41")
        for raw, token in zip((fresh, renewed, back), tokens, strict=True):
            await raw.event("room-create-request", {"auth": token, "room": "late"}, ack="1")
            await raw.event("auth-request", {"token": token}, ack="2")
            assert await rest_of(raw) == []
    assert (await other.call("room-join-request", {"room": "late"}))["code"] == "not-found"
    assert (await other.call("room-create-request", {}))["ok"]


async def test_a_place_of_a_revoked_app_is_resumed_with_no_other_app(operated: World, call: Call) -> None:
    url, app_token = operated.system.gateways[0].url, await operated.system.app_token("bad")
    async with RawSocket(url) as raw:
        await raw.connect(app_token)
        await raw.event("auth-request", {"token": app_token, "resumable": True})
        token = (await raw.told("auth-accept"))["token"]
        raw.ws._response.connection.transport.abort()  # type: ignore[union-attr]
    await call("DELETE", "/admin/apps/bad")
    good = await operated.system.app_token("good")
    async with RawSocket(url) as raw:
        await raw.connect(good)
        await raw.event("auth-request", {"token": good, "resumable": True, "resume": token})
        assert not (await raw.told("auth-accept"))["resumed"]


async def resumed(url: str, raw: RawSocket, app_token: str) -> str:
    """Take a place on a socket of its own and resume it on ``raw``; returns the session token."""
    async with RawSocket(url) as first:
        await first.connect(app_token)
        await first.event("auth-request", {"token": app_token, "resumable": True})
        token = (await first.told("auth-accept"))["token"]
        await raw.connect(app_token)
        await raw.event("auth-request", {"token": app_token, "resumable": True, "resume": token})
        accepted = await raw.told("auth-accept")
    assert accepted["resumed"]
    return str(accepted["token"])


async def rest_of(raw: RawSocket) -> list[str]:
    """All that is said until the connection is closed."""
    rest: list[str] = []
    try:
        while True:
            rest.append(await raw.receive())
    except Closed:
        return rest


async def test_nobody_else_may_ask(operated: World) -> None:
    async with aiohttp.ClientSession(operated.system.auth.url) as http:
        for headers in ({}, {"Authorization": "Bearer wrong"}):
            async with http.get("/admin/rooms", headers=headers) as answer:
                assert answer.status == 401
