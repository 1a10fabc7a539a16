"""The people panel: who is there and who waits, and what hosts do about them."""

import pytest
from playwright.async_api import Locator, ViewportSize, expect

from tests.browser.demo import Demo, Person
from tests.browser.test_demo_chat import SIZES, faults


async def call(demo: Demo, room: str, *guests: str) -> list[Person]:
    """Ann's call with these guests, whom she has let in."""
    ann = await demo.open("Ann", gateway=0)
    await ann.create(room)
    people = [ann]
    for number, name in enumerate(guests):
        guest = await demo.open(name, gateway=(number + 1) % 2, room=room)
        await guest.ask()
        await ann.decide(name, "Admit")
        await guest.see("body[data-screen=call]")
        people.append(guest)
    return people


def panel(person: Person) -> Locator:
    return person.page.get_by_role("region", name="People", exact=True).and_(person.page.locator("section"))


def line(person: Person, name: str) -> Locator:
    """What the panel says of somebody."""
    return panel(person).locator("li", has_text=name)


async def open_panel(*people: Person) -> None:
    for person in people:
        await person.page.locator("#people-switch").click()
        await expect(panel(person)).to_be_visible()


async def choose(person: Person, name: str, deed: str) -> None:
    """Do something about a member."""
    await line(person, name).get_by_label(f"What you can do about {name}").click()
    await line(person, name).get_by_role("button", name=deed).click()


async def test_everybody_sees_roles_and_hands_and_only_the_owner_gives_roles(demo: Demo) -> None:
    ann, ben, cleo = await call(demo, "roles", "Ben", "Cleo")
    await open_panel(ann, ben, cleo)
    await expect(line(ben, "Ann")).to_contain_text("Host")
    await expect(ben.page.locator("#people-switch")).to_have_accessible_name("People: 3")
    await cleo.page.get_by_label("Raise hand").click()
    names = panel(ben).locator("[data-list=members] .name")
    await expect(names).to_have_text(["Ann", "Cleo", "Ben (you)"])  # hosts first, then whose hand is up
    await expect(line(ben, "Cleo").locator(".raised")).to_have_text("1")
    for one, other in (("Ben", "Cleo"), ("Ben", "Ann")):
        await expect(line(ben, other).locator(".more"), f"{one} about {other}").to_be_hidden()

    await choose(ann, "Ben", "Make moderator")
    await expect(line(cleo, "Ben")).to_contain_text("Moderator")
    await line(ben, "Cleo").locator(".more").click()
    offered = line(ben, "Cleo").locator(".deeds button:visible")
    await expect(offered).to_have_text(["Ask to mute", "Put out…"])
    await expect(line(ben, "Ann").locator(".more")).to_be_visible()  # hosts may be asked to mute
    await choose(ann, "Ben", "Remove as moderator")
    await expect(line(ben, "Cleo").locator(".more")).to_be_hidden()
    await expect(line(ben, "Cleo").locator(".deeds")).to_be_hidden()

    await choose(ann, "Cleo", "Hand over the room…")
    await ann.page.get_by_role("button", name="Hand over", exact=True).click()
    await expect(line(ann, "Cleo")).to_contain_text("Host")
    await expect(line(ann, "Ann (you)")).to_contain_text("Moderator")
    await cleo.see("#own-host", "You are the host")
    assert demo.complaints == []


async def test_hosts_admit_everybody_who_waits_or_turn_them_away(demo: Demo) -> None:
    (ann,) = await call(demo, "door")
    await open_panel(ann)
    waiting = [await demo.open(name, gateway=1, room="door") for name in ("Ben", "Cleo", "Dora")]
    for person in waiting:
        await person.ask()
    await expect(ann.page.locator("#people-switch")).to_have_accessible_name("People: 1, waiting to come in: 3")
    await line(ann, "Cleo").get_by_label("Decline Cleo").click()
    await waiting[1].see("#problem", "The host did not let you in.")
    await panel(ann).get_by_role("button", name="Admit all").click()
    for person in (waiting[0], waiting[2]):
        await person.see("body[data-screen=call]")
    await expect(panel(ann).locator("#waiting-people")).to_be_hidden()
    await expect(panel(ann).locator("#members-title")).to_have_text("In the call (3)")
    assert demo.complaints == []


async def test_whoever_is_asked_to_mute_does_so_and_can_speak_again(demo: Demo) -> None:
    ann, ben = await call(demo, "mute", "Ben")
    await open_panel(ann)
    await expect(ben.page.locator("#microphone-switch")).to_have_attribute("aria-pressed", "true")
    await choose(ann, "Ben", "Ask to mute")
    await ben.see(".toast", "Ann asked you to be quiet, so your microphone is off now")
    await expect(ben.page.locator("#microphone-switch")).to_have_attribute("aria-pressed", "false")
    await expect(line(ann, "Ben").get_by_label("Microphone off")).to_be_visible()
    await ben.page.locator("#microphone-switch").click()
    await expect(line(ann, "Ben").get_by_label("Microphone off")).to_be_hidden()
    assert demo.complaints == []


async def test_who_is_put_out_is_told_why_and_who_is_banned_stays_out_until_it_is_lifted(demo: Demo) -> None:
    ann, ben = await call(demo, "bans", "Ben")
    await open_panel(ann)
    await choose(ann, "Ben", "Put out…")
    await ann.page.get_by_label("What to tell them").fill("Come back in a minute")
    await ann.page.keyboard.press("Enter")
    await ben.see("#problem", "A host put you out of “bans”. They said: “Come back in a minute”")
    await ben.page.click("text=Ask to come back")
    await line(ann, "Ben").get_by_label("Admit Ben").click()
    await expect(line(ann, "Ben").locator(".more")).to_be_visible()

    await choose(ann, "Ben", "Put out…")
    await expect(ann.page.get_by_label("What to tell them")).to_be_empty()
    await ann.page.get_by_role("button", name="Cancel").and_(ann.page.locator("#put-out *")).click()
    await expect(line(ann, "Ben").locator(".more")).to_be_visible()  # nothing has happened

    await choose(ann, "Ben", "Put out…")
    await ann.page.get_by_label("They may not come back").check()
    await ann.page.get_by_role("button", name="Put out", exact=True).click()
    await ben.see("#problem", "A host put you out of “bans”. You may not come back.")
    for again in range(2):  # the second time, the page was loaded anew
        await ben.page.click("text=Ask to join")
        await ben.see("#problem", "You are banned from “bans”.")
        if not again:
            await ben.page.reload()
    await ann.page.get_by_label("Lift ban of Ben").click()
    await expect(panel(ann).locator("#banned-people")).to_be_hidden()
    await ben.page.click("text=Ask to join")
    await line(ann, "Ben").get_by_label("Admit Ben").click()
    await ben.see("body[data-screen=call]")
    assert demo.complaints == []


async def test_a_moderator_lifts_bans_of_moderators_and_not_of_the_owner(demo: Demo) -> None:
    ann, ben, _, _ = await call(demo, "who-lifts", "Ben", "Cleo", "Dora")
    await open_panel(ann, ben)
    await choose(ann, "Ben", "Make moderator")
    for host, name in ((ann, "Cleo"), (ben, "Dora")):
        await choose(host, name, "Put out…")
        await host.page.get_by_label("They may not come back").check()
        await host.page.keyboard.press("Enter")
        await expect(line(ann, name).get_by_label(f"Lift ban of {name}")).to_be_visible()
    await expect(line(ben, "Cleo").get_by_role("button")).to_be_hidden()
    await ben.page.get_by_label("Lift ban of Dora").click()
    await expect(panel(ann).locator("[data-list=banned] .name")).to_have_text(["Cleo"])
    assert demo.complaints == []


async def test_a_host_locks_the_room_and_opens_it(demo: Demo) -> None:
    ann, ben = await call(demo, "lock", "Ben")
    await open_panel(ann, ben)
    await expect(panel(ben).locator("#admission")).to_be_hidden()
    await expect(panel(ben)).to_contain_text("Hosts decide who may come in.")
    await ann.page.get_by_label("Nobody").check()
    await expect(panel(ben)).to_contain_text("The room is locked: nobody may come in.")
    cleo = await demo.open("Cleo", gateway=0, room="lock")
    await cleo.ask()
    await cleo.see("#problem", "“lock” is locked: nobody may come in right now.")
    await ann.page.get_by_label("Everybody", exact=True).check()
    await ben.see(".toast", "The room is open: everybody may come in")
    await cleo.page.click("text=Try again")
    await cleo.see("body[data-screen=call]")
    assert demo.complaints == []


@pytest.mark.parametrize("size", SIZES, ids=["desktop", "phone"])
async def test_it_works_by_keyboard_and_stands_in_nobodys_way(demo: Demo, size: ViewportSize) -> None:
    ann, _ = await call(demo, f"keys-{size['width']}", "Ben")
    keys = ann.page.keyboard
    await ann.page.set_viewport_size(size)
    await ann.page.emulate_media(reduced_motion="reduce")
    await ann.page.locator("#people-switch").focus()
    await keys.press("Enter")
    await expect(ann.page.locator("#people-title")).to_be_focused()
    await line(ann, "Ben").locator(".more").focus()
    await keys.press("Enter")
    await expect(line(ann, "Ben").locator(".deeds")).to_be_visible()
    assert await faults(ann) == []
    assert await ann.page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")
    await keys.press("Escape")
    await expect(line(ann, "Ben").locator(".deeds")).to_be_hidden()
    await expect(line(ann, "Ben").locator(".more")).to_be_focused()
    await choose(ann, "Ben", "Put out…")
    assert await faults(ann) == []
    await keys.press("Escape")
    await expect(ann.page.locator("#put-out")).to_be_hidden()
    await line(ann, "Ben").locator(".more").focus()
    await keys.press("Escape")
    await expect(panel(ann)).to_be_hidden()
    await expect(ann.page.locator("#people-switch")).to_be_focused()
    await ann.page.locator("#chat-switch").click()
    await ann.page.locator("#people-switch").click(force=True)
    await expect(ann.page.locator("#chat")).to_be_hidden()  # one panel at a time
