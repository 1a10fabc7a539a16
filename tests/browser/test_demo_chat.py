"""What people in a call write to each other, and the hands that they raise."""

from typing import Any

import pytest
from playwright.async_api import ViewportSize, expect

from tests.browser.demo import Demo, Person
from tests.system.rig.process import ROOT

AXE = ROOT / "node_modules/axe-core/axe.min.js"
PATIENCE = 20_000  # ms; the machine may be busy
SIZES = [ViewportSize(width=1280, height=800), ViewportSize(width=360, height=640)]

expect.set_options(timeout=PATIENCE)


async def write(person: Person, text: str) -> None:
    await person.page.get_by_label("Message to everyone").fill(text)
    await person.page.keyboard.press("Enter")


async def faults(person: Person) -> list[str]:
    """What axe has to say against the page as it is."""
    await person.page.evaluate(AXE.read_text())
    found: dict[str, Any] = await person.page.evaluate("axe.run()")
    return [f"{fault['id']}: {node['html']}" for fault in found["violations"] for node in fault["nodes"]]


async def test_what_is_written_reaches_everyone_and_newcomers_and_is_counted_until_it_is_read(demo: Demo) -> None:
    ann, ben = await demo.open("Ann", gateway=0), await demo.open("Ben", gateway=1, room="chat")
    await ann.create("chat")
    await ann.page.get_by_label("Chat", exact=True).and_(ann.page.locator("button")).click()
    await write(ann, "<b>Is anybody there?</b>")
    await expect(ann.page.locator(".chat li")).to_have_text(["You<b>Is anybody there?</b>"])
    await ben.ask()
    await ann.decide("Ben", "Admit")
    await expect(ben.page.get_by_label("Chat, 1 unread")).to_be_visible()
    await write(ann, "Hello Ben")
    await ben.page.get_by_label("Chat, 2 unread").click()
    await expect(ben.page.locator(".chat li")).to_have_text(["Ann<b>Is anybody there?</b>", "AnnHello Ben"])
    await write(ben, "Hello Ann")
    await expect(ann.page.locator(".chat li").last).to_have_text("BenHello Ann")
    await ben.page.keyboard.press("Escape")
    await expect(ben.page.locator(".chat")).to_be_hidden()
    await expect(ben.page.locator("#chat-switch")).to_be_focused()
    await ben.page.reload()
    await ben.page.locator("#chat-switch").click()
    await write(ben, "Here again")
    await expect(ben.page.locator(".chat li")).to_have_count(4)
    await expect(ben.page.locator(".chat li").first).to_have_text("Ann<b>Is anybody there?</b>")
    assert demo.complaints == []


async def test_hands_stand_in_line(demo: Demo) -> None:
    ann, ben = await demo.open("Ann", gateway=0), await demo.open("Ben", gateway=1, room="hands")
    await ann.create("hands")
    await ben.ask()
    await ann.decide("Ben", "Admit")
    await ann.see_people("Ann (you)", "Ben")
    await ben.page.get_by_label("Raise hand").click()
    await expect(ann.page.locator(".tile", has_text="Ben").locator(".hand")).to_have_text("1")
    await ann.page.get_by_label("Raise hand").click()
    for each in (ann, ben):
        await expect(each.page.locator(".tile", has_text="Ann").locator(".hand")).to_have_text("2")
    await ben.page.get_by_label("Raise hand").click()
    await expect(ann.page.locator(".tile", has_text="Ann").locator(".hand")).to_have_text("1")
    await expect(ann.page.locator(".tile", has_text="Ben").locator(".hand")).to_be_hidden()
    await expect(ben.page.get_by_label("Raise hand")).to_have_attribute("aria-pressed", "false")
    assert demo.complaints == []


@pytest.mark.parametrize("size", SIZES, ids=["desktop", "phone"])
async def test_nothing_in_the_call_stands_in_the_way_of_anybody(demo: Demo, size: ViewportSize) -> None:
    room = f"axe-{size['width']}"
    ann = await demo.open("Ann", gateway=0)
    await ann.page.set_viewport_size(size)
    await ann.page.emulate_media(reduced_motion="reduce")
    await ann.create(room)
    await ann.page.get_by_label("Raise hand").click()
    await ann.see("#hand-switch[aria-pressed=true]")
    assert await faults(ann) == []
    assert await ann.page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")
    await ann.page.locator("#chat-switch").click()
    await write(ann, "Hello")
    await expect(ann.page.locator(".chat li")).to_have_count(1)
    assert await faults(ann) == []
    assert await ann.page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")
    assert await ann.page.locator(".chat").evaluate("chat => chat.getBoundingClientRect().right <= innerWidth")
