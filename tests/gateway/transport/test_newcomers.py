"""Newcomers by address, without and with a network."""

import asyncio
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import make_mocked_request

from gateway.transport.engineio import outlet
from gateway.transport.newcomers import NOBODY, RETRY_LATER, Limits, Newcomers
from shared.http.client_address import networks
from tests.gateway.conftest import OpenSite
from tests.system.rig.rawsocket import HANDSHAKE, RawSocket
from tests.system.rig.waiting import until

ELSEWHERE = {"X-Forwarded-For": "192.0.2.1"}


def newcomers(**limits: Any) -> Newcomers:
    return Newcomers(Limits(**limits))


def test_an_address_opens_so_many_sockets_at_once_and_then_the_rate() -> None:
    guests = newcomers(handshakes=2.0, burst=3)
    assert [guests.wait("a", 0.0) for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]
    assert guests.wait("b", 0.0) == 0.0
    assert [guests.wait("a", 0.5), guests.wait("a", 0.5) > 0] == [0.0, True]


def test_an_address_has_so_many_sockets_open() -> None:
    guests = newcomers(sockets=2)
    for number in range(2):
        assert guests.wait("a", 0.0) == 0.0
        guests.came("a", f"s{number}")
        guests.proved("a", f"s{number}")
    assert guests.wait("a", 0.0) == RETRY_LATER
    assert guests.wait("b", 0.0) == 0.0
    guests.left("a", "s0")
    assert guests.wait("a", 0.0) == 0.0


def test_those_without_an_address_are_not_counted_by_it() -> None:
    guests = newcomers(sockets=1, burst=1, handshakes=0.1)
    for number in range(10):
        assert guests.wait(NOBODY, 0.0) == 0.0
        guests.came(NOBODY, str(number))


def test_the_oldest_of_the_largest_crowd_makes_room() -> None:
    guests = newcomers(strangers=5)
    for sid in ("a1", "b1", "b2", "b3", "c1"):
        assert guests.came(sid[0], sid) is None
    guests.proved("b", "b1")
    assert guests.came("c", "c2") is None
    assert guests.came("d", "d1") == "b2"
    guests.left("b", "b2")
    assert guests.strangers == 5
    assert guests.came("d", "d2") in {"c1", "d1"}


def test_whatever_ends_is_forgotten_once() -> None:
    guests = newcomers()
    for sid in ("s1", "s2"):
        guests.came("a", sid)
    guests.proved("a", "s1")
    guests.proved("a", "s1")
    for sid in ("s1", "s2"):
        guests.left("a", sid)
    assert guests.strangers == 0
    assert not guests._sockets
    assert not guests._strangers


@pytest.mark.parametrize(
    ("remote", "said", "address"),
    [
        ("127.0.0.1", "", NOBODY),
        ("::1", "", NOBODY),
        ("127.0.0.1", "192.0.2.1", NOBODY),
        ("10.0.0.1", "192.0.2.1", "192.0.2.1"),
        ("10.0.0.1", "192.0.2.9, 2001:db8::1", "2001:db8::/64"),
        ("192.0.2.7", "192.0.2.1", "192.0.2.7"),
        ("10.0.0.1", ", ".join(["10.0.0.1"] * 4000), "10.0.0.1"),
    ],
)
def test_who_is_behind_a_trusted_proxy_is_told_apart(remote: str, said: str, address: str) -> None:
    request = make_mocked_request("GET", "/", {"X-Forwarded-For": said} if said else {})
    assert Newcomers(Limits(), networks(["10.0.0.0/8"])).address_of(request.clone(remote=remote)) == address


async def test_a_handshake_too_many_is_refused_before_there_is_a_session(open_site: OpenSite) -> None:
    site = await open_site(limits=Limits(burst=2, handshakes=0.5), trusted=("127.0.0.1",))
    url = site.url + HANDSHAKE + "polling"
    async with aiohttp.ClientSession(headers=ELSEWHERE) as http:
        for status in (200, 200, 429):
            async with http.get(url) as answer:
                assert answer.status == status
        assert 0 < int(answer.headers["Retry-After"]) <= 2
        async with http.get(url + "&x=sid=1") as answer:
            assert answer.status == 429
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await http.ws_connect(site.url + HANDSHAKE + "websocket")
        async with http.get(url, headers={"X-Forwarded-For": "192.0.2.2"}) as answer:
            assert answer.status == 200
    assert site.open_sockets == 3


async def test_a_socket_that_shows_no_token_is_closed_early(
    open_site: OpenSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outlet, "GREETING", 0.3)
    site = await open_site(stay=False, welcome_timeout=60.0)
    async with RawSocket(site.url) as silent, RawSocket(site.url) as polite:
        await polite.connect("")
        site.sockets[0].greet()
        await silent.closed()
        assert site.open_sockets == 1
        await polite.event("here")
        await until(lambda: site.events, "it is heard")
    await until(lambda: site.newcomers.strangers == 0, "both have gone")


async def test_a_socket_that_shows_a_token_and_nothing_else_is_closed_later(
    open_site: OpenSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outlet, "GREETING", 0.2)
    site = await open_site(stay=False, welcome_timeout=0.5)
    loop = asyncio.get_running_loop()
    async with RawSocket(site.url) as lazy, RawSocket(site.url) as peer:
        await lazy.connect("")
        await peer.connect("")
        begun = loop.time()
        for socket in site.sockets:
            socket.greet()
        site.sockets[1].stay()
        await lazy.closed()
        assert loop.time() - begun >= 0.5 - 0.001
        await peer.event("here")
        await until(lambda: site.events, "it is heard")
    await until(lambda: site.newcomers.strangers == 0, "both have gone")


async def test_the_oldest_stranger_makes_room_and_peers_stay(open_site: OpenSite) -> None:
    site = await open_site(stay=False, limits=Limits(strangers=2))
    async with RawSocket(site.url) as peer, RawSocket(site.url) as oldest:
        await peer.connect("")
        site.sockets[0].stay()
        async with RawSocket(site.url), RawSocket(site.url):
            await oldest.closed()
            await peer.event("here")
            await until(lambda: site.events, "it is heard")
            assert site.open_sockets == 3
    await until(lambda: site.newcomers.strangers == 0, "all have gone")


async def test_nothing_of_a_request_is_kept(open_site: OpenSite) -> None:
    site = await open_site(stay=False)
    large, url = {"X-Large": "x" * 8000}, site.url + HANDSHAKE + "polling"
    async with aiohttp.ClientSession() as http, http.get(url, headers=large) as answer:
        assert answer.status == 200
    assert site.open_sockets == 1
    assert not any(site.server.environ.values())
