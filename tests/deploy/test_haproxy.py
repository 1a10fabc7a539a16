"""The load balancer itself: what it lets in, and how much of it from one address."""

import asyncio
import contextlib
from asyncio.subprocess import PIPE
from pathlib import Path

import aiohttp
import pytest

from tests.deploy.balancer import NEVER, SID, balancing, closing
from tests.system.rig.waiting import until

HANDSHAKE = "/socket.io/?EIO=4&transport=polling"
POLL = f"{HANDSHAKE}&sid={SID}"
SERVED = [
    ("GET", HANDSHAKE),
    ("POST", POLL),
    ("OPTIONS", HANDSHAKE),
    ("POST", "/app"),
    ("OPTIONS", "/app"),
    ("POST", "/user"),
    ("OPTIONS", "/user"),
    ("GET", "/"),
    ("GET", "/demo"),
    ("HEAD", "/demo"),
    ("GET", "/demo/"),
    ("GET", "/demo?room=tea%20time"),
    ("GET", "/demo/config.json"),
    ("GET", "/demo/room-name.js"),
    ("GET", "/demo/parley/connect.js"),
    ("GET", "/demo/socket.io.js"),
    ("GET", "/openapi.json"),
]
NOT_SERVED = [
    "/admin",
    "/admin/rooms",
    "/admin/rooms/%zz",
    "/%61dmin/rooms",
    "/%zz/../admin/rooms",
    "/demo/%2e%2e/admin/rooms",
    "/demo/../admin/rooms",
    "/demo/..",
    "/demo/.",
    "/demo//admin/rooms",
    "/demo/%2fadmin",
    "/demo/a/b.js",
    "/demo;/../admin/rooms",
    "/demo%00",
    "/demo\\..\\admin",
    "//admin/rooms",
    "/./admin/rooms",
    "/app/../admin/rooms",
    "/app/",
    "/app;x",
    "/app%2f..%2fadmin",
    "/APP",
    "/user/",
    "/user;x",
    "/users",
    "/USER",
    "/user/../admin/apps/a/users/b",
    "/socket.io",
    "/socket.io/../admin/rooms",
    "/socket.io/x",
    "/socket.io//",
    "/openapi.json/",
    "/livez",
    "/readyz",
    "/metrics",
    "/%6detrics",
    "http://a/admin/rooms",
    "http://a/app",
    "HTTP://a/demo",
    "ftp://a/demo",
    "admin/rooms",
    "*",
    "?/admin/rooms",
    "#/admin/rooms",
    "/demo#/admin",
]
WRONG_METHODS = [
    ("POST", "/demo"),
    ("DELETE", "/demo"),
    ("PUT", "/app"),
    ("GET", "/user"),
    ("PUT", "/user"),
    ("DELETE", "/user"),
    ("GET", "/app"),
    ("DELETE", "/app"),
    ("POST", "/"),
    ("DELETE", "/socket.io/"),
    ("CONNECT", "/socket.io/"),
    ("TRACE", "/app"),
    ("GE T", "/demo"),
    ("get", "/demo"),
    ("X" * 300, "/demo"),
]


async def test_what_is_for_clients_reaches_its_server(tmp_path: Path) -> None:
    async with balancing(tmp_path) as balancer:
        assert {each: await balancer.ask(each[1], each[0]) for each in SERVED} == dict.fromkeys(SERVED, 200)
        assert balancer.gateway.paths == [target for _, target in SERVED[:3]]
        assert balancer.auth_api.paths == [target for _, target in SERVED[3:]]


async def test_nothing_else_reaches_any_server(tmp_path: Path) -> None:
    asked = [(method, target) for target in NOT_SERVED for method in ("GET", "POST", "DELETE")]
    async with balancing(tmp_path) as balancer:
        answers = {each: await balancer.ask(each[1], each[0]) for each in asked + WRONG_METHODS}
        assert {each: status for each, status in answers.items() if status not in (400, 404)} == {}
        assert balancer.gateway.heads + balancer.auth_api.heads == []


async def test_http2_leads_no_further(tmp_path: Path) -> None:
    async with balancing(tmp_path) as balancer:

        async def status(target: str) -> int:
            here = ["curl", "-s", "-m", "10", "-o", "/dev/null", "-w", "%{http_code}", "--http2-prior-knowledge"]
            url = f"http://127.0.0.1:{balancer.http2_port}/{target}"
            process = await asyncio.create_subprocess_exec(*here, "--path-as-is", url, stdout=PIPE)
            return int((await process.communicate())[0])

        answers = {each: await status(each[1:]) for each in NOT_SERVED if each[0] == "/"}
        assert {each: status for each, status in answers.items() if status not in (400, 404)} == {"/demo#/admin": 200}
        assert await status("socket.io/?EIO=4") == 200
        assert balancer.auth_api.paths == ["/demo"]  # what follows a # stays with a client of HTTP/2


async def test_a_browser_may_have_many_cookies_and_no_server_sees_them(tmp_path: Path) -> None:
    cookies = f"Cookie: a={'x' * 16 * 1024}\r\n"
    async with balancing(tmp_path) as balancer:
        assert await balancer.ask(HANDSHAKE, more=cookies) == 200
        assert await balancer.ask("/demo", more=cookies) == 200
        assert "cookie" not in "".join(balancer.gateway.heads + balancer.auth_api.heads).lower()


@pytest.mark.parametrize("more", ["X-More: y\r\n" * 200, f"X-More: {'y' * 40_000}\r\n", "X-More: y\r\n" * 70_000])
async def test_a_head_that_is_too_large_is_refused(tmp_path: Path, more: str) -> None:
    async with balancing(tmp_path) as balancer:
        assert await balancer.ask(HANDSHAKE, more=more) in (0, 400)
        assert balancer.gateway.heads == []


@pytest.mark.parametrize(
    "beginning",
    [
        "GET /demo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n",
        "GET /demo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST /app HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n",
        "POST /app HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n",
        "POST /user HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n",
        "POST /app HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
        f"POST {POLL} HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n",
        "GET /demo HTTP/1.1\r\nX-Half",
    ],
)
async def test_what_never_comes_is_not_waited_for(tmp_path: Path, beginning: str) -> None:
    async with balancing(tmp_path) as balancer:
        assert await balancer.send(beginning.encode()) == 408
        assert balancer.gateway.heads + balancer.auth_api.heads == []


@pytest.mark.parametrize(
    "body", ["Content-Length: 1\r\n\r\nx", "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"]
)
async def test_reading_takes_no_body(tmp_path: Path, body: str) -> None:
    async with balancing(tmp_path) as balancer:
        assert await balancer.send(f"GET /demo HTTP/1.1\r\nHost: a\r\n{body}".encode()) == 400
        assert balancer.auth_api.heads == []


async def test_a_body_too_large_for_a_token_is_refused(tmp_path: Path) -> None:
    body = b"x" * 16385
    async with balancing(tmp_path) as balancer:
        head = f"POST /app HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        assert await balancer.send(head + body) == 413
        assert balancer.auth_api.heads == []


async def test_handshakes_of_one_address_are_limited(tmp_path: Path) -> None:
    async with balancing(tmp_path, ADDRESS_HANDSHAKES="3") as balancer:
        assert [await balancer.ask(HANDSHAKE) for _ in range(5)] == [200] * 3 + [429] * 2
        # it may go on with those it has, others may begin, and may do other things
        assert await balancer.ask(POLL) == 200
        assert await balancer.ask("/demo") == 200
        assert await balancer.ask(HANDSHAKE, source="127.0.0.2") == 200


@pytest.mark.parametrize(
    "disguise",
    ["&sid=", "&sid=unknown", "&sid=unknown&sid={}", "&x=1;sid={}", "&x=1?sid={}", "#&sid={}", "&SID={}", "&sid={}x"],
)
async def test_a_handshake_counts_as_one_in_every_disguise(tmp_path: Path, disguise: str) -> None:
    async with balancing(tmp_path, ADDRESS_HANDSHAKES="1") as balancer:
        assert await balancer.ask(HANDSHAKE) == 200
        assert await balancer.ask(HANDSHAKE + disguise.format(SID)) in (400, 404, 429)


async def test_requests_of_one_address_to_the_api_are_limited(tmp_path: Path) -> None:
    async with balancing(tmp_path, ADDRESS_API_REQUESTS="2") as balancer:
        assert [await balancer.ask("/app", "POST") for _ in range(4)] == [200, 200, 429, 429]
        assert await balancer.ask(HANDSHAKE) == 200
        assert await balancer.ask("/app", "POST", source="127.0.0.2") == 200


async def test_all_requests_of_one_address_are_limited(tmp_path: Path) -> None:
    async with balancing(tmp_path, ADDRESS_REQUESTS="4") as balancer:
        assert [await balancer.ask(HANDSHAKE), *[await balancer.ask(POLL) for _ in range(4)]] == [200] * 4 + [429]
        assert await balancer.ask(HANDSHAKE, source="127.0.0.2") == 200


async def test_requests_for_what_is_not_there_are_limited_as_well(tmp_path: Path) -> None:
    async with balancing(tmp_path, ADDRESS_REQUESTS="4") as balancer:
        assert [await balancer.ask(f"/{number}.php") for number in range(6)] == [404] * 4 + [429] * 2
        assert await balancer.ask("/demo", source="127.0.0.2") == 200


async def test_new_connections_of_one_address_are_limited(tmp_path: Path) -> None:
    async with balancing(tmp_path, ADDRESS_NEW_CONNECTIONS="8") as balancer:
        # beyond the limit they are answered, a quarter beyond it they are not
        assert [await balancer.ask("/demo") for _ in range(12)] == [200] * 8 + [429] + [0] * 3
        assert await balancer.ask("/demo", source="127.0.0.2") == 200


async def test_connections_of_one_address_at_once_are_limited(tmp_path: Path) -> None:
    at_once = balancing(tmp_path, patience=60, ADDRESS_CONNECTIONS="8")
    async with at_once as balancer, contextlib.AsyncExitStack() as held:

        async def hold(count: int) -> None:
            for _ in range(count):
                _, writer = await asyncio.open_connection("127.0.0.1", balancer.port)
                await held.enter_async_context(closing(writer))

        # its threads do not count them in the order of their coming
        async def becomes(status: int) -> None:
            async with asyncio.timeout(5):
                while await balancer.ask("/demo") != status:
                    await asyncio.sleep(0.02)

        await hold(8)
        await becomes(429)
        # one of these may be turned away itself, while an answer before it is still counted
        async with asyncio.timeout(5):
            while await balancer.ask("/demo") != 0:
                await hold(1)
        assert await balancer.ask("/demo", source="127.0.0.2") == 200
        await held.aclose()
        await becomes(200)


async def test_requests_that_wait_for_their_bodies_are_counted(tmp_path: Path) -> None:
    waiting = b"POST /app HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n"
    async with balancing(tmp_path, ADDRESS_API_REQUESTS="2") as balancer:
        # the first two have not been answered when the third comes
        answers = [asyncio.create_task(balancer.send(waiting)) for _ in range(3)]
        assert sorted(await asyncio.gather(*answers)) == [408, 408, 429]


async def test_a_refusal_of_the_api_has_its_shape(tmp_path: Path) -> None:
    async with balancing(tmp_path, ADDRESS_API_REQUESTS="1") as balancer, aiohttp.ClientSession() as http:
        await balancer.ask("/app", "POST")
        async with http.post(f"http://127.0.0.1:{balancer.port}/app") as answer:
            assert (answer.status, answer.headers["Retry-After"]) == (429, "10")
            assert (await answer.json())["response"] is False


async def test_a_gateway_learns_that_the_client_of_a_poll_has_gone(tmp_path: Path) -> None:
    async with balancing(tmp_path) as balancer:
        _, writer = await asyncio.open_connection("127.0.0.1", balancer.port)
        async with closing(writer):
            writer.write(f"GET {POLL}&{NEVER} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
            await until(lambda: balancer.gateway.heads, "the gateway is asked")
        async with asyncio.timeout(10):
            await balancer.gateway.deserted.wait()
