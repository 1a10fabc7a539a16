"""The large tile: pinned by a click or a key, or of whoever speaks; and how good connections are."""

from playwright.async_api import Locator, expect

from tests.browser.demo import Demo, Person

expect.set_options(timeout=20_000)  # ms; the machine may be busy

# A microphone as loud as the test wants it, and a camera.
VOICE = """
navigator.mediaDevices.getUserMedia = async () => {
  const context = (window.sound = new AudioContext());
  const [tone, volume] = [context.createOscillator(), context.createGain()];
  const out = context.createMediaStreamDestination();
  volume.gain.value = 0;
  tone.connect(volume).connect(out);
  tone.start();
  window.speak = (loud) => { context.resume(); volume.gain.value = loud; };
  const canvas = document.createElement("canvas");
  const pen = canvas.getContext("2d");
  setInterval(() => pen.fillRect(0, 0, 9, 9), 100);
  return new MediaStream([...out.stream.getTracks(), ...canvas.captureStream(5).getTracks()]);
};
"""


def tile(person: Person, name: str) -> Locator:
    return person.page.locator(".tile", has_text=name)


async def three(demo: Demo, room: str, script: str = "") -> tuple[Person, Person, Person]:
    ann = await demo.open("Ann", gateway=0)
    ben = await demo.open("Ben", gateway=1, room=room, script=script)
    cleo = await demo.open("Cleo", gateway=0, room=room, script=script)
    await ann.create(room)
    for guest in (ben, cleo):
        await guest.ask()
        await ann.decide(guest.name, "Admit")
    await ann.see_people("Ann (you)", "Ben", "Cleo")
    await ann.page.emulate_media(reduced_motion="reduce")  # tiles are where they go to, at once
    return ann, ben, cleo


async def test_a_tile_is_pinned_by_a_click_or_a_key_and_let_go_of(demo: Demo) -> None:
    ann, ben, _ = await three(demo, "pins")
    pin = ann.page.get_by_role("button", name="Pin Ben")
    main = ann.page.locator(".tile[data-main]")
    await tile(ann, "Cleo").click()
    await expect(main).to_contain_text("Cleo")
    await pin.focus()
    await ann.page.keyboard.press("Enter")
    await expect(main).to_contain_text("Ben")
    await expect(pin).to_have_attribute("aria-pressed", "true")
    await ann.page.keyboard.press("p")
    await expect(main).to_have_count(0)
    await ann.page.keyboard.press("p")
    await expect(main).to_contain_text("Ben")
    box, other = await tile(ann, "Ben").bounding_box(), await tile(ann, "Cleo").bounding_box()
    assert box
    assert other
    assert box["width"] > 2 * other["width"]
    await ben.page.click("#leave")
    await expect(main).to_have_count(0)
    assert demo.complaints == []


async def test_the_speaker_is_large_and_follows_the_voices(demo: Demo) -> None:
    ann, ben, cleo = await three(demo, "voices", VOICE)
    main = ann.page.locator(".tile[data-main]")
    await ben.page.evaluate("speak(0.5)")
    await expect(tile(ann, "Ben")).to_have_attribute("data-heard", "")
    await expect(main).to_have_count(0)
    await ann.page.get_by_role("button", name="Speaker view").click()
    await expect(main).to_contain_text("Ben")
    await ben.page.evaluate("speak(0)")
    await expect(tile(ann, "Ben")).not_to_have_attribute("data-heard", "")
    await expect(main).to_contain_text("Ben")
    await cleo.page.evaluate("speak(0.5)")
    await expect(main).to_contain_text("Cleo")
    await cleo.page.click("#leave")
    await expect(main).to_have_count(0)
    assert demo.complaints == []


async def test_each_tile_says_how_good_its_connection_is(demo: Demo) -> None:
    ann, _, _ = await three(demo, "quality")
    for name in ("Ben", "Cleo"):
        await expect(tile(ann, name).get_by_role("img", name="connection")).to_be_visible()
    await expect(tile(ann, "Ann (you)").locator(".quality")).to_be_hidden()
