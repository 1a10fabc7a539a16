"""A screen that somebody shows to the others."""

from playwright.async_api import expect

from tests.browser.demo import Demo, Person

expect.set_options(timeout=20_000)  # ms; the machine may be busy

BENS_SCREEN = "Ben\u2019s screen"

# A screen that the test can look at and end, in place of the one that a browser would let people choose.
SCREEN = """
navigator.mediaDevices.getDisplayMedia = async () => {
  const canvas = Object.assign(document.createElement("canvas"), { width: 320, height: 180 });
  const pen = canvas.getContext("2d");
  setInterval(() => { pen.fillStyle = `hsl(${Date.now() % 360} 50% 50%)`; pen.fillRect(0, 0, 320, 180); }, 100);
  window.screenTrack = canvas.captureStream(10).getVideoTracks()[0];
  return new MediaStream([window.screenTrack]);
};
"""
# What the browser's own button does.
END = "() => { screenTrack.stop(); screenTrack.dispatchEvent(new Event('ended')); }"
REFUSED = 'navigator.mediaDevices.getDisplayMedia = async () => { throw new DOMException("", "NotAllowedError"); };'
LATE = SCREEN.replace("async () => {", "async () => { await new Promise((done) => (window.choose = done));")


async def see_screen(person: Person, name: str) -> None:
    tile = person.page.locator(".tile[data-screen][data-main]", has_text=name)
    await tile.wait_for()
    await person.page.wait_for_function(
        "() => document.querySelector('.tile[data-screen] video').getVideoPlaybackQuality().totalVideoFrames > 2"
    )


async def test_a_screen_is_seen_by_all_and_by_newcomers_until_it_ends(demo: Demo) -> None:
    ann = await demo.open("Ann", gateway=0)
    ben = await demo.open("Ben", gateway=1, room="screen", script=SCREEN)
    await ann.create("screen")
    await ben.ask()
    await ann.decide("Ben", "Admit")
    await ben.see_people("Ann", "Ben (you)")
    switch = ben.page.locator("#share-switch")
    await expect(switch).to_have_attribute("aria-pressed", "false")
    await switch.click()
    await ann.see(".toast", "Ben shares their screen")  # for five seconds
    await expect(switch).to_have_attribute("aria-pressed", "true")
    await expect(ben.page.locator("#sharing")).to_be_visible()
    await see_screen(ann, BENS_SCREEN)
    cleo = await demo.open("Cleo", gateway=0, room="screen")
    await cleo.ask()
    await ann.decide("Cleo", "Admit")
    await see_screen(cleo, BENS_SCREEN)
    await ann.see_people("Ann (you)", "Ben", "Cleo")  # whose camera is seen, too

    await ben.page.evaluate(END)
    await expect(switch).to_have_attribute("aria-pressed", "false")
    for each in (ann, cleo):
        await expect(each.page.locator(".tile[data-screen]")).to_have_count(0)
    await switch.click()
    await see_screen(ann, BENS_SCREEN)
    await ben.page.get_by_role("button", name="Stop sharing").click()
    await expect(ann.page.locator(".tile[data-screen]")).to_have_count(0)
    assert await ben.page.evaluate("screenTrack.readyState") == "ended"
    await switch.click()
    await see_screen(ann, BENS_SCREEN)
    await ben.page.click("#leave")
    await expect(ann.page.locator(".tile[data-screen]")).to_have_count(0)
    assert await ben.page.evaluate("screenTrack.readyState") == "ended"
    assert demo.complaints == []


async def test_nothing_is_shared_by_those_who_think_better_of_it(demo: Demo) -> None:
    ann, ben = await demo.open("Ann", gateway=0, script=REFUSED), await demo.open("Ben", gateway=0, script=LATE)
    await ann.create("refused-screen")
    await ann.page.click("#share-switch")
    await ben.create("late-screen")
    await ben.page.click("#share-switch")
    await ben.page.wait_for_function("() => window.choose")
    await ben.page.click("#leave")
    await ben.page.evaluate("choose()")
    await ben.page.wait_for_function("() => window.screenTrack?.readyState === 'ended'")
    await expect(ann.page.locator("#share-switch")).to_have_attribute("aria-pressed", "false")
    await expect(ann.page.locator(".toast")).to_have_count(0)
    assert demo.complaints == []


async def test_a_browser_that_cannot_share_does_not_offer_it(demo: Demo) -> None:
    ann = await demo.open("Ann", gateway=0, script="delete MediaDevices.prototype.getDisplayMedia;")
    await ann.create("no-screen")
    await expect(ann.page.locator("#share-switch")).to_be_hidden()
