"""Somebody in a call loads the page again, or is put out by a host."""

from tests.browser.demo import Demo, Person

# A host who does what the page has no buttons for. The page's own modules are there for it.
OPEN_ROOM = """async (name) => {
  const [{ connect }, { io }] = await Promise.all([import("/demo/parley/connect.js"), import("/demo/socket.io.js")]);
  const { gateways, token } = await (await fetch("/demo/config.json")).json();
  const parley = connect({ io, urls: gateways, getToken: () => token, peerinfo: { name: "Hana" } });
  globalThis.room = await parley.create(name, { policy: { admission: "open" } });
}"""


async def open_room(demo: Demo, name: str) -> Person:
    """A host whose page has the library's ``room``, into which everybody may come."""
    hana = await demo.open("Hana", gateway=0)
    await hana.page.evaluate(OPEN_ROOM, name)
    return hana


async def test_who_loads_the_page_again_is_back_in_the_call(demo: Demo) -> None:
    ann, ben = await demo.open("Ann", gateway=0), await demo.open("Ben", gateway=1, room="again")
    await ann.create("again")
    await ben.ask()
    await ann.decide("Ben", "Admit")
    await ann.see_people("Ann (you)", "Ben")
    for guest, other in ((ben, ann), (ann, ben)):
        await guest.page.reload()
        await guest.see("body[data-screen=call]")
        await guest.see_people(f"{guest.name} (you)", other.name)
        await other.see_people(f"{other.name} (you)", guest.name)
        await guest.see_video_advance(other.name)
        await other.see_video_advance(guest.name)
        assert await other.page.locator(".toast", has_text=guest.name).filter(has_text="left").count() == 0
    await ann.see(".tile[data-host][data-own]")
    assert (ann.asked.count("room-create-request"), ben.asked.count("room-join-request")) == (1, 1)
    assert demo.complaints == []


async def test_who_comes_back_to_a_page_in_the_browsers_cache_is_in_the_call(demo: Demo) -> None:
    ann = await demo.open("Ann", gateway=0)
    await ann.create("cached")
    for event in ("pagehide", "pageshow"):
        await ann.page.evaluate("kind => dispatchEvent(new PageTransitionEvent(kind, { persisted: true }))", event)
    await ann.see_people("Ann (you)")
    await ann.see("#own-host")
    assert ann.asked.count("room-create-request") == 1
    assert demo.complaints == []


async def test_who_has_left_is_not_back_when_the_page_is_loaded_again(demo: Demo) -> None:
    ann = await demo.open("Ann", gateway=0)
    await ann.create("left-for-good")
    await ann.page.click("#leave")
    await ann.see("body[data-screen=lobby]")
    await ann.page.reload()
    await ann.page.locator("#first-choice", has_text="Ask to join").wait_for()
    assert await ann.page.get_attribute("body", "data-screen") == "lobby"


async def test_a_room_that_its_owner_closes_is_left_with_the_owners_words(demo: Demo) -> None:
    hana, ben = await open_room(demo, "closing"), await demo.open("Ben", gateway=1, room="closing")
    await ben.ask()
    await ben.see("body[data-screen=call]")
    await hana.page.evaluate("room.close('Good night')")
    await ben.see("#problem", "The host closed “closing”. They said: “Good night”")
    assert await ben.page.get_attribute("body", "data-screen") == "lobby"
    assert demo.complaints == []


async def test_who_is_put_out_may_ask_again(demo: Demo) -> None:
    hana, ben = await open_room(demo, "putting-out"), await demo.open("Ben", gateway=1, room="putting-out")
    await ben.ask()
    await ben.see("body[data-screen=call]")
    await hana.page.evaluate("room.kick(room.others[0].peer_id, { text: 'Be kind' })")
    await ben.see("#problem", "A host put you out of “putting-out”. They said: “Be kind”")
    await ben.page.click("text=Ask to come back")
    await ben.see_people("Ben (you)")
    assert demo.complaints == []
