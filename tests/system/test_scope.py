"""ROOM_SCOPE: whether apps share their rooms."""

from tests.conftest import StartSystem
from tests.system.rig.rooms import admit, create, new_name
from tests.system.rig.world import World


async def test_apps_share_rooms(world: World) -> None:
    mobile, web = await world.peer(0, app="mobile"), await world.peer(1, app="web")
    room = await create(mobile)
    accepted = await admit(mobile, web, room)
    assert accepted["peers"] == [mobile.peer_id]
    answer = await web.call("room-create-request", {"room": room})
    assert (answer["ok"], answer["code"]) == (False, "taken")


async def test_apps_can_be_kept_apart(start_system: StartSystem) -> None:
    system = await start_system(settings={"ROOM_SCOPE": "app"})
    world, room = World(system), new_name()
    mobile, web = await world.peer(0, app="mobile"), await world.peer(1, app="web")
    other = await world.peer(1, app="mobile")
    await create(mobile, room)
    answer = await web.call("room-join-request", {"room": room})
    assert (answer["ok"], answer["code"]) == (False, "not-found")
    await create(web, room)
    assert (await admit(mobile, other, room))["peers"] == [mobile.peer_id]
    fields = {"room": room, "to": mobile.peer_id, "ice_candidate": 1}
    answer = await web.call("relay-ice-candidate", fields)
    assert (answer["ok"], answer["code"]) == (False, "not-member")
    assert (await other.call("relay-ice-candidate", fields))["ok"] is True
    assert web.all("room-join-request") == []
    await world.close()
