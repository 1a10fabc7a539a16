"""The operators' console in Chromium: what it shows of a running system, and what an operator does with it."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from playwright.async_api import Locator, Page, async_playwright, expect

from tests.browser.conftest import ARGUMENTS
from tests.conftest import StartSystem
from tests.system.rig.peer import Peer
from tests.system.rig.process import ROOT
from tests.system.rig.rooms import admit, create, request
from tests.system.rig.world import World

ADMIN_TOKEN = "the-token-of-an-operator-who-looks-into-rooms"
AXE = ROOT / "node_modules/axe-core/axe.min.js"
PHONE = {"width": 360, "height": 720}

expect.set_options(timeout=20_000)  # ms; the machine may be busy


class Console:
    """The page, as an operator has it open."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.complaints: list[str] = []
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda said: self.complaints.append(said.text) if "Policy" in said.text else None)

    async def sign_in(self, token: str = ADMIN_TOKEN) -> None:
        await self.page.goto(f"{self.url}/console")
        await self.page.get_by_label("operator").fill(token)
        await self.page.get_by_role("button", name="Sign in").click()

    @property
    def rooms(self) -> Locator:
        """Those in the list that can be seen."""
        return self.page.get_by_role("listbox").get_by_role("option")

    async def look_into(self, room: str) -> None:
        await self.rooms.filter(has_text=room).click()
        await expect(self.page.get_by_role("heading", name=room)).to_be_visible()

    async def do(self, who: str, what: str) -> None:
        """Choose from the menu of a person."""
        await self.page.get_by_label(f"What to do with {who}").click()
        await self.page.get_by_role("button", name=what).and_(self.page.locator(":visible")).click()

    async def confirm(self, what: str) -> None:
        await self.page.get_by_role("dialog").get_by_role("button", name=what).click()

    async def faults(self) -> list[str]:
        """What axe has to say against the page as it is."""
        await self.page.evaluate(AXE.read_text())
        found: dict[str, Any] = await self.page.evaluate("axe.run()")
        return [f"{fault['id']}: {node['html']}" for fault in found["violations"] for node in fault["nodes"]]


@pytest.fixture
async def world(start_system: StartSystem) -> AsyncIterator[World]:
    world = World(await start_system(overrides={"auth": {"ADMIN_TOKEN": ADMIN_TOKEN}}))
    await world.system.agreed()
    yield world
    await world.close()


@pytest.fixture
async def console(chromium: str, world: World) -> AsyncIterator[Console]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        context = await browser.new_context(viewport={"width": 1360, "height": 850})
        context.set_default_timeout(20_000)
        console = Console(await context.new_page(), world.system.auth.url)
        yield console
        await browser.close()
    assert not console.complaints


async def tea(world: World) -> tuple[Peer, Peer]:
    """A room with its owner, whom nobody vouches for, and Ann."""
    owner, ann = await world.peer(version=2), await world.user("ann", gateway=1)
    await create(owner, "tea")
    await admit(owner, ann, "tea")
    return owner, ann


async def test_a_wrong_token_shows_nothing(console: Console) -> None:
    await console.sign_in("not the token of this server at all")
    await expect(console.page.get_by_text("This is not the ADMIN_TOKEN of this server.")).to_be_visible()
    await expect(console.page.get_by_role("listbox")).to_be_hidden()


async def test_rooms_and_people_come_and_go_as_one_looks_at_them(console: Console, world: World) -> None:
    await console.sign_in()
    await expect(console.page.get_by_text("No rooms yet.")).to_be_visible()
    await expect(console.page.get_by_text("Live", exact=True)).to_be_visible()
    owner, ann = await tea(world)
    await console.look_into("tea")
    people = console.page.locator("#members > li")
    await expect(people).to_have_count(2)
    await expect(people.filter(has_text="Ann")).to_contain_text("Member")
    ben = await world.user("ben")
    await request(owner, ben, "tea")
    await expect(console.page.locator("#candidates > li")).to_contain_text("Ben")
    await ann.close()
    await expect(people).to_have_count(1)
    await owner.close()
    await expect(console.page.get_by_text("No rooms yet.")).to_be_visible()


async def test_what_happened_is_drawn_and_rooms_stay_true_over_the_death_of_a_broker(
    console: Console, world: World
) -> None:
    owner, _ = await tea(world)
    await console.sign_in()
    await expect(console.page.locator("#number-people")).to_have_text("2")
    broker = world.system.process("broker-0")
    await broker.kill()
    await console.page.get_by_label("Search rooms and people").fill("nobody")
    await expect(console.page.get_by_text("No room has that in its name.")).to_be_visible()
    broker.start()
    await broker.ready()
    ben = await world.user("ben")
    await admit(owner, ben, "tea")
    await expect(console.page.locator("#number-people")).to_have_text("3")
    await expect(console.page.locator("#number-joined")).to_have_text("3", timeout=30_000)
    await expect(console.page.get_by_label("People who came in, each minute")).to_be_visible()


async def test_an_operator_puts_somebody_out_and_lets_them_in_again(console: Console, world: World) -> None:
    _, ann = await tea(world)
    await console.sign_in()
    await console.look_into("tea")
    await console.do("Ann", "Put out, or ban…")
    await console.page.get_by_role("combobox", name="Ban").select_option(label="For an hour")
    await console.page.get_by_label("What they are told").fill("Be kind.")
    await console.confirm("Put out")
    kicked = await ann.expect("room-kicked")
    assert (kicked["room"], kicked["text"], kicked["banned_until"] > 0) == ("tea", "Be kind.", True)
    await expect(console.page.locator("#bans > li")).to_contain_text("Ann")
    await console.page.get_by_label("Lift the ban of Ann").click()
    await expect(console.page.locator("#bans > li")).to_have_count(0)


async def test_a_policy_is_changed_and_a_room_is_closed(console: Console, world: World) -> None:
    owner, _ = await tea(world)
    await console.sign_in()
    await console.look_into("tea")
    await console.page.get_by_label("Who comes in").select_option(label="Nobody")
    await console.page.get_by_label("What those who wait are told").fill("Come back at nine.")
    await console.page.get_by_role("button", name="Change policy").click()
    policy = (await owner.expect("room-policy"))["policy"]
    assert (policy["admission"], policy["waiting_text"]) == ("closed", "Come back at nine.")
    await console.page.get_by_role("button", name="Close room").click()
    await console.confirm("Cancel")
    await expect(console.page.get_by_role("heading", name="tea")).to_be_visible()
    await console.page.get_by_role("button", name="Close room").click()
    await console.confirm("Close room")
    await owner.expect("room-closed")
    await expect(console.page.get_by_text("No rooms yet.")).to_be_visible()


async def test_identities_and_apps_are_revoked(console: Console, world: World) -> None:
    owner, ann = await tea(world)
    await console.sign_in()
    await console.look_into("tea")
    await console.do("Ann", "Revoke identity…")
    await console.confirm("Revoke")
    assert (await ann.expect("session-ended"))["code"] == "revoked"
    await console.page.get_by_role("tab", name="Apps").click()
    await console.page.get_by_role("button", name="tests").click()
    await expect(console.page.locator("#revoked > li")).to_contain_text("ann")
    await console.page.get_by_label("Lift the revocation of ann").click()
    await expect(console.page.locator("#revoked > li")).to_have_count(0)
    await console.page.get_by_role("button", name="Revoke app").click()
    await console.confirm("Revoke app")
    await owner.expect("disconnect")


async def test_all_of_it_by_keyboard(console: Console, world: World) -> None:
    await tea(world)
    owner = await world.peer(version=2)
    await create(owner, "aria")
    await console.sign_in()
    await expect(console.rooms).to_have_count(2)
    press = console.page.keyboard.press
    await press("/")
    await console.page.keyboard.type("tea")
    await expect(console.rooms).to_have_count(1)
    await press("Tab")
    await press("Tab")
    await press("ArrowDown")
    await expect(console.page.get_by_role("heading", name="tea")).to_be_visible()
    await press("Tab")
    await press("Enter")
    await expect(console.page.get_by_role("dialog")).to_be_visible()
    await press("Escape")
    await expect(console.page.get_by_role("dialog")).to_be_hidden()
    await expect(console.page.get_by_role("heading", name="tea")).to_be_visible()


async def test_people_are_found_by_who_they_are(console: Console, world: World) -> None:
    await tea(world)
    await world.user("annabel", gateway=1)
    await console.sign_in()
    await console.page.get_by_label("Search rooms and people").fill("ANN")
    people = console.page.locator("#people-list > li")
    await expect(people).to_have_count(2)
    await expect(people.filter(has_text="Annabel")).to_contain_text("in no room")
    await people.filter(has_text="Ann").get_by_role("button", name="tea").click()
    await expect(console.page.get_by_role("heading", name="tea")).to_be_visible()
    assert await console.faults() == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_nothing_stands_in_the_way_of_anybody(console: Console, world: World, scheme: Any) -> None:
    """Each screen, as axe sees it, and as wide as a phone."""
    page = console.page
    owner, _ = await tea(world)
    await request(owner, await world.user("ben"), "tea")
    await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    await page.goto(f"{console.url}/console")
    assert await console.faults() == []
    await console.sign_in()
    await console.look_into("tea")
    await expect(page.locator("#candidates > li")).to_have_count(1)
    assert await console.faults() == []
    await page.get_by_label("What to do with Ann").click()
    assert await console.faults() == []
    await page.get_by_role("button", name="Put out, or ban…").and_(page.locator(":visible")).click()
    assert await console.faults() == []
    await console.confirm("Cancel")
    await page.set_viewport_size({"width": PHONE["width"], "height": PHONE["height"]})
    assert await page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")
    assert await console.faults() == []
    await page.get_by_role("tab", name="Apps").click()
    await page.get_by_role("button", name="tests").click()
    assert await console.faults() == []


async def test_ten_thousand_rooms_do_not_make_it_slow(console: Console, world: World) -> None:
    """Only what can be seen is drawn. The rooms are made up: the page asks for them as for any others."""
    policy = {"admission": "ask", "max_peers": 64, "owner_leaves": "pass", "waiting_text": "", "history": 0}
    line = {"owner": "somebody", "peers": 3, "pending": 0, "created": 1.7e9, "policy": policy, "bans": 0}
    rooms = [{"key": f"room-{at:05}", "room": f"room-{at:05}", **line} for at in range(10_000)]

    async def answer(route: Any) -> None:
        after = route.request.url.partition("after=")[2].partition("&")[0]
        page = [room for room in rooms if room["key"] > after][:500]
        await route.fulfill(json={"response": {"rooms": page, "total": len(rooms), "position": 1}})

    async def answer_about_one(route: Any) -> None:
        name = route.request.url.partition("/rooms/")[2][:10]
        await route.fulfill(
            json={"response": {**rooms[int(name[5:])], "members": [], "candidates": [], "bans": [], "position": 1}}
        )

    await console.page.route("**/admin/rooms?**", answer)
    await console.page.route("**/admin/rooms/room-*", answer_about_one)
    await console.page.route("**/admin/rooms/room-*/bans**", answer_about_one)
    await console.sign_in()
    await expect(console.page.get_by_text("10,000 rooms")).to_be_visible()
    assert await console.page.locator("#rooms .line").count() < 50
    await console.page.get_by_label("Order").select_option(label="Name")
    await console.page.get_by_role("listbox").focus()
    await console.page.keyboard.press("End")
    await expect(console.rooms.filter(has_text="room-09999")).to_be_visible()
    await console.page.get_by_label("Search rooms and people").fill("room-0777")
    await expect(console.rooms).to_have_count(10)
    await expect(console.page.get_by_text("10 of 10,000 rooms")).to_be_visible()
