"""What people see on a phone, as far as a test can look at it: nothing is cut, and nothing lies over something else."""

import pytest
from playwright.async_api import Locator, Page, ViewportSize, expect

from tests.browser.demo import Demo
from tests.browser.test_demo_return import open_room

PHONE = ViewportSize(width=360, height=640)
LONG = "a-room-with-a-name-that-is-far-longer-than-any-telephone-is-wide-" + "x" * 50
DENIED = 'navigator.mediaDevices.getUserMedia = async () => { throw new DOMException("", "NotAllowedError"); };'
# More who are in that room, without media.
MORE = """async (names) => {
  const [{ connect }, { io }] = await Promise.all([import("/demo/parley/connect.js"), import("/demo/socket.io.js")]);
  const { gateways, token } = await (await fetch("/demo/config.json")).json();
  const person = (name) => connect({ io, urls: gateways, getToken: () => token, peerinfo: { name } });
  await Promise.all(names.map((name) => person(name).join(room.name)));
}"""


Edges = tuple[float, float, float, float]


async def edges(element: Locator) -> Edges:
    """Left, top, right and bottom, in pixels, once it has come to rest."""
    await element.evaluate("it => Promise.all(it.getAnimations().map((move) => move.finished))")
    box = await element.bounding_box()
    assert box is not None
    return box["x"], box["y"], box["x"] + box["width"], box["y"] + box["height"]


async def wider_than_it_is(page: Page) -> bool:
    """Whether there is something to the right of the page."""
    wide: bool = await page.evaluate("document.scrollingElement.scrollWidth > innerWidth")
    return wide


@pytest.mark.parametrize("size", [ViewportSize(width=1280, height=800), PHONE], ids=["desktop", "phone"])
async def test_twelve_people_are_all_to_be_seen_and_none_lies_over_another(demo: Demo, size: ViewportSize) -> None:
    room = f"twelve-{size['width']}"
    hana = await open_room(demo, room)
    await hana.page.evaluate(MORE, [f"Guest {number}" for number in range(10)])
    ann = await demo.open("Ann", gateway=1, room=room)
    await ann.page.set_viewport_size(size)
    await ann.ask()
    tiles = ann.page.locator(".tile")
    await expect(tiles).to_have_count(12)
    boxes = [await edges(tile) for tile in await tiles.all()]
    _, controls, _, _ = await edges(ann.page.locator(".call > .controls"))
    for number, (left, top, right, bottom) in enumerate(boxes):
        assert 0 <= left < right <= size["width"]
        assert 0 <= top < bottom <= controls
        assert right - left >= 60
        for other in boxes[:number]:
            assert (
                right <= other[0] + 0.5 or other[2] <= left + 0.5 or bottom <= other[1] + 0.5 or other[3] <= top + 0.5
            )
    assert not await wider_than_it_is(ann.page)
    assert demo.complaints == []


async def test_a_long_name_stays_within_the_waiting_card(demo: Demo) -> None:
    ann = await demo.open("Ann", gateway=0)
    await ann.create(LONG)
    ben = await demo.open("Ben", gateway=1, room=LONG)
    await ben.page.set_viewport_size(PHONE)
    await ben.ask()
    await ben.see("#waiting-text", LONG)
    left, _, right, _ = await edges(ben.page.locator(".still"))
    assert left >= 0
    assert right <= PHONE["width"]
    assert not await wider_than_it_is(ben.page)
    text = await ben.page.locator("#waiting-text").evaluate("text => text.scrollWidth - text.clientWidth")
    assert text <= 0


async def test_a_toast_of_several_lines_is_not_cut_at_its_corners(demo: Demo) -> None:
    ann = await demo.open("Ann", gateway=0)
    await ann.page.set_viewport_size(PHONE)
    await ann.create("toasts")
    long = await demo.open("Bartholomew Featherstonehaugh the Third", gateway=1, room="toasts")
    await long.ask()
    await ann.decide(long.name, "Admit")
    await ann.see(".toast", long.name)
    toast = ann.page.locator(".toast", has_text=long.name)
    radius = await toast.evaluate("toast => parseFloat(getComputedStyle(toast).borderTopLeftRadius)")
    padding = await toast.evaluate("toast => parseFloat(getComputedStyle(toast).paddingLeft)")
    assert radius <= padding + 4  # so the corner ends before the first letter's line begins


async def test_a_name_without_an_end_leaves_the_answers_within_reach(demo: Demo) -> None:
    ann = await demo.open("Ann", gateway=0)
    await ann.page.set_viewport_size(PHONE)
    await ann.create("endless")
    endless = await demo.open("", gateway=1, room="endless")
    name = "\u200d".join(["\U0001f469"] * 300)  # longer than the page lets anybody type
    await endless.page.locator("#name").evaluate("(input, name) => (input.value = name)", name)
    await endless.ask()
    *_, right, _ = await edges(ann.page.locator(".knock .admit"))
    assert right <= PHONE["width"]


async def test_a_note_about_the_camera_lies_over_nothing_else(demo: Demo) -> None:
    ann = await demo.open("Ann", gateway=0, script=DENIED)
    await ann.page.set_viewport_size(PHONE)
    await ann.page.locator("#preview-note:not(:empty)").wait_for()
    assert not await ann.page.locator("#preview-face").is_visible()
    *_, note = await edges(ann.page.locator("#preview-note"))
    _, switches, _, _ = await edges(ann.page.locator("#preview .controls"))
    assert note <= switches


async def test_how_many_wait_is_shown_beside_how_many_are_in(demo: Demo) -> None:
    ann = await demo.open("Ann", gateway=0)
    await ann.create("counted")
    ben = await demo.open("Ben", gateway=1, room="counted")
    await ben.ask()
    await ann.see("#people-switch .badge[data-count='1']")
    *_, inside, _ = await edges(ann.page.locator("#count-text"))
    waiting, *_ = await edges(ann.page.locator("#people-switch .badge"))
    assert inside <= waiting


async def test_a_raised_hand_on_a_small_tile_leaves_the_name_to_be_read(demo: Demo) -> None:
    ann = await demo.open("Ann", gateway=0)
    await ann.page.set_viewport_size(PHONE)
    await ann.create("small")
    tile = ann.page.locator(".tile")
    await tile.evaluate("tile => Object.assign(tile.style, { width: '92px', height: '54px' })")
    await ann.page.locator("#hand-switch").click()
    *_, hand = await edges(tile.locator(".hand"))
    _, tag, *_ = await edges(tile.locator(".tag"))
    assert hand <= tag
