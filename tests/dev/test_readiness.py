import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import web

from dev import readiness
from dev.readiness import Address
from dev.trouble import Trouble

Serve = Callable[[list[int]], Awaitable[Address]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Start a server that gives these answers in turn, the last one for ever, and return its address."""
    runners: list[web.AppRunner] = []

    async def start(answers: list[int]) -> Address:
        async def answer(_: web.Request) -> web.Response:
            status = answers.pop(0) if len(answers) > 1 else answers[0]
            return web.Response(status=status, text="nats: not connected")

        app = web.Application()
        app.router.add_get("/readyz", answer)
        runner = web.AppRunner(app)
        runners.append(runner)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return "127.0.0.1", runner.addresses[0][1]

    yield start
    for runner in runners:
        await runner.cleanup()


async def test_it_waits_until_all_are_ready_and_tells_of_each(serve: Serve) -> None:
    told: list[str] = []
    probes = {"one": await serve([503, 503, 200]), "two": await serve([200])}
    await readiness.wait(probes, 5, told.append)
    assert [line.split()[0] for line in told] == ["two", "one"]


async def test_it_names_who_is_late_and_why(serve: Serve) -> None:
    probes = {"prompt": await serve([200]), "late": await serve([503]), "absent": ("127.0.0.1", 1)}
    with pytest.raises(Trouble) as told:
        await readiness.wait(probes, 0.5, lambda _: None)
    text = str(told.value)
    assert "late is not ready after 0.5 s" in text
    assert "503 Service Unavailable nats: not connected" in text
    assert "absent is not ready after 0.5 s: cannot connect to 127.0.0.1:1" in text
    assert "prompt" not in text


async def test_it_ends_quietly_when_nobody_waits_any_more(serve: Serve) -> None:
    loud: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: loud.append(str(context["message"])))
    waiting = asyncio.create_task(readiness.wait({"late": await serve([503])}, 5, lambda _: None))
    await asyncio.wait({waiting}, timeout=0.1)
    waiting.cancel()
    await asyncio.wait({waiting})
    del waiting
    gc.collect()
    assert loud == []


async def test_it_tells_what_it_waits_for_before_it_gives_up(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "USUAL", 0.1)
    told: list[str] = []
    probes = {"prompt": await serve([200]), "late": await serve([503] * 4 + [200])}
    await readiness.wait(probes, 5, told.append)
    assert "waiting for late: HTTP/1.1 503 Service Unavailable nats: not connected" in told
    assert not [line for line in told if line.startswith("waiting for prompt")]
