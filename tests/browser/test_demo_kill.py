"""A gateway and the broker are killed during a call, by a button on the page, and nothing is lost."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import ViewportSize, expect

from tests.browser.conftest import ARGUMENTS
from tests.browser.demo import Demo, Person
from tests.browser.test_demo_chat import SIZES, faults
from tests.browser.test_demo_layout import Edges, edges
from tests.browser.test_demo_people import call
from tests.dev.launcher import READY, Launcher, settings_in

WHOLE = re.compile(r"Nothing lost: of (\d+) messages to Ben, \1 arrived, and none came twice\.")


class Launched:
    """What ``make run`` serves. It runs already."""

    def __init__(self, url: str) -> None:
        self.url = url

    def start(self) -> None:
        pass

    async def ready(self) -> None:
        pass

    async def stop(self) -> None:
        pass


@pytest.fixture
async def running(chromium: str, tmp_path: Path) -> AsyncIterator[Demo]:
    """The demo of ``make run``."""
    settings = settings_in(tmp_path)
    with contextlib.closing(Launcher(settings)) as launcher:
        await asyncio.to_thread(launcher.until, READY)
        serving = Launched(f"http://localhost:{settings['AUTH_API_PORT']}")
        async with asyncio.timeout(120), Demo(chromium, ARGUMENTS, serving, []) as demo:
            yield demo


async def open_panel(person: Person) -> None:
    await person.page.get_by_role("button", name="Kill something").click()
    await expect(person.page.locator("#kill-body")).to_be_visible()


async def test_gateway_and_broker_die_during_a_call_and_nothing_is_lost(running: Demo) -> None:
    ann, ben = [await running.open(name, gateway=None, room="kill") for name in ("Ann", "Ben")]
    await ann.create("kill")
    await ben.ask()
    await ann.decide("Ben", "Admit")
    await ann.see_people("Ann (you)", "Ben")
    await open_panel(ann)
    for victim in ("Kill this gateway", "Kill the broker"):
        await ann.page.get_by_role("button", name=victim).click()
        await expect(ann.page.locator("#kill")).not_to_have_attribute("data-verdict", re.compile("."))
        await expect(ann.page.locator("#kill-verdict")).to_have_text(WHOLE, timeout=40_000)
        await expect(ann.page.locator("#kill[data-verdict=good] h2")).to_have_text("You are served again")
        took = int(await ann.page.locator("#kill-time").inner_text())
        assert 0 < took < 20_000
        assert await ann.page.locator("#kill-bars [data-killed]").count() == 1
        assert await ann.page.locator("#kill-bars i:not([data-arrived])").count() == 0
    assert ann.sessions > 1  # it has come back, at a gateway that lives
    await ann.see_video_advance("Ben")
    assert running.complaints == []


async def test_alone_the_answers_are_counted(running: Demo) -> None:
    ann = await running.open("Ann", gateway=None)
    await ann.create("alone")
    await open_panel(ann)
    await ann.page.get_by_role("button", name="Kill this gateway").click()
    answered = re.compile(r"Nothing lost: of (\d+) messages, \1 were answered\.")
    await expect(ann.page.locator("#kill-verdict")).to_have_text(answered, timeout=40_000)
    assert running.complaints == []


async def test_a_page_that_is_not_of_make_run_has_no_such_button(demo: Demo) -> None:
    (ann,) = await call(demo, "no-kill")
    await expect(ann.page.locator("#leave")).to_be_visible()
    await expect(ann.page.locator("#kill")).to_be_hidden()


@pytest.mark.parametrize("size", SIZES, ids=["desktop", "phone"])
async def test_the_panel_stands_in_nobodys_way(running: Demo, size: ViewportSize) -> None:
    ann = await running.open("Ann", gateway=None)
    await ann.page.set_viewport_size(size)
    await ann.page.emulate_media(reduced_motion="reduce")
    await ann.create("axe")
    assert await faults(ann) == []
    await open_panel(ann)
    assert await faults(ann) == []
    box = await ann.page.locator("#kill").bounding_box()
    assert box is not None
    assert box["x"] + box["width"] <= size["width"]
    await ann.page.get_by_role("button", name="Kill something").click()
    await expect(ann.page.locator("#kill-body")).to_be_hidden()


@pytest.mark.parametrize("width", [390, 780, 1280])
async def test_its_button_lies_over_no_name_and_no_control(running: Demo, width: int) -> None:
    ann = await running.open("Ann", gateway=None)
    await ann.page.set_viewport_size({"width": width, "height": 500})
    await ann.create("button")
    button = await edges(ann.page.get_by_role("button", name="Kill something"))
    for other in [ann.page.locator(".tile .tag"), *await ann.page.locator(".call > .controls button:visible").all()]:
        assert apart(button, await edges(other))


def apart(one: Edges, other: Edges) -> bool:
    """Whether two boxes have nothing in common."""
    return one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]
