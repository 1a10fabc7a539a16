"""The page in the language of whoever looks at it."""

import pytest
from playwright.async_api import expect

from tests.browser.demo import Demo

expect.set_options(timeout=20_000)  # ms; the machine may be busy


@pytest.mark.parametrize(
    ("locale", "code", "title"),
    [
        ("de-AT", "de", "Von Angesicht zu Angesicht"),
        ("en-GB", "en", "Talk face to face"),
        ("fr", "en", "Talk face to face"),
    ],
)
async def test_the_page_speaks_as_the_browser_asks_for(demo: Demo, locale: str, code: str, title: str) -> None:
    ann = await demo.open("Ann", gateway=0, locale=locale)
    await expect(ann.page.locator("html")).to_have_attribute("lang", code)
    await expect(ann.page.locator("#entry-title")).to_have_text(title)
    await expect(ann.page.locator(".bar .language")).to_have_value(code)
    assert demo.complaints == []


async def test_all_that_is_said_changes_with_the_language_and_the_choice_is_remembered(demo: Demo) -> None:
    ann = await demo.open("Ann", gateway=0)
    ben = await demo.open("<b>Bén</b>", gateway=1, room="deutsch")
    await ann.create("deutsch")
    await ben.ask()
    await ann.see(".knock", "<b>Bén</b> asks to come in")
    await ann.page.locator("#open-devices").click()
    await ann.page.locator("#device-dialog .language").select_option("de")
    await ann.page.get_by_role("button", name="Fertig").click()
    await ann.see(".knock", "<b>Bén</b> bittet um Einlass")
    await ann.see("#own-host", "Sie sind Host")
    await ann.decide("Bén", "Einlassen")
    await ann.see_people("Ann (Sie)", "<b>Bén</b>")
    await expect(ann.page.get_by_label("Gespräch verlassen")).to_be_visible()
    assert await ben.page.get_attribute("html", "lang") == "en"
    await ann.page.reload()
    await ann.see_people("Ann (Sie)", "<b>Bén</b>")
    assert await ann.page.get_attribute("html", "lang") == "de"
    assert demo.complaints == []
