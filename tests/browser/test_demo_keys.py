"""What keys do in a call, and that they do nothing else while somebody types."""

import pytest
from playwright.async_api import expect

from tests.browser.demo import Demo, Person

expect.set_options(timeout=20_000)  # ms; the machine may be busy


@pytest.mark.parametrize(
    ("key", "button", "before", "after"),
    [
        ("m", "#microphone-switch", "true", "false"),
        ("v", "#camera-switch", "true", "false"),
        ("r", "#hand-switch", "false", "true"),
        ("s", "#view-switch", "false", "true"),
    ],
)
async def test_a_letter_does_what_its_button_does(demo: Demo, key: str, button: str, before: str, after: str) -> None:
    ann = await demo.open("Ann", gateway=0)
    await ann.create(f"key-{key}")
    switch = ann.page.locator(button)
    await expect(switch).to_have_attribute("aria-pressed", before)
    await expect(switch).to_have_attribute("aria-keyshortcuts", key)
    await ann.page.keyboard.press(f"Control+{key}" if key != "r" else "Alt+r")
    await ann.page.keyboard.press(key.upper())
    await expect(switch).to_have_attribute("aria-pressed", after)
    await ann.page.keyboard.press(key)
    await expect(switch).to_have_attribute("aria-pressed", before)


async def tab_to(person: Person, selector: str) -> None:
    """Press Tab until the focus is there."""
    for _ in range(60):
        if await person.page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
        await person.page.keyboard.press("Tab")
    raise AssertionError(f"Tab does not lead to {selector}")


async def test_a_call_from_the_door_to_the_end_with_keys_alone(demo: Demo) -> None:
    ann, ben = await demo.open("", gateway=0), await demo.open("", gateway=1, room="keys-alone")
    for person, name in ((ann, "Ann"), (ben, "Ben")):
        await tab_to(person, "#name")
        await person.page.keyboard.type(name)
    await tab_to(ann, "#room")
    await ann.page.keyboard.type("keys-alone")
    await ann.page.keyboard.press("Enter")
    await ann.see("body[data-screen=call]")
    await ben.page.keyboard.press("Enter")
    await ben.page.locator("#to-hosts input").wait_for()
    await tab_to(ben, "#to-hosts input")
    await ben.page.keyboard.type("It is me")
    await ben.page.keyboard.press("Enter")
    await ann.see(".knock .said", "It is me")
    await tab_to(ann, ".knock .admit")
    await ann.page.keyboard.press("Enter")
    await ben.see("body[data-screen=call]")
    for selector in ("#camera-switch", "#chat-switch", "#people-switch", ".tile .pin", "#leave"):
        await tab_to(ben, selector)
    await ben.page.keyboard.press("Enter")
    await ben.see("body[data-screen=lobby]")
    await expect(ben.page.locator(".screen.lobby")).to_be_focused()
    await tab_to(ben, "#first-choice")
    assert demo.complaints == []


async def test_keys_are_listed_do_nothing_while_somebody_types_and_can_be_switched_off(demo: Demo) -> None:
    ann = await demo.open("Ann", gateway=0)
    await ann.page.locator("#room").press("m")
    await ann.page.locator("h1#entry-title").click()
    await ann.page.keyboard.press("m")
    microphone = ann.page.locator("#microphone-switch")
    await ann.create("keys")
    await ann.page.keyboard.press("c")
    await expect(ann.page.locator("#chat input")).to_be_focused()
    await ann.page.keyboard.type("comrades?")
    await expect(ann.page.locator("#chat input")).to_have_value("comrades?")
    await ann.page.keyboard.press("Escape")
    await ann.page.keyboard.press("?")
    sheet = ann.page.get_by_role("dialog", name="Keyboard shortcuts")
    await expect(sheet.get_by_role("listitem")).to_have_count(8)
    await ann.page.keyboard.press("m")
    await expect(microphone).to_have_attribute("aria-pressed", "true")
    await sheet.get_by_label("Use keyboard shortcuts").uncheck()
    await sheet.get_by_role("button", name="Done").click()
    await ann.page.keyboard.press("m")
    await ann.page.keyboard.press("?")
    await expect(sheet).to_be_hidden()
    await expect(microphone).to_have_attribute("aria-pressed", "true")
    await ann.page.click("#open-devices")
    await ann.page.get_by_role("button", name="Keyboard shortcuts").click()
    await sheet.get_by_label("Use keyboard shortcuts").check()
    await ann.page.keyboard.press("Escape")
    await ann.page.keyboard.press("m")
    await expect(microphone).to_have_attribute("aria-pressed", "false")
    assert demo.complaints == []
