"""Reactions: seen by everybody for some seconds, said to those who do not see, and never too many."""

import asyncio

import pytest
from playwright.async_api import ViewportSize, expect

from tests.browser.demo import Demo, Person
from tests.browser.test_demo_chat import SIZES, faults
from tests.browser.test_demo_people import call

# What is shown, and how many animations there are of it: at once, for it is soon gone.
SHOWN = """() => {
  const shown = document.querySelector(".tile .reaction");
  return shown && [shown.textContent, shown.getAnimations().length];
}"""


async def react(person: Person, sign: str) -> None:
    await person.page.get_by_label("React").and_(person.page.locator("button")).click()
    await person.page.get_by_role("button", name=sign).click()


async def test_a_reaction_is_seen_by_everybody_and_goes_away(demo: Demo) -> None:
    ann, ben = await call(demo, "reactions", "Ben")
    tiles = [person.page.locator(".tile", has_text="Ben") for person in (ann, ben)]
    seen = [asyncio.create_task(expect(tile.locator(".reaction")).to_have_text("👏")) for tile in tiles]
    await react(ben, "Applause")
    await asyncio.gather(*seen)  # each looks from the beginning: it is there for four seconds
    await expect(ann.page.locator("#reaction-said")).to_have_text("Ben applauds")
    await expect(ann.page.locator("#reactions")).to_be_hidden()
    await expect(ann.page.locator(".reaction")).to_have_count(0)
    cleo = await demo.open("Cleo", gateway=0, room="reactions")
    await cleo.ask()
    await ann.decide("Cleo", "Admit")
    await cleo.see_people("Ann", "Ben", "Cleo (you)")
    await expect(cleo.page.locator(".reaction")).to_have_count(0)  # newcomers are not shown what is over
    assert demo.complaints == []


async def test_whoever_presses_all_the_time_reacts_once_in_a_while(demo: Demo) -> None:
    ann, ben = await call(demo, "many-reactions", "Ben")
    await ben.page.evaluate(
        "for (let i = 0; i < 50; i++) document.querySelectorAll('#reactions button')[i % 6].click()"
    )
    await expect(ann.page.locator(".tile", has_text="Ben").locator(".reaction")).to_have_text("👍")
    reacted = [frame for frame in ben.sent if '.reaction":"' in frame]  # and later, that it is over
    assert len(reacted) == 1, reacted
    assert demo.complaints == []


@pytest.mark.parametrize("size", SIZES, ids=["desktop", "phone"])
async def test_reacting_by_keyboard(demo: Demo, size: ViewportSize) -> None:
    (ann,) = await call(demo, f"react-keys-{size['width']}")
    await ann.page.set_viewport_size(size)
    await ann.page.emulate_media(reduced_motion="reduce")
    await ann.page.locator("#react-switch").focus()
    await ann.page.keyboard.press("Enter")
    await expect(ann.page.get_by_role("button", name="Thumbs up")).to_be_focused()
    assert await faults(ann) == []
    await ann.page.keyboard.press("ArrowLeft")
    await expect(ann.page.get_by_role("button", name="Celebrating")).to_be_focused()
    await ann.page.keyboard.press("Enter")
    shown = await ann.page.wait_for_function(SHOWN)
    assert await shown.json_value() == ["🎉", 0]
    await expect(ann.page.locator("#react-switch")).to_be_focused()
    assert await ann.page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")
    last = await ann.page.locator("#leave").bounding_box()
    assert last is not None
    assert last["x"] + last["width"] <= size["width"]
