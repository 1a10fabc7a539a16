import asyncio
import gzip

import pytest

from auth_api.bodies import MAX_BODY
from tests.auth_api.conftest import PASSWORD, Serve

HEADS = ["POST /app", "GET /demo", "GET /openapi.json", "GET /livez", "DELETE /admin/rooms/tea", "PUT /nothing"]
NEVER = ["Content-Length: 5\r\n\r\n", "Content-Length: 5\r\n\r\n{", "Transfer-Encoding: chunked\r\n\r\n5\r\n{"]


async def answer_to(host: str, port: int, raw: bytes) -> bytes:
    """The first line that comes."""
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(raw)
    async with asyncio.timeout(10):
        answer = await reader.readline()
    writer.close()
    await writer.wait_closed()
    return answer


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("never", NEVER)
async def test_a_body_that_never_comes_is_not_waited_for(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, head: str, never: str
) -> None:
    monkeypatch.setattr("auth_api.bodies.BODY_SECONDS", 0.05)
    async with serve(admin_token="t" * 32) as client:
        raw = f"{head} HTTP/1.1\r\nHost: a\r\n{never}".encode()
        answer = await answer_to(str(client.host), client.port or 0, raw)
    assert answer.startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize("head", HEADS)
async def test_a_body_that_is_too_large_is_refused_before_it_comes(serve: Serve, head: str) -> None:
    async with serve(admin_token="t" * 32) as client:
        raw = f"{head} HTTP/1.1\r\nHost: a\r\nContent-Length: {MAX_BODY + 1}\r\n\r\n".encode()
        answer = await answer_to(str(client.host), client.port or 0, raw)
    assert answer.startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br"])
async def test_nothing_is_unpacked(serve: Serve, encoding: str) -> None:
    packed = gzip.compress(f'{{"app":"chat","password":"{PASSWORD}"}}'.encode())
    headers = {"Content-Type": "application/json", "Content-Encoding": encoding}
    async with serve() as client, client.post("/app", data=packed, headers=headers) as answer:
        assert answer.status == 400
        assert "Content-Encoding" in (await answer.json())["error"]
