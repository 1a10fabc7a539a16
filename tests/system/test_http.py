"""What the processes answer over plain HTTP."""

from typing import Any

import aiohttp
import pytest

from tests.conftest import StartSystem
from tests.system.rig.harness import APP_PASS, System


async def post(system: System, **options: Any) -> tuple[int, Any, Any]:
    async with aiohttp.ClientSession() as http, http.post(f"{system.auth.url}/app", **options) as answer:
        return answer.status, await answer.json(), answer.headers


@pytest.mark.parametrize("kind", ["data", "json"])
async def test_a_token_for_the_password(system: System, kind: str) -> None:
    status, body, _ = await post(system, **{kind: {"app": "demo", "password": APP_PASS}})
    assert status == 200
    assert body["response"].pop("token").count(".") == 2
    assert body == {"status": 200, "error": None, "response": {}}


@pytest.mark.parametrize("kind", ["data", "json"])
@pytest.mark.parametrize("fields", [{}, {"app": "demo"}, {"password": APP_PASS}, {"app": "", "password": APP_PASS}])
async def test_a_missing_field(system: System, kind: str, fields: dict[str, str]) -> None:
    status, body, _ = await post(system, **{kind: fields})
    assert (status, body["status"], body["response"]) == (400, 400, False)
    assert body["error"]


@pytest.mark.parametrize(
    "body",
    ["", "{", "[]", "17", "null", '{"app":1,"password":2}', '{"app":["a"],"password":"b"}', "[" * 5000, '"\\ud800"'],
)
async def test_malformed_json(system: System, body: str) -> None:
    status, told, _ = await post(system, data=body, headers={"Content-Type": "application/json"})
    assert (status, told["status"], told["response"]) == (400, 400, False)


async def test_wrong_passwords(start_system: StartSystem) -> None:
    system = await start_system(gateways=0)
    status, body, _ = await post(system, data={"app": "demo", "password": "guess"})
    assert (status, body["status"], body["response"]) == (401, 401, False)
    assert body["error"]
    tries = 0
    while status == 401:
        status, body, headers = await post(system, json={"app": "demo", "password": f"guess {tries}"})
        tries += 1
        assert tries < 200, "nothing stops the guessing"
    assert (status, body["status"], body["response"]) == (429, 429, False)
    assert int(headers["Retry-After"]) > 0


async def test_probes_of_every_process(system: System) -> None:
    async with aiohttp.ClientSession() as http:
        for process in (*system.gateways, *system.brokers, system.auth):
            for path in ("/livez", "/readyz", "/metrics"):
                async with http.get(process.url + path) as answer:
                    assert answer.status == 200, f"{process.name} {path}"
                    text = await answer.text()
            assert "# TYPE " in text


async def test_the_demo_page(system: System) -> None:
    async with aiohttp.ClientSession() as http, http.get(f"{system.auth.url}/demo") as answer:
        assert answer.status == 200
        assert answer.content_type == "text/html"
