import asyncio
import json
import logging

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from auth_api.answers import in_shape
from tests.auth_api.conftest import Serve


@pytest.mark.parametrize(
    ("method", "path", "status", "error"),
    [
        ("GET", "/", 401, "Unauthorized"),
        ("GET", "/nothing", 404, "Not Found"),
        ("GET", "/demo/nothing", 404, "Not Found"),
        ("GET", "/demo/..%2fsettings.py", 404, "Not Found"),
        ("GET", "/app", 405, "Method Not Allowed"),
        ("DELETE", "/app", 405, "Method Not Allowed"),
    ],
)
async def test_refusals_have_one_shape(serve: Serve, method: str, path: str, status: int, error: str) -> None:
    async with serve() as client, client.request(method, path) as answer:
        assert answer.status == status
        assert await answer.json() == {"status": status, "error": error, "response": False}


async def test_a_wrong_method_is_told_the_right_ones(serve: Serve) -> None:
    async with serve() as client, client.get("/app") as answer:
        assert answer.headers["Allow"] == "OPTIONS,POST"


async def test_the_probes_are_there(serve: Serve) -> None:
    async with serve() as client:
        assert (await client.get("/livez")).status == 200
        assert await (await client.get("/readyz")).json() == {"ready": True, "missing": {}}
        assert "parley_app_token_requests_total" in await (await client.get("/metrics")).text()


async def test_our_own_error_is_500_in_the_same_shape_and_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    async def broken(_: web.Request) -> web.Response:
        raise KeyError("inner detail")

    app = web.Application(middlewares=[in_shape])
    app.router.add_get("/broken", broken)
    async with TestClient(TestServer(app)) as client, client.get("/broken") as answer:
        assert (answer.status, json.loads(await answer.read())["response"]) == (500, False)
        assert "inner" not in await answer.text()
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


@pytest.mark.parametrize(
    "junk",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
        b"POST /app HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        b"POST /app HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n{",
        b"POST /app HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST /app HTTP/9.9\r\n\r\n",
        b"GET /" + b"a" * 20000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET http://[ HTTP/1.1\r\nHost: a\r\n\r\n",
    ],
)
async def test_broken_http_leaves_no_traceback_and_the_next_caller_unharmed(
    serve: Serve, caplog: pytest.LogCaptureFixture, junk: bytes
) -> None:
    async with serve() as client:
        reader, writer = await asyncio.open_connection(client.host, client.port)
        writer.write(junk)
        writer.write_eof()
        async with asyncio.timeout(5):
            await reader.read()
        writer.close()
        assert (await client.get("/livez")).status == 200
    assert [record.exc_info for record in caplog.records if record.levelno >= logging.WARNING] == []
