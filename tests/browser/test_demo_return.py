"""Somebody in a call loads the page again, or is put out by a host."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.browser.conftest import ARGUMENTS, serve_demo
from tests.browser.demo import Demo, Person
from tests.system.rig.harness import System

# A host who does what the page has no buttons for. The page's own modules are there for it.
OPEN_ROOM = """async (name) => {
  const [{ connect }, { io }] = await Promise.all([import("/demo/parley/connect.js"), import("/demo/socket.io.js")]);
  const { gateways, token } = await (await fetch("/demo/config.json")).json();
  const parley = connect({ io, urls: gateways, getToken: () => token, peerinfo: { name: "Hana" } });
  globalThis.room = await parley.create(name, { policy: { admission: "open" } });
}"""

# Chromium may keep no page with a live camera. This one has none, and shows whether it comes from the cache.
WITHOUT_DEVICES = """
  navigator.mediaDevices.getUserMedia = async () => { throw new DOMException("", "NotFoundError"); };
  addEventListener("pageshow", ({ persisted }) => (document.documentElement.dataset.persisted = persisted));
"""


@pytest.fixture
async def caching_demo(chromium: str, system: System, tmp_path: Path) -> AsyncIterator[Demo]:
    """The demo in a Chromium with a back/forward cache, which Playwright turns off."""
    async with asyncio.timeout(60):
        serving = serve_demo(system, tmp_path)
        without = ["--disable-back-forward-cache"]
        async with Demo(chromium, ARGUMENTS, serving, system.gateways, without) as demo:
            yield demo


async def open_room(demo: Demo, name: str) -> Person:
    """A host whose page has the library's ``room``, into which everybody may come."""
    hana = await demo.open("Hana", gateway=0)
    await hana.page.evaluate(OPEN_ROOM, name)
    return hana


async def test_who_loads_the_page_again_is_back_in_the_call(demo: Demo) -> None:
    ann, ben = await demo.open("Ann", gateway=0), await demo.open("Ben", gateway=1, room="again")
    await ann.create("again")
    await ben.ask()
    await ann.decide("Ben", "Admit")
    await ann.see_people("Ann (you)", "Ben")
    for guest, other in ((ben, ann), (ann, ben)):
        await guest.page.reload()
        await guest.see("body[data-screen=call]")
        await guest.see_people(f"{guest.name} (you)", other.name)
        await other.see_people(f"{other.name} (you)", guest.name)
        await guest.see_video_advance(other.name)
        await other.see_video_advance(guest.name)
        assert await other.page.locator(".toast", has_text=guest.name).filter(has_text="left").count() == 0
    await ann.see(".tile[data-host][data-own]")
    assert (ann.asked.count("room-create-request"), ben.asked.count("room-join-request")) == (1, 1)
    assert demo.complaints == []


async def test_who_comes_back_to_a_page_in_the_browsers_cache_is_in_the_call(demo: Demo) -> None:
    ann = await demo.open("Ann", gateway=0)
    await ann.create("cached")
    for event in ("pagehide", "pageshow"):
        await ann.page.evaluate("kind => dispatchEvent(new PageTransitionEvent(kind, { persisted: true }))", event)
    await ann.see_people("Ann (you)")
    await ann.see("#own-host")
    assert ann.asked.count("room-create-request") == 1
    assert demo.complaints == []


async def test_a_page_that_really_comes_from_the_cache_is_in_the_call(caching_demo: Demo) -> None:
    ann = await caching_demo.open("Ann", gateway=0, script=WITHOUT_DEVICES)
    ben = await caching_demo.open("Ben", gateway=1, room="kept")
    await ann.create("kept")
    await ben.ask()
    await ann.decide("Ben", "Admit")
    await ann.see_people("Ann (you)", "Ben")
    await ann.page.goto(ann.page.url.replace("/demo#kept", "/healthz"))
    await ann.page.evaluate("setTimeout(() => history.back())")  # Playwright's own way waits for a page that loads
    await ann.see("html[data-persisted=true]")
    await ann.see_people("Ann (you)", "Ben")
    await ann.see_video_advance("Ben")
    await ann.see("#own-host")
    await ben.see_people("Ben (you)", "Ann")
    assert await ben.page.locator(".toast", has_text="Ann").filter(has_text="left").count() == 0
    assert ann.asked.count("room-create-request") == 1
    assert caching_demo.complaints == []


async def test_who_has_left_is_not_back_when_the_page_is_loaded_again(demo: Demo) -> None:
    ann = await demo.open("Ann", gateway=0)
    await ann.create("left-for-good")
    await ann.page.click("#leave")
    await ann.see("body[data-screen=lobby]")
    await ann.page.reload()
    await ann.page.locator("#first-choice", has_text="Ask to join").wait_for()
    assert await ann.page.get_attribute("body", "data-screen") == "lobby"


async def test_a_room_that_its_owner_closes_is_left_with_the_owners_words(demo: Demo) -> None:
    hana, ben = await open_room(demo, "closing"), await demo.open("Ben", gateway=1, room="closing")
    await ben.ask()
    await ben.see("body[data-screen=call]")
    await hana.page.evaluate("room.close('Good night')")
    await ben.see("#problem", "The host closed “closing”. They said: “Good night”")
    assert await ben.page.get_attribute("body", "data-screen") == "lobby"
    assert demo.complaints == []


async def test_who_is_put_out_may_ask_again(demo: Demo) -> None:
    hana, ben = await open_room(demo, "putting-out"), await demo.open("Ben", gateway=1, room="putting-out")
    await ben.ask()
    await ben.see("body[data-screen=call]")
    await hana.page.wait_for_function("() => room.others.length")
    await hana.page.evaluate("room.kick(room.others[0].peer_id, { text: 'Be kind' })")
    await ben.see("#problem", "A host put you out of “putting-out”. They said: “Be kind”")
    await ben.page.click("text=Ask to come back")
    await ben.see_people("Ben (you)")
    assert demo.complaints == []
