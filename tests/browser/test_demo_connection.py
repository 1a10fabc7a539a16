"""Calls whose connection to the gateway is lost, and comes back or does not."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from playwright.async_api import Route

from auth_api.invitations import make_invitation
from shared.contract.user_tokens import make_user_token
from shared.envelopes.users import User
from tests.browser.conftest import ARGUMENTS, serve_demo
from tests.browser.demo import Demo
from tests.browser.test_demo_endings import OUT, looked_at
from tests.conftest import StartSystem
from tests.system.rig.harness import APP_SECRET, System
from tests.system.rig.tokens import claims_of

Start = Callable[..., Awaitable[tuple[System, Demo]]]


@pytest.fixture
async def start(chromium: str, start_system: StartSystem, tmp_path: Path) -> AsyncIterator[Start]:
    """Starts a system with settings of the test's own, and the demo page over it."""
    async with AsyncExitStack() as stack:

        async def starting(**settings: str) -> tuple[System, Demo]:
            system = await start_system(settings=settings)
            demo = Demo(chromium, ARGUMENTS, serve_demo(system, tmp_path), system.gateways)
            return system, await stack.enter_async_context(demo)

        yield starting


async def lose_gateway(system: System, number: int) -> None:
    system.kill(f"gateway-{number}", signal.SIGKILL)
    await system.gateways[number].exit_code()


async def start_again(system: System, number: int) -> None:
    """Return when it serves: by now the page waits up to ten seconds from one attempt to the next."""
    system.gateways[number].start()
    await system.gateways[number].ready()


async def test_a_call_survives_the_death_of_a_gateway(start: Start) -> None:
    system, demo = await start(RESUME_FOR="300")  # longer than a busy machine takes for what follows
    ann = await demo.open("Ann", gateway=0)
    ben = await demo.open("Ben", gateway=1, room="survives")
    await ann.create("survives")
    await ben.ask()
    await ann.decide("Ben", "Admit")
    await ann.see_people("Ann (you)", "Ben")
    await lose_gateway(system, 0)
    await ann.see("#banner", "Connection lost")
    await ann.see_video_advance("Ben")
    before = (await ann.frames())["Ben"]

    await start_again(system, 0)
    await ann.page.locator("#banner").wait_for(state="hidden")
    cleo = await demo.open("Cleo", gateway=1, room="survives")
    await cleo.ask()
    await ann.decide("Cleo", "Admit")
    await ann.see_people("Ann (you)", "Ben", "Cleo")
    await cleo.see(".tile[data-host]", "Ann")
    assert (await ann.frames())["Ben"] > before, "the connection to Ben was made anew"
    assert await ben.page.locator(".toast", has_text="Ann").count() == 0


async def test_who_was_away_too_long_asks_to_come_back(start: Start) -> None:
    system, demo = await start(RESUME_FOR="1")
    ann = await demo.open("Ann", gateway=0)
    ben = await demo.open("Ben", gateway=1, room="too-long")
    await ann.create("too-long")
    await ben.ask()
    await ann.decide("Ben", "Admit")
    await ben.see_people("Ann", "Ben (you)")
    await lose_gateway(system, 0)
    await ben.see(".toast", "Ann lost the connection")
    await ben.see("#own-host", "You are the host")
    await ben.see_people("Ben (you)")

    await start_again(system, 0)
    await ann.see("#waiting-title", "Waiting for the host")
    await ben.decide("Ann", "Admit")
    await ann.see_people("Ann (you)", "Ben")
    await ben.see_video_advance("Ann")
    assert demo.complaints == []


async def test_who_was_invited_and_away_too_long_is_told_that_the_room_is_gone(start: Start) -> None:
    system, demo = await start(RESUME_FOR="1")
    invitation = make_invitation(APP_SECRET, "is-gone", int(time.time()))
    ann, ben = [await demo.open(name, gateway=0, room=f"is-gone&invitation={invitation}") for name in ("Ann", "Ben")]
    await ann.create("is-gone")
    await ben.page.get_by_role("button", name="Come in").click()
    await ben.see_people("Ann", "Ben (you)")
    await ann.page.click("#leave")
    await ben.see("#own-host")
    cleo = await demo.open("Cleo", gateway=1, room="is-gone")
    await cleo.ask()
    await ben.see(".knock", "Cleo")  # the room is still there, and is so for few seconds more
    await lose_gateway(system, 0)
    await ben.see("#banner", "Connection lost")
    await cleo.see("#problem", "The room “is-gone” was closed.")
    await start_again(system, 0)
    await looked_at(ben, OUT, "You were away too long, and “is-gone” has been closed meanwhile.", "Open it again")
    await ben.page.click("#problem-offer")
    await ben.see("#own-host")
    assert demo.complaints == []


async def test_who_is_not_known_any_more_is_told_so(start: Start) -> None:
    system, demo = await start(RESUME_FOR="1")
    ann = await demo.open("Ann", gateway=0)
    await ann.create("not-known")
    await lose_gateway(system, 0)
    gateway = system.gateways[0]
    known = gateway.env["APP_SECRET"]
    gateway.env["APP_SECRET"] = known[::-1]
    await start_again(system, 0)
    said = "Your visit has ended: the server does not know you any more."
    await looked_at(ann, OUT, said, "Ask to come back")
    await lose_gateway(system, 0)
    gateway.env["APP_SECRET"] = known
    await start_again(system, 0)
    await system.empty()  # until then the room is one that is about to be closed
    await ann.page.click("#problem-offer")
    await ann.see("#problem", "There is no room called “not-known” right now.")
    assert demo.complaints == []


async def test_a_visitor_gets_another_token_before_its_own_ends_and_stays_who_it_is(start: Start) -> None:
    system, demo = await start()
    asked: list[str] = []
    given: list[str] = []

    async def config(route: Route) -> None:
        asked.append(route.request.headers.get("authorization", ""))
        answer = await route.fetch()
        told = {**await answer.json(), "gateways": [system.gateways[0].url]}
        if len(asked) == 1:  # its life begins when the page has it, however long the page has taken to load
            now = int(time.time())
            short = make_user_token(APP_SECRET, "demo", User("ann", "", now, now + 12, {"*": "create"}))
            told |= {"token": short, "expires_in": now + 12 - time.time()}
        given.append(told["token"])
        await route.fulfill(response=answer, json=told)

    ann = await demo.open("Ann", gateway=0)
    await ann.page.route("**/demo/config.json", config)
    await ann.create("renewed-visit")
    ends = claims_of(given[0])["exp"]
    async with asyncio.timeout(40):
        while time.time() <= ends:
            await asyncio.sleep(0.1)
    assert asked[0] == ""
    assert set(asked[1:]) == {f"Bearer {given[0]}"}  # more than once if the first answer took too long for the page
    assert claims_of(given[1])["sub"] == "ann"
    assert ann.sessions >= 2  # more if half of a session's life is over before half of the token's
    ben = await demo.open("Ben", gateway=1, room="renewed-visit")
    await ben.ask()
    await ann.decide("Ben", "Admit")
    await ann.see_people("Ann (you)", "Ben")


async def test_a_session_is_renewed_before_it_ends(start: Start) -> None:
    _, demo = await start(TOKEN_LIFETIME="4")
    ann = await demo.open("Ann", gateway=0)
    await ann.create("renewed")
    async with asyncio.timeout(30):
        while ann.sessions < 5:  # the first of them has ended by now
            await asyncio.sleep(0.1)
    ben = await demo.open("Ben", gateway=1, room="renewed")
    await ben.ask()
    await ann.decide("Ben", "Admit")
    await ann.see_people("Ann (you)", "Ben")
