"""The form at the door, in browsers that allow less, and when somebody changes the page's address."""

import pytest

from tests.browser.demo import Demo

BLOCKED = 'Object.defineProperty(window, "localStorage", { get() { throw new DOMException("", "SecurityError"); } });'
FULL = 'Storage.prototype.setItem = () => { throw new DOMException("", "QuotaExceededError"); };'


@pytest.mark.parametrize("script", [BLOCKED, FULL])
async def test_a_browser_that_keeps_nothing_opens_a_room_all_the_same(demo: Demo, script: str) -> None:
    ann = await demo.open("Ann", gateway=0, script=script)
    await ann.create(f"nothing-kept-{len(script)}")
    assert demo.complaints == []


async def test_a_name_is_typed_once(demo: Demo) -> None:
    ann = await demo.open("Ann", gateway=0)
    await ann.create("typed-once")
    await ann.page.click("#leave")
    await ann.page.reload()
    await ann.page.locator("#first-choice", has_text="Ask to join").wait_for()
    assert await ann.page.input_value("#name") == "Ann"


async def test_a_changed_address_is_answered_with_where_one_is(demo: Demo) -> None:
    room = "address"
    ann, ben = await demo.open("Ann", gateway=0), await demo.open("Ben", gateway=1, room=room)
    await ann.create(room)
    await ben.ask()
    await ben.see("#waiting-text", room)
    for each, words in ((ann, "You are still in"), (ben, "You are waiting for")):
        await each.page.evaluate("location.hash = 'elsewhere'")
        await each.see(".toast", f"{words} “{room}”.")
        assert await each.page.evaluate("location.hash") == f"#{room}"
    assert demo.complaints == []
