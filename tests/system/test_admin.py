"""The operator's calls: answered by the authority, and felt by clients."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import pytest
import socketio

from tests.auth_api.test_openapi import conform
from tests.conftest import StartSystem
from tests.system.rig.harness import APP_PASS
from tests.system.rig.peer import Peer
from tests.system.rig.rawsocket import Closed, RawSocket
from tests.system.rig.world import World

ADMIN_TOKEN = "an-operator's-token-of-more-than-32-bytes"

Call = Callable[..., Awaitable[tuple[int, Any]]]


@pytest.fixture
async def operated(start_system: StartSystem) -> AsyncIterator[World]:
    """A system whose operator has calls of its own."""
    world = World(await start_system(overrides={"auth": {"ADMIN_TOKEN": ADMIN_TOKEN}}))
    await world.system.agreed()
    yield world
    await world.close()


@pytest.fixture
async def call(operated: World) -> AsyncIterator[Call]:
    headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    async with aiohttp.ClientSession(operated.system.auth.url, headers=headers) as http:
        async with http.get("/openapi.json") as answer:
            described = await answer.json()

        async def call(method: str, path: str, **body: Any) -> tuple[int, Any]:
            async with http.request(method, path, json=body or None) as answer:
                body = await answer.json()
                conform(described, operation(described, method, path), answer.status, body, answer.headers)
                return answer.status, body["response"]

        yield call


def operation(described: dict[str, Any], method: str, path: str) -> dict[str, Any]:
    """What is said of a call."""
    patterns = {re.sub(r"\{\w+\}", "[^/]+", template): template for template in described["paths"]}
    bare = path.partition("?")[0]
    found = next(template for pattern, template in patterns.items() if re.fullmatch(pattern, bare))
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


async def test_those_of_a_revoked_app_keep_no_place(operated: World, call: Call) -> None:
    url, app_token = operated.system.gateways[0].url, await operated.system.app_token("bad")
    async with RawSocket(url) as raw:
        await raw.connect(app_token)
        await raw.event("auth-request", {"token": app_token, "resumable": True})
        token = (await raw.told("auth-accept"))["token"]
        await raw.event("room-create-request", {"auth": token, "room": "taken"})
        await raw.told("room-create-accept")
        await call("DELETE", "/admin/apps/bad")
        await raw.expect("41")
    good = await operated.peer(1, app="good")

    async def made() -> bool:
        return bool((await good.call("room-create-request", {"room": "taken"}))["ok"])

    async with asyncio.timeout(5):  # long before the place would have been lost by itself
        while not await made():
            await asyncio.sleep(0.05)


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


async def user(world: World, gateway: int, user_id: str, expires_in: int = 3600, **rooms: str) -> Peer:
    """A peer with a user token of POST /user."""
    peer = await world.stranger(gateway, user_id)
    peer.app_token = await user_token(world, user_id, expires_in, **rooms)
    await peer.connect()
    await peer.authenticate(version=2)
    return peer


async def user_token(world: World, user_id: str, expires_in: int = 3600, **rooms: str) -> str:
    asked = {"app": "tests", "password": APP_PASS, "id": user_id, "name": user_id.title(), "expires_in": expires_in}
    asked |= {"rooms": rooms or {"*": "create"}}
    async with aiohttp.ClientSession() as http, http.post(f"{world.system.auth.url}/user", json=asked) as answer:
        body = await answer.json()
        assert answer.status == 200, body
    return str(body["response"]["token"])


async def test_a_room_is_shown_with_identities_and_roles_and_governed(operated: World, call: Call) -> None:
    ann, bob, anon = await user(operated, 0, "ann"), await user(operated, 1, "bob"), await operated.peer(1)
    await ann.call("room-create-request", {"room": "tea"})
    for candidate in (bob, anon):
        await candidate.send("room-join-request", {"room": "tea"})
        await ann.expect("room-join-request", peer_id=candidate.peer_id)
    _, room = await call("GET", "/admin/rooms/tea")
    [member] = room["members"]
    assert (member["identity"], member["role"]) == ({"id": "ann", "name": "Ann"}, "owner")
    identities = [candidate["identity"] for candidate in room["candidates"]]
    assert (room["pending"], identities) == (2, [{"id": "bob", "name": "Bob"}, None])
    assert room["policy"]["admission"] == "ask"
    assert room["position"] > 0

    status, policy = await call("POST", "/admin/rooms/tea/policy", admission="open", waiting_text="Come in")
    assert (status, policy["admission"], policy["waiting_text"]) == (200, "open", "Come in")
    for candidate in (bob, anon):
        await candidate.expect("room-join-accept", room="tea")
    told = await ann.expect("room-policy", room="tea")
    assert (told["policy"], told["by"]) == (policy, None)
    assert (await call("GET", "/admin/rooms"))[1]["rooms"][0]["policy"] == policy
    assert (await call("POST", "/admin/rooms/tea/policy", colour="red"))[0] == 400
    assert (await call("POST", "/admin/rooms/none/policy", admission="open"))[0] == 404


async def test_who_is_kicked_and_banned_stays_out_until_the_ban_is_lifted(operated: World, call: Call) -> None:
    ann, bob, anon = await user(operated, 0, "ann"), await user(operated, 1, "bob"), await operated.peer(1)
    await ann.call("room-create-request", {"room": "tea"})
    await call("POST", "/admin/rooms/tea/policy", admission="open")
    for peer in (bob, anon):
        assert (await peer.call("room-join-request", {"room": "tea"}))["ok"]
    assert await call("POST", "/admin/rooms/tea/kick", peer_id=bob.peer_id, ban=True, text="Bye") == (200, None)
    kicked = await bob.expect("room-kicked", room="tea")
    assert (kicked["by"], kicked["text"], kicked["banned_until"]) == (None, "Bye", True)
    assert (await ann.expect("room-user-leave", peer_id=bob.peer_id))["reason"] == "kicked"
    assert (await call("POST", "/admin/rooms/tea/kick", peer_id=anon.peer_id, ban=3600))[0] == 200
    await anon.expect("room-closed", room="tea")  # it is of version 1
    for peer in (bob, anon):
        assert (await peer.call("room-join-request", {"room": "tea"}))["code"] == "banned"
    again = await user(operated, 0, "bob")
    assert (await again.call("room-join-request", {"room": "tea"}))["code"] == "banned"
    assert (await call("POST", "/admin/rooms/tea/kick", peer_id=bob.peer_id))[0] == 404

    _, listed = await call("GET", "/admin/rooms/tea/bans")
    assert [(ban["identity"], ban["peer_id"]) for ban in listed["bans"]] == [
        ({"id": "bob", "name": "Bob"}, None),
        (None, anon.peer_id),
    ]
    assert await call("DELETE", "/admin/rooms/tea/bans?id=bob") == (200, None)
    assert await call("DELETE", f"/admin/rooms/tea/bans?peer_id={anon.peer_id}") == (200, None)
    assert (await call("DELETE", "/admin/rooms/tea/bans?id=bob"))[0] == 404
    assert (await call("DELETE", "/admin/rooms/tea/bans"))[0] == 400
    for peer in (bob, anon, again):
        assert (await peer.call("room-join-request", {"room": "tea"}))["ok"]


async def test_a_revoked_user_is_out_everywhere_until_the_revocation_is_lifted(operated: World, call: Call) -> None:
    ann = await user(operated, 0, "a/nn")
    others = [await user(operated, gateway, "a/nn") for gateway in (0, 1)] + [await user(operated, 1, "bob")]
    await ann.call("room-create-request", {"room": "tea"})
    status, revoked = await call("DELETE", "/admin/apps/tests/users/a%2Fnn")
    assert (status, revoked["app"], revoked["id"]) == (200, "tests", "a/nn")
    for peer in (ann, *others[:2]):
        assert (await peer.expect("session-ended"))["code"] == "revoked"
        await peer.expect("disconnect")
    assert (await call("GET", "/admin/rooms/tea"))[0] == 404
    assert (await others[2].call("room-create-request", {}))["ok"]

    _, page = await call("GET", "/admin/apps/tests/revocations?limit=1")
    [line] = page["revocations"]
    assert (line["id"], line["revoked"]) == ("a/nn", revoked["revoked"])
    assert (await call("GET", "/admin/apps/tests/revocations?after=a%2Fnn"))[1] == {"revocations": []}
    await operated.system.restart("broker-0")
    for gateway in (0, 1):
        peer = await operated.stranger(gateway)
        peer.app_token = ann.app_token
        await peer.connect()
        assert not (await peer.call_bare("auth-request", {"token": ann.app_token, "version": 2}))["ok"]
    assert await call("DELETE", "/admin/apps/tests/revocations/a%2Fnn") == (200, None)
    assert (await call("DELETE", "/admin/apps/tests/revocations/a%2Fnn"))[0] == 404
    back = await operated.stranger(1)
    back.app_token = ann.app_token
    await back.connect()
    await back.authenticate(version=2)


async def test_with_a_scope_for_each_app_the_calls_need_the_app(start_system: StartSystem) -> None:
    system = await start_system(overrides={"auth": {"ADMIN_TOKEN": ADMIN_TOKEN}, "broker-0": {"ROOM_SCOPE": "app"}})
    world = World(system)
    await world.system.agreed()
    ann = await world.peer()
    await ann.call("room-create-request", {"room": "tea"})
    headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    async with aiohttp.ClientSession(system.auth.url, headers=headers) as http:
        for query, status in (("", 404), ("?app=other", 404), ("?app=tests", 200)):
            for asked in (
                http.post(f"/admin/rooms/tea/policy{query}", json={"history": 5}),
                http.get(f"/admin/rooms/tea/bans{query}"),
                http.post(f"/admin/rooms/tea/kick{query}", json={"peer_id": ann.peer_id}),
            ):
                async with asked as answer:
                    assert answer.status == status
    await world.close()


async def test_nobody_else_may_ask(operated: World) -> None:
    async with aiohttp.ClientSession(operated.system.auth.url) as http:
        for headers in ({}, {"Authorization": "Bearer wrong"}):
            async with http.get("/admin/rooms", headers=headers) as answer:
                assert answer.status == 401
