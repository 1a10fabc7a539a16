"""People in a call, through the real system."""

from tests.browser.demo import Demo
from tests.system.rig.harness import System


async def test_three_pages_on_two_gateways_see_each_other_move(demo: Demo, system: System) -> None:
    room = "three-on-two"
    ann = await demo.open("Ann", gateway=0)
    ben = await demo.open("Ben", gateway=1, room=room)
    cleo = await demo.open("Cleo", gateway=0, room=room)
    for person in (ann, ben, cleo):
        await person.see_devices()  # one whose camera starts later says so later, once more
    await ann.create(room)
    for guest in (ben, cleo):
        await guest.ask()
        await ann.decide(guest.name, "Admit")
    await ann.see_people("Ann (you)", "Ben", "Cleo")
    await ben.see_people("Ann", "Ben (you)", "Cleo")
    await cleo.see_people("Ann", "Ben", "Cleo (you)")

    await ann.see_video_advance("Ben", "Cleo")
    await ben.see_video_advance("Ann", "Cleo")
    await cleo.see_video_advance("Ann", "Ben")

    ports = [{int(url.split(":")[2].split("/")[0]) for url in person.sockets} for person in (ann, ben, cleo)]
    assert ports == [{system.gateways[0].port}, {system.gateways[1].port}, {system.gateways[0].port}]
    # each asks for what it wants once; how a call is negotiated is tested with the library
    said = [[event for event in person.asked if not event.startswith("relay-")] for person in (ann, ben, cleo)]
    join, accept, own_data = "room-join-request", "room-join-accept", "room-data-request"
    assert said[0] == ["auth-request", "room-create-request", join, own_data, accept, accept]
    assert said[1] == said[2] == ["auth-request", join, own_data]
    assert demo.complaints == []


async def test_the_host_decides_leaves_and_is_followed_by_the_next(demo: Demo) -> None:
    room, name = "host-decides", "<b>Bén</b>"
    ann = await demo.open("Ann", gateway=0)
    ben = await demo.open(name, gateway=1, room=room)
    await ben.ask()
    await ben.see("#problem", f"There is no room called “{room}”")
    await ann.create(room)
    await ben.ask()
    await ben.see("#waiting-text", room)
    await ann.decide(name, "Decline")
    await ben.see("#problem", "The host did not let you in.")
    await ben.page.click("text=Create room")
    await ben.see("#problem", f"A room called “{room}” is open already.")
    await ben.page.click("text=Ask to join it")
    await ann.decide(name, "Admit")
    await ben.see_people("Ann", f"{name} (you)")
    await ben.see(".tile[data-host]:not([data-own])", "Ann")

    await ann.page.click("#leave")
    await ben.see(".toast", "Ann left")  # for five seconds
    await ann.see("body[data-screen=lobby]")
    await ben.see(".tile[data-host][data-own]")
    await ben.see("#own-host", "You are the host")
    await ben.see_people(f"{name} (you)")
    assert demo.complaints == []


async def test_switches_are_seen_by_the_others(demo: Demo) -> None:
    ann = await demo.open("Ann", gateway=0)
    ben = await demo.open("Ben", gateway=1, room="switches")
    await ann.create("switches")
    await ben.page.click("#camera-switch")
    await ben.ask()
    await ann.decide("Ben", "Admit")
    await ann.see_people("Ann (you)", "Ben")
    await ann.see(".tile[data-dark]", "Ben")
    await ben.page.click("#camera-switch")
    await ben.page.click("#microphone-switch")
    await ann.see(".tile[data-silent]:not([data-dark])", "Ben")
    await ann.see_video_advance("Ben")
