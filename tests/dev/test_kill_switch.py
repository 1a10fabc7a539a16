"""The kill switch: whom it obeys, and what it kills."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from dev import kill_switch, readiness, system
from dev.kill_switch import SPEAKS, KillSwitch
from dev.settings import Settings
from dev.system import Service
from shared.process.settings import read

PAGE = "http://localhost:8000"
PORT = 8666
GATEWAY = {"url": "http://localhost:5001"}


class Victims:
    """Those that run, and those that were killed."""

    def __init__(self, *running: str) -> None:
        self.running = set(running)
        self.killed: list[str] = []

    async def kill(self, name: str) -> bool:
        if name not in self.running:
            return False
        self.running.remove(name)
        self.killed.append(name)
        return True


@pytest.fixture
def victims() -> Victims:
    return Victims("broker-1", "broker-2", "gateway-1", "gateway-2", "nats", "auth_api")


@pytest.fixture
def services() -> list[Service]:
    return system.services(read(Settings, {"BROKERS": "2"}))


@pytest.fixture
async def client(victims: Victims, services: list[Service]) -> AsyncIterator["TestClient[Any, Any]"]:
    app = kill_switch.build(KillSwitch(victims.kill, services), PORT, 8000)
    async with TestClient(TestServer(app)) as client:
        yield client


def headers(**changed: str) -> dict[str, str]:
    """What the demo page sends."""
    return {"Host": f"127.0.0.1:{PORT}", "Origin": PAGE} | changed


async def test_the_page_kills_a_gateway_by_its_address(client: Any, victims: Victims) -> None:
    async with client.post("/gateway", json=GATEWAY, headers=headers()) as answer:
        assert (answer.status, await answer.json()) == (200, {"killed": "gateway-2"})
        assert answer.headers["Access-Control-Allow-Origin"] == PAGE
    assert victims.killed == ["gateway-2"]


@pytest.mark.parametrize(
    "changed",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "http://localhost:8001"},
        {"Origin": "https://localhost:8000"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Host": f"evil.example:{PORT}"},
        {"Host": "127.0.0.1:8000"},
    ],
)
@pytest.mark.parametrize("method", ["POST", "OPTIONS"])
async def test_no_other_page_kills_anything(
    client: Any, victims: Victims, method: str, changed: dict[str, str]
) -> None:
    async with client.request(method, "/gateway", json=GATEWAY, headers=headers(**changed)) as answer:
        assert answer.status == 403
        assert "Access-Control-Allow-Origin" not in answer.headers
    assert victims.killed == []


async def test_what_a_form_can_send_is_not_taken(client: Any, victims: Victims) -> None:
    for path in ("/gateway", "/broker"):
        kind = headers() | {"Content-Type": "text/plain"}
        async with client.post(path, data='{"url": "http://localhost:5001"}', headers=kind) as answer:
            assert answer.status == 415
    assert victims.killed == []


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"url": 1}', b'{"url": "%s"}' % (b"x" * 2000)])
async def test_rubbish_kills_nothing(client: Any, victims: Victims, body: bytes) -> None:
    kind = headers() | {"Content-Type": "application/json"}
    async with client.post("/gateway", data=body, headers=kind) as answer:
        assert 400 <= answer.status < 500
    assert victims.killed == []


@pytest.mark.parametrize("url", ["http://localhost:8000", "nats", "gateway-1", ""])
async def test_it_kills_gateways_and_brokers_alone(client: Any, victims: Victims, url: str) -> None:
    async with client.post("/gateway", json={"url": url}, headers=headers()) as answer:
        assert answer.status == 404
    assert victims.killed == []


async def test_one_after_the_other_with_a_pause(client: Any, victims: Victims, monkeypatch: pytest.MonkeyPatch) -> None:
    async def kill(url: str) -> int:
        async with client.post("/gateway", json={"url": url}, headers=headers()) as answer:
            return int(answer.status)

    assert [await kill(f"http://localhost:{port}") for port in (5000, 5001)] == [200, 429]
    monkeypatch.setattr(kill_switch, "PAUSE", 0)
    assert [await kill(f"http://localhost:{port}") for port in (5000, 5001)] == [409, 200]
    assert victims.killed == ["gateway-1", "gateway-2"]


async def test_of_several_brokers_the_one_that_speaks_is_killed(
    client: Any, victims: Victims, services: list[Service], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def metrics(host: str, port: int, path: str) -> str:
        if port == 9000:
            raise ConnectionRefusedError
        return f"HTTP/1.1 200 OK\r\n\r\n# HELP\n{SPEAKS}\n"

    monkeypatch.setattr(readiness, "get", metrics)
    async with client.post("/broker", json={}, headers=headers()) as answer:
        assert await answer.json() == {"killed": "broker-2"}


async def test_the_page_may_ask_whether_it_may(client: Any) -> None:
    async with client.options("/broker", headers=headers()) as answer:
        assert answer.status == 204
        assert answer.headers["Access-Control-Allow-Headers"] == "content-type"
