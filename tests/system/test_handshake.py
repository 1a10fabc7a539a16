"""Who may open a connection."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest
import socketio

from tests.conftest import StartSystem
from tests.system.rig.harness import System
from tests.system.rig.rawsocket import Closed, RawSocket
from tests.system.rig.tokens import claims_of, forged, signed, unsigned
from tests.system.rig.waiting import until
from tests.system.rig.world import World

BAD_TOKENS: dict[str, Callable[[str], Any]] = {
    "absent": lambda token: None,
    "empty": lambda token: "",
    "a.b.c": lambda token: "a.b.c",
    "words": lambda token: "let me in",
    "forged": forged,
    "unsigned": unsigned,
    "of no claims": lambda token: signed({}),
    "another algorithm": lambda token: signed(claims_of(token), algorithm="HS512"),
    "without its signature": lambda token: token.rpartition(".")[0],
    "with a changed signature": lambda token: token[:-4] + ("AAAA" if token[-4:] != "AAAA" else "BBBB"),
    "number": lambda token: 17,
    "list": lambda token: [token],
    "object": lambda token: {"token": token},
    "long": lambda token: "a." * 20_000,
    "nul": lambda token: token + "\0",
    "other letters": lambda token: "ж.ж.ж",
}


@pytest.mark.parametrize("kind", BAD_TOKENS)
async def test_a_bad_app_token_is_refused(world: World, system: System, kind: str) -> None:
    peer = await world.stranger()
    with pytest.raises(socketio.exceptions.ConnectionError):
        await peer.connect(auth={"token": BAD_TOKENS[kind](await system.app_token())})
    refusal = await peer.expect("connect_error")
    assert refusal["data"]["code"] == "unauthorized"
    assert refusal["message"]


@pytest.mark.parametrize("transport", ["websocket", "polling"])
async def test_a_session_token_is_no_app_token(world: World, transport: str) -> None:
    honest = await world.peer()
    peer = await world.stranger(transports=[transport])
    with pytest.raises(socketio.exceptions.ConnectionError):
        await peer.connect(auth={"token": honest.token})
    assert (await peer.expect("connect_error"))["data"]["code"] == "unauthorized"


async def test_the_refused_are_told_and_soon_closed(system: System) -> None:
    async def refused(auth: str) -> None:
        async with RawSocket(system.gateways[0].url) as raw:
            await raw.send("40" + auth)
            frame = await raw.expect("44")
            assert json.loads(frame[2:])["data"]["code"] == "unauthorized", auth
            await raw.closed(within=5)

    await asyncio.gather(*map(refused, ["", "[]", '"token"', "17", "null", '{"tokens":"x"}', "{}"]))


async def test_who_was_refused_cannot_do_anything(system: System, world: World) -> None:
    honest = await world.peer()
    async with RawSocket(system.gateways[0].url) as raw:
        await raw.send("40" + json.dumps({"token": "a.b.c"}))
        await raw.event("auth-request", {"token": await system.app_token()}, ack="1")
        await raw.event("room-create-request", {"auth": honest.token, "room": "refused"}, ack="2")
        await raw.expect("44")
        with pytest.raises(Closed):
            await raw.expect("43")


async def test_a_good_app_token_is_let_in(world: World) -> None:
    peer = await world.connected()
    assert peer.sid
    assert peer.untaken() == ["connect"]


async def test_an_old_engine_io_is_refused(system: System) -> None:
    url = f"{system.gateways[0].url}/socket.io/?EIO=3&transport=polling"
    async with aiohttp.ClientSession() as http, http.get(url) as answer:
        assert answer.status == 400


async def test_who_never_authenticates_is_closed(start_system: StartSystem) -> None:
    system = await start_system(gateways=1, settings={"AUTH_TIMEOUT": "2"})
    url, token = system.gateways[0].url, await system.app_token()
    async with RawSocket(url) as honest:
        await honest.authenticate(token)
        async with RawSocket(url) as silent:
            await silent.closed(within=10)
        async with RawSocket(url) as connected:
            await connected.connect(token)
            await connected.closed(within=10)
        await honest.event("room-create-request", {}, ack="5")
        await honest.expect("435")


async def test_polling_that_never_authenticates_is_closed(start_system: StartSystem) -> None:
    system = await start_system(gateways=1, settings={"AUTH_TIMEOUT": "2"})
    world = World(system)
    peer = await world.connected(transports=["polling"])
    await until(lambda: not peer.connected, "the polling session is closed", within=10)
    await world.close()
