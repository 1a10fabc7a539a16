"""Links that let people straight into a room, for a while."""

import re
import time

import jwt
import pytest
from playwright.async_api import ViewportSize, expect

from auth_api.invitations import LIFE, make_invitation
from tests.browser.demo import Demo, Person
from tests.browser.test_demo_chat import SIZES, faults
from tests.system.rig.harness import APP_SECRET

INVITATION = re.compile(r"/demo#[a-z-]+&invitation=([\w.-]+)$")


async def link_of(host: Person) -> str:
    """The link that the host's dialog shows."""
    await host.page.locator("#invite").get_by_role("button", name="Invite…").click()
    link = host.page.locator("#inviting-link")
    await expect(link).to_have_text(INVITATION)
    return await link.inner_text()


async def test_whoever_is_invited_comes_straight_in_and_others_still_ask(demo: Demo) -> None:
    ann = await demo.open("Ann", gateway=0)
    await ann.create("straight-in")
    link = await link_of(ann)
    await expect(ann.page.locator("#inviting-note")).to_contain_text("Until ")
    await expect(ann.page.get_by_label("The link as a QR code").locator("path")).to_have_attribute("d", re.compile("M"))
    until = jwt.decode(INVITATION.findall(link)[0], options={"verify_signature": False})["exp"]
    assert abs(until - time.time() - LIFE) < 60
    await ann.page.get_by_label("asks to come in, and you decide").check()
    await expect(ann.page.locator("#inviting-link")).to_have_text(re.compile("/demo#straight-in$"))
    await ann.page.get_by_role("button", name="Done").and_(ann.page.locator("#inviting *")).click()

    ben = await demo.open("Ben", gateway=1, room=link.partition("#")[2])
    await expect(ben.page.locator("#room")).to_have_value("straight-in")
    await ben.page.get_by_role("button", name="Come in").click()
    await ben.see("body[data-screen=call]")
    await ann.see_people("Ann (you)", "Ben")
    assert "invitation" not in ben.page.url  # whoever copies the address gives away no invitation
    await ben.page.reload()
    await ben.see("body[data-screen=call]")

    cleo = await demo.open("Cleo", gateway=0, room="straight-in")
    await cleo.ask()
    await ann.see(".knock", "Cleo")
    assert demo.complaints == []


async def test_an_invitation_that_has_ended_says_so_and_leaves_the_door_to_knock_at(demo: Demo) -> None:
    ann = await demo.open("Ann", gateway=0)
    await ann.create("ended")
    ended = make_invitation(APP_SECRET, "ended", int(time.time()) - LIFE - 60)
    ben = await demo.open("Ben", gateway=1, room=f"ended&invitation={ended}")
    await ben.page.get_by_role("button", name="Come in").click()
    await ben.see("#problem", "This invitation has ended")
    await expect(ben.page.locator("#first-choice")).to_have_text("Ask to join")
    await ben.page.locator("#problem-offer").click()
    await ann.decide("Ben", "Admit")
    await ben.see("body[data-screen=call]")
    assert demo.complaints == []


async def test_only_hosts_are_given_one(demo: Demo) -> None:
    ann, ben = await demo.open("Ann", gateway=0), await demo.open("Ben", gateway=1, room="members")
    await ann.create("members")
    await ben.ask()
    await ann.decide("Ben", "Admit")
    await ben.see("body[data-screen=call]")
    await ben.page.locator("#people-switch").click()
    await ben.page.locator("#people").get_by_role("button", name="Invite…").click()
    await expect(ben.page.locator("#inviting-note")).to_contain_text("Whoever opens it asks to come in.")
    await expect(ben.page.locator("#inviting-way")).to_be_hidden()
    await expect(ben.page.locator("#inviting-link")).to_have_text(re.compile("/demo#members$"))
    assert demo.complaints == []


@pytest.mark.parametrize("size", SIZES, ids=["desktop", "phone"])
async def test_the_dialog_stands_in_nobodys_way(demo: Demo, size: ViewportSize) -> None:
    ann = await demo.open("Ann", gateway=0)
    await ann.page.set_viewport_size(size)
    await ann.page.emulate_media(reduced_motion="reduce")
    await ann.create(f"dialog-{'wide' if size['width'] > 600 else 'narrow'}")
    await link_of(ann)
    assert await faults(ann) == []
    box = await ann.page.locator("#inviting").bounding_box()
    assert box is not None
    assert box["y"] >= 0
    assert box["y"] + box["height"] <= size["height"]
    await ann.page.keyboard.press("Escape")
    await expect(ann.page.locator("#inviting")).to_be_hidden()
