"""Whoever is out of a room, or cannot come in, is told why and how to go on, in true words, and on a phone too."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, Literal

import aiohttp
import pytest
from playwright.async_api import ViewportSize, expect

from auth_api.invitations import LIFE, make_invitation
from tests.browser.conftest import ARGUMENTS, serve_demo
from tests.browser.demo import Demo, Person
from tests.browser.test_demo_colours import faults
from tests.browser.test_demo_return import open_room
from tests.system.rig.harness import APP_SECRET, System
from tests.system.rig.process import Process

ADMIN_TOKEN = "an-operator's-token-of-more-than-32-bytes"
PHONE = ViewportSize(width=390, height=844)
DESKTOP = ViewportSize(width=1280, height=800)
LOOKS: list[tuple[Literal["light", "dark"], str]] = [("light", "en"), ("dark", "de"), ("light", "de"), ("dark", "en")]
OUT, NOT_IN = "Your call has ended", "You could not come in"

expect.set_options(timeout=20_000)  # ms; the machine may be busy


class Stage:
    """A room into which everybody may come, its host Hana, a guest on a phone, and the server's operator."""

    def __init__(self, demo: Demo, serving: Process, room: str) -> None:
        self.room = room
        self.hana: Person
        self.ben: Person
        self._demo = demo
        self.url = serving.url

    async def begin(self) -> None:
        self.hana = await open_room(self._demo, self.room)
        self.ben = await self.guest("Ben")

    async def guest(self, name: str) -> Person:
        return await self._demo.open(name, gateway=1, room=self.room, viewport=PHONE)

    async def ben_is_in(self) -> None:
        await self.ben.ask()
        await self.ben.see("body[data-screen=call]")
        await self.hana.page.wait_for_function("() => room.others.length")

    async def ben_waits(self) -> None:
        await self.host("room.setPolicy({ admission: 'ask' })")
        await self.ben.ask()
        await self.ben.see("#waiting-title", "Waiting for the host")
        await self.hana.page.wait_for_function("() => room.pending.size")

    async def host(self, deed: str) -> None:
        await self.hana.page.evaluate(f"async () => {{ await {deed}; }}")

    async def operate(self, method: str, path: str, **body: Any) -> Any:
        """An operator's call, in which BEN is Ben's ``peer_id``, USER his identity, and ROOM the room."""
        hana = await self.hana.page.evaluate("room.me.peer_id")
        member = next(each for each in await self._members() if each["peer_id"] != hana)
        names = {"BEN": member["peer_id"], "USER": member["identity"]["id"], "ROOM": self.room}
        filled = {key: names.get(value, value) for key, value in body.items()}
        return await self._call(method, re.sub("BEN|USER|ROOM", lambda name: names[name[0]], path), filled or None)

    async def _members(self) -> list[dict[str, Any]]:
        room = await self._call("GET", f"/admin/rooms/{self.room}?app=demo")
        return list(room["members"])

    async def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
        url = self.url + path
        async with aiohttp.ClientSession(headers=headers) as http, http.request(method, url, json=body) as answer:
            assert answer.status == 200, await answer.text()
            return (await answer.json())["response"]


@pytest.fixture
async def stage(chromium: str, system: System, tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    await system.agreed()
    serving = serve_demo(system, tmp_path, ADMIN_TOKEN=ADMIN_TOKEN)
    async with asyncio.timeout(100), Demo(chromium, ARGUMENTS, serving, system.gateways) as demo:
        stage = Stage(demo, serving, request.node.name.partition("[")[2].rstrip("]"))
        await stage.begin()
        yield stage
        assert demo.complaints == []


async def close(stage: Stage) -> None:
    await stage.ben_is_in()
    await stage.host("room.close('Good night')")


async def close_as_operator(stage: Stage) -> None:
    await stage.ben_is_in()
    await stage.operate("DELETE", "/admin/rooms/ROOM?app=demo")


async def close_before_ben_is_let_in(stage: Stage) -> None:
    await stage.ben_waits()
    await stage.host("room.close('Good night')")


async def kick(stage: Stage) -> None:
    await stage.ben_is_in()
    await stage.host("room.kick(room.others[0].peer_id, { text: 'Be kind' })")


async def kick_as_operator(stage: Stage) -> None:
    await stage.ben_is_in()
    await stage.operate("POST", "/admin/rooms/ROOM/kick", app="demo", peer_id="BEN", text="Be kind")


async def ban_out_of_the_line(stage: Stage) -> None:
    await stage.ben_waits()
    await stage.host("room.kick([...room.pending.keys()][0], { ban: true })")


async def ban(stage: Stage) -> None:
    await stage.ben_is_in()
    await stage.host("room.kick(room.others[0].peer_id, { ban: true, text: 'Go away' })")


async def ban_for_an_hour(stage: Stage) -> None:
    await stage.ben_is_in()
    await stage.host("room.kick(room.others[0].peer_id, { ban: 3600 })")


async def come_back_in_spite_of_a_ban(stage: Stage) -> None:
    await ban(stage)
    await stage.ben.see("#problem", "Go away")
    await stage.ben.page.click("#first-choice")


async def remove(stage: Stage) -> None:
    await stage.ben_is_in()
    await stage.operate("DELETE", "/admin/peers/BEN")


async def revoke(stage: Stage) -> None:
    await stage.ben_is_in()
    await stage.operate("DELETE", "/admin/apps/demo/users/USER")


async def reject(stage: Stage) -> None:
    await stage.ben_waits()
    await stage.host("room.reject([...room.pending.keys()][0])")


async def lock(stage: Stage) -> None:
    await stage.host("room.setPolicy({ admission: 'closed' })")
    await stage.ben.ask()


async def fill(stage: Stage) -> None:
    await stage.host("room.setPolicy({ max_peers: 2 })")
    cleo = await stage.guest("Cleo")
    await cleo.ask()
    await cleo.see("body[data-screen=call]")
    await stage.ben.ask()


async def close_before_ben_asks(stage: Stage) -> None:
    await stage.host("room.close()")
    await stage.ben.ask()


async def come_with_an_invitation_that_has_ended(stage: Stage) -> None:
    ended = make_invitation(APP_SECRET, stage.room, int(time.time()) - LIFE - 60)
    await stage.ben.page.goto("about:blank")
    await stage.ben.page.goto(f"{stage.url}/demo#{stage.room}&invitation={ended}")
    await stage.ben.page.fill("#name", "Ben")
    await stage.ben.page.get_by_role("button", name="Come in").click()


async def take_the_settings_away(stage: Stage) -> None:
    await stage.ben.page.route("**/demo/config.json", lambda route: route.fulfill(status=503))
    await stage.ben.ask()


OPEN = "room.setPolicy({ admission: 'open', max_peers: 8 })"
# For each: how it ends, what the page says, and what it offers.
ENDINGS: dict[str, tuple[Callable[[Stage], Awaitable[None]], str, str, str]] = {
    "closed": (close, OUT, "The host closed “closed”. They said: “Good night”", "Open it again"),
    "shut": (close_as_operator, OUT, "The room “shut” was closed.", "Open it again"),
    "over": (close_before_ben_is_let_in, NOT_IN, "The room “over” was closed.", "Open it again"),
    "kicked": (kick, OUT, "A host put you out of “kicked”. They said: “Be kind”", "Ask to come back"),
    "put-out": (
        kick_as_operator,
        OUT,
        "The operator of this server put you out of “put-out”. They said: “Be kind”",
        "Ask to come back",
    ),
    "in-line": (ban_out_of_the_line, NOT_IN, "A host put you out of “in-line”. You may not come back.", ""),
    "banned": (ban, OUT, "A host put you out of “banned”. You may not come back. They said: “Go away”", ""),
    "an-hour": (
        ban_for_an_hour,
        OUT,
        r"A host put you out of “an-hour”. You may not come back until \w+.*\s[AP]M.",
        "",
    ),
    "still-banned": (come_back_in_spite_of_a_ban, NOT_IN, "You are banned from “still-banned”.", ""),
    "removed": (remove, OUT, "The operator of this server removed you from the room.", "Ask to come back"),
    "revoked": (revoke, OUT, "The operator of this server has ended your visit.", "Ask to come back"),
    "rejected": (reject, NOT_IN, "The host did not let you in.", "Ask again"),
    "locked": (lock, NOT_IN, "“locked” is locked: nobody may come in right now.", "Try again"),
    "full": (fill, NOT_IN, "“full” is full: nobody else fits in right now.", "Try again"),
    "nowhere": (close_before_ben_asks, NOT_IN, "There is no room called “nowhere” right now.", "Create it"),
    "expired": (
        come_with_an_invitation_that_has_ended,
        NOT_IN,
        "This invitation has ended, or is for another room. You can ask to come in.",
        "Ask to join it",
    ),
    "settings": (
        take_the_settings_away,
        NOT_IN,
        "Parley is not available right now. Try again in a moment.",
        "Try again",
    ),
}


async def looked_at(ben: Person, title: str, said: str, offer: str) -> None:
    """The page tells Ben this, within sight, where the keyboard is, in both languages and colours, and to everybody."""
    page = ben.page
    await expect(page.locator("#problem-text")).to_have_text(re.compile(f"^ *{said} *$"))
    await expect(page.get_by_role("heading", level=1)).to_have_text(title)
    await expect(page.locator("#problem")).to_be_focused()
    await expect(page.locator("#problem")).to_be_in_viewport(ratio=1)
    button = page.locator("#problem-offer")
    await (expect(button).to_have_text(offer) if offer else expect(button).to_be_hidden())
    texts = set()
    for size in (PHONE, DESKTOP):
        await page.set_viewport_size(size)
        for scheme, language in LOOKS:
            assert await faults(ben, scheme, language) == []
            assert await page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")
            texts.add(await page.locator("#entry").inner_text())
    assert len(texts) == len({language for _, language in LOOKS})


@pytest.mark.parametrize("name", ENDINGS)
async def test_whoever_is_out_is_told_why_and_goes_on_from_there(stage: Stage, name: str) -> None:
    end, title, said, offer = ENDINGS[name]
    await end(stage)
    await looked_at(stage.ben, title, said, offer)
    if not offer:
        return
    if offer == "Try again":
        await stage.host(OPEN)
        await stage.ben.page.unroute("**/demo/config.json")
    await stage.ben.page.keyboard.press("Tab")
    await expect(stage.ben.page.locator("#problem-offer")).to_be_focused()
    await stage.ben.page.keyboard.press("Enter")
    if name == "rejected":
        await stage.ben.see("#waiting-title", "Waiting for the host")
    else:
        await stage.ben.see("body[data-screen=call]")
        await expect(stage.ben.page.get_by_role("region", name="Call", exact=True)).to_be_focused()
