"""What waits for all clients of one address, without and with a network."""

import asyncio
from typing import Any

import aiohttp

from gateway.backlog import Backlog
from gateway.transport.engineio.socket import Socket
from tests.gateway.site import Site
from tests.system.rig.rawsocket import HANDSHAKE
from tests.system.rig.waiting import until

KIB = 1024


class Client:
    """For whom so much waits."""

    def __init__(self, unsent: int = 0) -> None:
        self.unsent = unsent


def test_it_is_full_when_too_much_waits_for_all_together() -> None:
    backlog, clients = Backlog(100), [Client() for _ in range(3)]
    for client in clients:
        backlog.note(client, 33)
        client.unsent = 33
    assert not backlog.full
    clients[0].unsent = 35
    backlog.note(clients[0], 35)
    assert backlog.full


def test_one_that_has_gone_or_read_leaves_room() -> None:
    backlog, gone, reading, writing = Backlog(100), Client(90), Client(50), Client(60)
    backlog.note(gone, 90)
    backlog.note(reading, 50)
    assert backlog.full
    backlog.note(gone, 0)
    reading.unsent = 10
    backlog.note(writing, 60)
    assert not backlog.full


def test_clients_are_not_all_looked_at_for_each_note() -> None:
    looks = 0

    class Looked(Client):
        @property
        def unsent(self) -> int:
            nonlocal looks
            looks += 1
            return 1000

        @unsent.setter
        def unsent(self, _: int) -> None:
            pass

    backlog, clients = Backlog(100), [Looked() for _ in range(100)]
    for _ in range(10):
        for client in clients:
            backlog.note(client, 1000)
            assert backlog.full
    assert looks <= 2 * 10 * len(clients)


async def fill(socket: Socket, size: int) -> None:
    """Send to one that does not read until it is slow, or that much waits for it, and the kernel takes no more."""
    full = 0
    while not socket.closed and not socket.slow and full < 20:
        full = full + 1 if socket.unsent >= size else 0
        if not full:
            socket.send_frame(b"4" + bytes(8 * KIB))
        await asyncio.sleep(0.001 if full else 0)


async def test_one_is_slow_sooner_when_much_waits_for_others_at_its_address() -> None:
    most: dict[str, Any] = {"max_unsent": 1024 * KIB, "max_unsent_per_address": 1500 * KIB}
    async with Site(trusted=("127.0.0.1",), **most) as site, aiohttp.ClientSession() as http:
        url, unread = f"{site.url}{HANDSHAKE}websocket", []
        for address in ("192.0.2.1", "192.0.2.1", "192.0.2.2"):
            unread.append(await http.ws_connect(url, headers={"X-Forwarded-For": address}))
            await unread[-1].send_str("40")
        await until(lambda: len(site.sockets) == 3, "all are connected")
        for socket in site.sockets:
            socket.on_slow = lambda: None
        mate, slow, stranger = site.sockets
        for socket in (mate, stranger, slow):
            await fill(socket, 900 * KIB)
        assert [mate.slow, slow.slow, stranger.slow] == [False, True, False]
        assert slow.unsent < 700 * KIB
