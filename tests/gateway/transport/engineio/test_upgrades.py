"""The way from polling to a WebSocket."""

import asyncio
import json

import aiohttp
import pytest

from gateway.transport.engineio import socket
from tests.gateway.site import Site
from tests.gateway.transport.engineio.conftest import polling_on
from tests.system.rig.rawsocket import HANDSHAKE, Polling
from tests.system.rig.waiting import until


async def probing(http: aiohttp.ClientSession, polling: Polling) -> aiohttp.ClientWebSocketResponse:
    """The WebSocket that the client would go on with."""
    return await http.ws_connect(polling.url.replace("transport=polling", "transport=websocket"))


async def upgraded(http: aiohttp.ClientSession, polling: Polling) -> aiohttp.ClientWebSocketResponse:
    ws = await probing(http, polling)
    await ws.send_str("2probe")
    assert await ws.receive_str() == "3probe"
    await ws.send_str("5")
    return ws


NO_HANDSHAKES: dict[str, dict[str, str]] = {
    "no connection header": {"Upgrade": "websocket"},
    "another connection header": {"Upgrade": "websocket", "Connection": "close"},
    "no upgrade header": {"Connection": "upgrade"},
    "no key": {"Upgrade": "websocket", "Connection": "upgrade"},
}


@pytest.mark.parametrize("transport", ["websocket", "polling&transport=websocket", "&transport=websocket"])
@pytest.mark.parametrize("kind", NO_HANDSHAKES)
async def test_a_websocket_that_did_not_come_through_as_one_harms_nobody(
    site: Site, http: aiohttp.ClientSession, kind: str, transport: str
) -> None:
    headers = NO_HANDSHAKES[kind]
    async with http.get(site.url + HANDSHAKE + transport, headers=headers) as answer:
        assert answer.status == 400
    assert site.open_sockets == 0
    polling = await polling_on(site, http)
    site.sockets[0].send_frame(b'42["kept"]')
    async with http.get(polling.url.replace("polling", transport), headers=headers) as answer:
        assert answer.status == 400
        assert "WebSocket handshake" in await answer.text()
    assert await polling.get() == (200, '42["kept"]')
    await (await upgraded(http, polling)).close()


async def test_an_upgrade_loses_nothing_and_keeps_the_order(
    site: Site, http: aiohttp.ClientSession, polling: Polling
) -> None:
    socket = site.sockets[0]
    poll = asyncio.create_task(polling.get())
    await until(lambda: socket.queue._getters, "the poll waits")
    ws = await probing(http, polling)
    await ws.send_str("2probe")
    assert await ws.receive_str() == "3probe"
    assert await poll == (200, "6")  # the poll ends, so that nothing goes out on it while the client switches
    for number in range(10):
        socket.send_frame(b"42[%d]" % number)
    assert await polling.post('42["polled",1]') == 200
    await ws.send_str("5")
    await ws.send_str('42["switched",1]')
    await until(lambda: len(site.events) == 2, "both events have come")
    for number in range(10, 20):
        socket.send_frame(b"42[%d]" % number)
    assert [json.loads((await ws.receive_str())[2:])[0] for _ in range(20)] == list(range(20))
    assert [event.name for event in site.events] == ["polled", "switched"]
    assert (await polling.get())[0] == 400
    assert site.left == []
    await ws.close()


async def test_an_upgraded_socket_ends_like_any_other(
    site: Site, http: aiohttp.ClientSession, polling: Polling
) -> None:
    ws = await upgraded(http, polling)
    await ws.close()
    await until(lambda: site.left == ["transport close"], "it has left")
    assert site.open_sockets == 0


HALVES: dict[str, list[str | bytes]] = {
    "silence": [],
    "another word": ["hello"],
    "binary": [b"2probe"],
    "no upgrade": ["2probe"],
    "an event before the upgrade": ["2probe", '42["early",1]'],
}


@pytest.mark.parametrize("kind", HALVES)
async def test_a_client_whose_upgrade_fails_goes_on_polling(
    site: Site, http: aiohttp.ClientSession, polling: Polling, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(socket, "PROBE_TIMEOUT", 0.3)
    ws = await probing(http, polling)
    for message in HALVES[kind]:
        await (ws.send_bytes(message) if isinstance(message, bytes) else ws.send_str(message))
    while not ws.closed:
        await ws.receive(timeout=5)
    site.sockets[0].send_frame(b'42["still"]')
    got = (await polling.get())[1].split("\x1e")
    assert [packet for packet in got if packet != "6"] == ['42["still"]']
    assert await polling.post('42["here",1]') == 200
    assert [event.name for event in site.events] == ["here"]
    await (await upgraded(http, polling)).close()
    await until(lambda: site.left == ["transport close"], "it has upgraded and left")


async def test_only_one_upgrade_is_made_at_a_time(site: Site, http: aiohttp.ClientSession, polling: Polling) -> None:
    ws = await probing(http, polling)
    await ws.send_str("2probe")
    assert await ws.receive_str() == "3probe"
    other = await probing(http, polling)
    assert (await other.receive(timeout=5)).type is aiohttp.WSMsgType.CLOSE
    await ws.send_str("5")
    site.sockets[0].send_frame(b'42["to the first"]')
    assert await ws.receive_str() == '42["to the first"]'
    await ws.close()


async def test_a_session_that_ends_meanwhile_is_not_upgraded(
    site: Site, http: aiohttp.ClientSession, polling: Polling
) -> None:
    ws = await probing(http, polling)
    await ws.send_str("2probe")
    assert await ws.receive_str() == "3probe"
    site.sockets[0].hang_up()
    await until(lambda: site.left, "it is closed")
    await ws.send_str("5")
    assert (await ws.receive(timeout=5)).type is aiohttp.WSMsgType.CLOSE
    assert site.left == ["server disconnect"]
