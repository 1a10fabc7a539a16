"""Polling as clients other than the newest official one do it."""

import json

import aiohttp

from tests.system.rig.harness import System
from tests.system.rig.rawsocket import Polling
from tests.system.rig.rooms import create
from tests.system.rig.world import World


async def authenticated(http: aiohttp.ClientSession, system: System) -> tuple[Polling, str]:
    """A peer that polls, and its session token."""
    polling, app_token = Polling(http, system.gateways[0].url), await system.app_token()
    await polling.open(app_token)
    assert await polling.post("42" + json.dumps(["auth-request", {"token": app_token}])) == 200
    _, body = await polling.get()
    return polling, json.loads(body[2:])[1]["token"]


async def test_many_offers_may_come_in_one_post(system: System, world: World) -> None:
    """Clients of Socket.IO 3.1 to 4.4, and those in Python and Java, send all that waits at once."""
    owner = await world.peer()
    room = await create(owner)
    async with aiohttp.ClientSession() as http:
        polling, token = await authenticated(http, system)
        await polling.post("42" + json.dumps(["room-join-request", {"auth": token, "room": room}]))
        candidate = (await owner.expect("room-join-request"))["peer_id"]
        await owner.send("room-join-accept", {"room": room, "peer_id": candidate})
        await owner.expect("room-user-join")
        fields = {"auth": token, "room": room, "to": owner.peer_id}
        offers = [{"type": "offer", "sdp": f"{number} " + "x" * 5000} for number in range(20)]
        frames = [
            "42" + json.dumps(["relay-session-description", {**fields, "session_description": offer}])
            for offer in offers
        ]
        for chunked in (False, True):
            assert await polling.post("\x1e".join(frames), chunked) == 200
            for offer in offers:
                assert (await owner.expect("session-description"))["session_description"] == offer
