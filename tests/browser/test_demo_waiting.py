"""Those who wait read what the room says to them, and write to the hosts."""

import pytest
from playwright.async_api import ViewportSize, expect

from tests.browser.demo import Demo
from tests.browser.test_demo_chat import SIZES, faults
from tests.browser.test_demo_people import call, line, open_panel


async def test_guests_who_wait_write_to_the_hosts_alone(demo: Demo) -> None:
    ann, ben = await call(demo, "at-the-door", "Ben")
    await open_panel(ann)
    await ann.page.get_by_label("What to tell those who wait").fill("We begin at ten.")
    await ann.page.keyboard.press("Enter")
    await expect(ann.page.locator(".toast", has_text="hosts decide")).to_have_count(0)
    cleo = await demo.open("Cleo", gateway=0, room="at-the-door")
    await cleo.ask()
    await cleo.see("#waiting-said", "We begin at ten.")
    await cleo.page.get_by_label("Write to the hosts").fill("<i>I am early</i>")
    await cleo.page.keyboard.press("Enter")
    await cleo.see("#to-hosts", "You wrote: <i>I am early</i>")
    await expect(cleo.page.get_by_label("Write to the hosts")).to_be_empty()
    await expect(line(ann, "Cleo").locator(".said")).to_have_text("<i>I am early</i>")
    await ann.page.keyboard.press("Escape")
    await ann.see(".knock .said", "I am early")
    await ann.page.get_by_label("Chat, 1 unread").click()
    await expect(ann.page.locator(".chat li")).to_have_text(["Cleo, waiting, to the hosts<i>I am early</i>"])
    await ann.decide("Cleo", "Admit")
    await cleo.see("body[data-screen=call]")
    await ben.page.locator("#chat-switch").click()
    await expect(ben.page.locator(".chat li")).to_have_count(0)
    assert demo.complaints == []


async def test_there_is_nobody_to_write_to_before_one_waits(demo: Demo) -> None:
    (ann,) = await call(demo, "nobody-waits")
    ben = await demo.open("Ben", gateway=1, room="nobody-waits")
    await ben.ask()
    await ben.page.get_by_label("Write to the hosts").fill("Hello")
    await expect(ben.page.locator("#waiting-said")).to_be_hidden()
    await ann.decide("Ben", "Decline")
    await ben.see("#problem", "The host did not let you in.")
    await ben.page.click("text=Ask again")
    await expect(ben.page.get_by_label("Write to the hosts")).to_be_empty()
    assert demo.complaints == []


@pytest.mark.parametrize("size", SIZES, ids=["desktop", "phone"])
async def test_waiting_stands_in_nobodys_way(demo: Demo, size: ViewportSize) -> None:
    room = f"waits-{size['width']}"
    await call(demo, room)
    ben = await demo.open("Ben", gateway=1, room=room)
    await ben.page.set_viewport_size(size)
    await ben.page.emulate_media(reduced_motion="reduce")
    await ben.ask()
    await expect(ben.page.get_by_label("Write to the hosts")).to_be_visible()
    assert await faults(ben) == []
    assert await ben.page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")
