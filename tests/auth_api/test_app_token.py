import asyncio
import logging
import time
from typing import Any

import pytest
from aiohttp import FormData
from prometheus_client import REGISTRY

from shared.contract.tokens import read_app
from tests.auth_api.conftest import PASSWORD, SECRET, Serve

RIGHT = {"app": "chat", "password": PASSWORD}
WRONG = {"app": "chat", "password": "guess"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/json"}


def sent(how: str, fields: dict[str, str]) -> Any:
    """The arguments that make aiohttp's client send ``fields`` as a form (``data``) or as JSON (``json``)."""
    return {how: fields}


@pytest.mark.parametrize("how", ["data", "json"])
async def test_the_right_password_gets_a_token_for_the_app(serve: Serve, how: str) -> None:
    async with serve() as client, client.post("/app", **sent(how, RIGHT)) as answer:
        body = await answer.json()
        assert (answer.status, body["status"], body["error"]) == (200, 200, None)
        assert read_app((SECRET,), body["response"]["token"], time.time()).name == "chat"


@pytest.mark.parametrize("how", ["data", "json"])
async def test_a_wrong_password_is_401(serve: Serve, how: str) -> None:
    async with serve() as client, client.post("/app", **sent(how, WRONG)) as answer:
        assert answer.status == 401
        assert await answer.json() == {"status": 401, "error": "Wrong password", "response": False}


MALFORMED: list[tuple[dict[str, str], bytes]] = [
    ({}, b""),
    (FORM, b""),
    (FORM, b"app=chat"),
    (FORM, b"password=x"),
    (FORM, b"app=&password=x"),
    (FORM, b"app=a&app=b&password=x"),
    (FORM, b"app=chat&password=%ff"),
    (FORM, b"app=%ed%a0%80&password=x"),
    (FORM, b"app=%00&password=x"),
    (FORM, b"app=a%0A&password=x"),
    (FORM, b"app=%C2%85&password=x"),
    (FORM, b"app=" + b"a" * 129 + b"&password=x"),
    (FORM, b"\xff\xfe=1"),
    (FORM, b"&".join(b"a%d=1" % number for number in range(200))),
    (FORM, b'{"app":"chat","password":"x"}'),
    (JSON, b""),
    (JSON, b"null"),
    (JSON, b"[]"),
    (JSON, b"{"),
    (JSON, b"\xff"),
    (JSON, b'{"app":"chat"}'),
    (JSON, b'{"app":1,"password":"x"}'),
    (JSON, b'{"app":"chat","password":null}'),
    (JSON, b'{"app":"chat","password":["x"]}'),
    (JSON, b'{"app":"\\ud800","password":"x"}'),
    (JSON, b'{"app":"chat","password":"\\udfff"}'),
    (JSON, b'{"app":' + b"[" * 8000 + b"]" * 8000 + b"}"),
    (JSON, b'{"more":' + b"[" * 8000 + b'],"app":"chat","password":"x"}'),
    (JSON, b'{"app":' + b"9" * 10000 + b',"password":"x"}'),
    ({"Content-Type": "text/plain"}, b"app=chat&password=x"),
    ({"Content-Type": "no/such; charset=klingon"}, b"app=chat&password=x"),
    ({**JSON, "Content-Encoding": "gzip"}, b"this is not gzip"),
    ({**JSON, "Content-Encoding": "deflate"}, b"this is not deflate"),
]


@pytest.mark.parametrize(("headers", "body"), MALFORMED)
async def test_what_is_not_well_formed_is_400_and_not_logged(
    serve: Serve, caplog: pytest.LogCaptureFixture, headers: dict[str, str], body: bytes
) -> None:
    async with serve() as client, client.post("/app", data=body, headers=headers) as answer:
        shape = await answer.json()
        assert (answer.status, shape["status"], shape["response"]) == (400, 400, False)
        assert isinstance(shape["error"], str)
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_a_form_with_parts_is_400(serve: Serve) -> None:
    form = FormData(default_to_multipart=True)
    form.add_field("app", "chat")
    form.add_field("password", PASSWORD)
    async with serve() as client, client.post("/app", data=form) as answer:
        assert answer.status == 400


async def test_the_answer_does_not_repeat_a_password(serve: Serve) -> None:
    async with serve() as client, client.post("/app", data=b"password=hush%ff", headers=FORM) as answer:
        assert "hush" not in await answer.text()


@pytest.mark.parametrize("body", [b"x" * 16385, b"x" * 1_000_000])
async def test_a_request_that_is_too_large_is_413(serve: Serve, body: bytes) -> None:
    async with serve() as client, client.post("/app", data=body, headers=JSON) as answer:
        assert answer.status == 413
        assert (await answer.json())["status"] == 413


async def test_too_many_wrong_passwords_are_429_and_soon_forgiven(serve: Serve) -> None:
    async with serve(throttle_tries=3, throttle_seconds=0.2) as client:

        async def statuses(fields: dict[str, str], times: int) -> list[int]:
            return [(await client.post("/app", json=fields)).status for _ in range(times)]

        assert await statuses(RIGHT, 20) == [200] * 20
        assert await statuses(WRONG, 4) == [401, 401, 401, 429]
        async with client.post("/app", json=RIGHT) as answer:
            assert (answer.status, answer.headers["Retry-After"]) == (429, "1")
            assert (await answer.json())["response"] is False
        async with asyncio.timeout(5):
            while await statuses(RIGHT, 1) != [200]:
                await asyncio.sleep(0.02)


async def test_guesses_through_a_trusted_proxy_count_for_the_one_who_makes_them(serve: Serve) -> None:
    async with serve(throttle_tries=1, trusted_proxies=("127.0.0.1", "::1")) as client:

        async def status(address: str, fields: dict[str, str]) -> int:
            return (await client.post("/app", json=fields, headers={"X-Forwarded-For": address})).status

        assert await status("2001:db8::1", WRONG) == 401
        assert await status("2001:db8::2", WRONG) == 429
        assert await status("2001:db8:0:1::1", RIGHT) == 200


async def test_an_untrusted_caller_cannot_choose_its_address(serve: Serve) -> None:
    async with serve(throttle_tries=1) as client:
        headers = [{"X-Forwarded-For": f"192.0.2.{number}"} for number in range(2)]
        statuses = [(await client.post("/app", json=WRONG, headers=each)).status for each in headers]
        assert statuses == [401, 429]


async def test_pages_of_any_origin_may_ask(serve: Serve) -> None:
    async with serve() as client:
        preflight = await client.options("/app", headers={"Access-Control-Request-Method": "POST"})
        assert preflight.status == 204
        assert preflight.headers["Access-Control-Allow-Methods"] == "POST"
        assert preflight.headers["Access-Control-Allow-Headers"] == "Content-Type"
        for answer in (preflight, await client.post("/app", data=RIGHT), await client.post("/app", data=WRONG)):
            assert answer.headers["Access-Control-Allow-Origin"] == "*"


async def test_requests_are_counted_by_outcome(serve: Serve) -> None:
    def count(outcome: str) -> float:
        return REGISTRY.get_sample_value("parley_app_token_requests_total", {"outcome": outcome}) or 0

    asked: list[tuple[str, Any]] = [
        ("issued", RIGHT),
        ("wrong_password", WRONG),
        ("throttled", WRONG),
        ("malformed", 1),
        ("malformed", "x" * 20_000),
    ]
    async with serve(throttle_tries=1) as client:
        for outcome, body in asked:
            before = count(outcome)
            await client.post("/app", json=body)
            assert count(outcome) == before + 1, outcome


async def test_logs_show_neither_password_nor_token_and_one_line_for_an_app_name(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with serve() as client:
        token = (await (await client.post("/app", data=RIGHT)).json())["response"]["token"]
        await client.post("/app", data=WRONG)
    assert "'chat'" in caplog.text
    assert [secret for secret in (token, PASSWORD, "guess") if secret in caplog.text] == []


async def test_log_lines_are_bounded_whoever_asks_or_guesses(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with serve(throttle_tries=1000, trusted_proxies=("127.0.0.1", "::1")) as client:
        for number in range(60):
            headers = {"X-Forwarded-For": f"192.0.2.{number // 2}"}
            await client.post("/app", json=WRONG, headers=headers)
            await client.post("/app", json={**RIGHT, "app": f"app {number // 2}"}, headers=headers)
    for words in ("wrong password", "token issued"):
        assert len([record for record in caplog.records if words in record.message]) <= 40
