"""A double click, as many people do everywhere: its second half is not for what has come to lie under the pointer."""

from tests.browser.demo import Demo


async def test_a_double_click_lets_in_one_person_and_not_the_next(demo: Demo) -> None:
    room = "double-click"
    ann, ben, mallory = [await demo.open(name, gateway=0, room=room) for name in ("Ann", "Ben", "Mallory")]
    await ann.create(room)
    for each in (ben, mallory):
        await each.ask()
        await ann.see(".knock", each.name)
    await ann.page.locator(".knock", has_text="Ben").get_by_role("button", name="Admit").dblclick()
    await ben.see("body[data-screen=call]")
    await ann.see(".knock", "Mallory")
    await ann.decide("Mallory", "Decline")
    await mallory.see("#problem", "The host did not let you in.")
    assert demo.complaints == []


async def test_a_double_click_asks_once_and_takes_nothing_back(demo: Demo) -> None:
    room = "double-ask"
    ann, ben = await demo.open("Ann", gateway=0), await demo.open("Ben", gateway=1, room=room)
    await ann.page.fill("#room", room)
    await ann.page.locator("#first-choice").dblclick()
    await ann.see("body[data-screen=call]")
    await ben.page.locator("#first-choice").dblclick()
    await ann.see(".knock", "Ben")
    assert ben.asked.count("room-join-request") == 1
    assert await ben.page.get_attribute("body", "data-screen") == "waiting"
    # two clicks on one button are two clicks
    await ann.page.locator("#microphone-switch").dblclick()
    await ann.see("#microphone-switch[aria-pressed=true]")
    assert demo.complaints == []
