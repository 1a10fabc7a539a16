"""Light and dark, as the browser asks for: what is written can be read in both."""

from typing import Any, Literal

import pytest

from tests.browser.demo import Demo, Person
from tests.system.rig.process import ROOT

AXE = ROOT / "node_modules/axe-core/axe.min.js"
CHOOSE = "code => { const it = document.querySelector('select.language'); it.value = code; it.onchange(); }"
DENIED = 'navigator.mediaDevices.getUserMedia = async () => { throw new DOMException("", "NotAllowedError"); };'

Scheme = Literal["light", "dark"]


async def faults(person: Person, scheme: Scheme, language: str) -> list[str]:
    """What axe has to say against the page in these colours and that language."""
    await person.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    await person.page.evaluate(CHOOSE, language)
    await person.page.evaluate(AXE.read_text())
    found: dict[str, Any] = await person.page.evaluate("axe.run()")
    return [f"{fault['id']}: {node['html']}" for fault in found["violations"] for node in fault["nodes"]]


@pytest.mark.parametrize(("scheme", "language"), [("light", "de"), ("dark", "en")])
async def test_nothing_stands_in_the_way_of_anybody_from_the_door_to_the_call(
    demo: Demo, scheme: Scheme, language: str
) -> None:
    room = f"colours-{scheme}"
    ann = await demo.open("Ann", gateway=0, script=DENIED)
    ben = await demo.open("Ben", gateway=1, room=room)
    assert await faults(ann, scheme, language) == []
    await ben.ask()
    await ben.see("#problem")
    assert await faults(ben, scheme, language) == []
    await ann.page.fill("#room", room)
    await ann.page.click("#first-choice")
    await ann.see("#invite")
    assert await faults(ann, scheme, language) == []
    await ben.page.click("#problem-offer")
    await ben.see("#problem-offer[data-way=join]")
    await ben.page.click("#problem-offer")
    await ben.see("body[data-screen=waiting]")
    assert await faults(ben, scheme, language) == []
    await ann.see(".knock")
    assert await faults(ann, scheme, language) == []
    await ann.page.locator(".knock .admit").click()
    await ann.see(".tile[data-state=connected]:not([data-own])")
    await ann.page.click("#open-devices")
    assert await faults(ann, scheme, language) == []
    assert demo.complaints == []
