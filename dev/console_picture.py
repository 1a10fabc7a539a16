"""The picture of the console in OPERATIONS.md: rooms and people that this makes, and an hour that it makes up."""

import json
import math
import time
import urllib.parse
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Page, Route, ViewportSize

SIZE = ViewportSize(width=1360, height=800)
# Who is in each room, the owner first, and who may come in.
ROOMS = {
    "design-review": (("Ada Lovelace", "Grace Hopper", "Alan Kay", "Radia Perlman", "Rude Guest"), "ask"),
    "daily-standup": (("Barbara Liskov", "Edsger Dijkstra", "Tony Hoare"), "ask"),
    "support-desk": (("Hedy Lamarr", "Claude Shannon", "Mary Jackson"), "ask"),
    "book-club": (("Emmy Noether", "Kurt Gödel"), "ask"),
    "maths-lesson": (("Maryam Mirzakhani", "Leonhard Euler"), "closed"),
    "yoga-class": (("Karen Jones", "Ken Thompson"), "open"),
    "coffee-corner": (("Dennis Ritchie",), "ask"),
}
MODERATOR, BANNED, WAITING = "Radia Perlman", "Rude Guest", "Tim Berners-Lee"

# Everybody, from one page: `tokens` are by name.
GATHER = """async ([rooms, tokens, [moderator, banned, waiting]]) => {
  const [{ connect }, { io }] = await Promise.all([import("/demo/parley/connect.js"), import("/demo/socket.io.js")]);
  const { gateways } = await (await fetch("/demo/config.json")).json();
  const urls = gateways.length ? gateways : [location.origin];
  const person = (name) => connect({ io, urls, getToken: () => tokens[name], peerinfo: { name } });
  for (const [name, [[owner, ...members], admission]] of Object.entries(rooms)) {
    const room = await person(owner).create(name);
    for (const member of members) {
      const { me } = await person(member).join(name);
      if (member === moderator) await room.setRole(me.peer_id, "moderator");
      if (member === banned) await room.kick(me.peer_id, { ban: 3600 });
    }
    if (admission !== "ask") await room.setPolicy({ admission });
  }
  await new Promise((asked) => person(waiting).join(Object.keys(rooms)[0], { waiting: asked }));
}"""


async def take(browser: Browser, auth_api: str, app_pass: str, admin_token: str, path: Path) -> None:
    """Take it. ``auth_api`` is where that is; nobody else may have rooms there, as they would be in the picture."""
    await _gather(await browser.new_page(), auth_api, app_pass)
    page = await browser.new_page(viewport=SIZE, color_scheme="light", locale="en")
    await page.route("**/admin/hour", _hour)
    await page.goto(f"{auth_api}/console")
    await page.fill("#token", admin_token)
    await page.click("#sign-in-button")
    await page.get_by_role("option").filter(has_text=next(iter(ROOMS))).click()
    await page.locator("#bans li").first.wait_for()
    await page.screenshot(path=path)


async def _gather(page: Page, auth_api: str, app_pass: str) -> None:
    names = [name for people, _ in ROOMS.values() for name in people]
    tokens = {name: _token(auth_api, app_pass, name, "enter") for name in names}
    tokens |= {people[0]: _token(auth_api, app_pass, people[0], "create") for people, _ in ROOMS.values()}
    tokens[WAITING] = _token(auth_api, app_pass, WAITING, "knock")
    await page.goto(f"{auth_api}/demo")
    await page.evaluate(GATHER, [ROOMS, tokens, [MODERATOR, BANNED, WAITING]])


def _token(auth_api: str, app_pass: str, name: str, grant: str) -> str:
    """A user's token, whose grant holds for every room."""
    who = {"id": name.split()[0].lower(), "name": name, "rooms": json.dumps({"*": grant})}
    form = urllib.parse.urlencode({"app": "pictures", "password": app_pass, **who}).encode()
    with urllib.request.urlopen(f"{auth_api}/user", form) as answer:  # noqa: S310 - the address is the developer's
        return str(json.load(answer)["response"]["token"])


async def _hour(route: Route) -> None:
    """Where people come and go, more and less."""
    answer = await route.fetch()
    now = int(time.time() // 60)
    minutes = [_minute(now - ago, ago) for ago in range(59, 0, -1)]
    body: Mapping[str, Any] = await answer.json()
    await route.fulfill(response=answer, json={**body, "response": {"minutes": minutes}})


def _minute(minute: int, ago: int) -> dict[str, int]:
    joined = round(4 + 2 * math.sin(ago / 7) + ago % 3)
    counted = {"joined": joined, "left": max(joined - (ago % 4 == 0), 0), "asked": round(2 + math.sin(ago / 3))}
    return {"minute": minute, "created": int(ago % 9 == 0), "closed": int(ago % 11 == 0), **counted}
