"""A broker that begins from an older snapshot cannot know what gateways were told before it."""

import asyncio

from broker.core.history import HISTORY_SECONDS
from broker.core.machine import Core
from broker.storage.encoding import encode
from broker.storage.image import decode
from tests.broker.world import World, read


def snapshot(world: World) -> bytes:
    return asyncio.run(encode("log", world.core.state)).whole


def test_a_history_that_came_out_otherwise_is_not_repeated_to_gateways() -> None:
    world = World()
    owner, member = world.peer("g1"), world.peer("g2", resumable=True)
    world.room(owner, member)
    member.deaf = True
    owner.say("relay-ice-candidate", "room", member.peer_id)
    base, beginning = snapshot(world), len(world.log)
    member.close()
    back = world.socket("g2")
    # what it asks for was sent before the older snapshot: who begins there finds it missing, and gives the place up
    back.authenticate(resume=member.token, received=member.received)
    assert back.heard() == ["auth-accept", "ice-candidate"]
    world.now += HISTORY_SECONDS
    for number in range(3):
        back.say("relay-ice-candidate", "room", owner.peer_id, payload=number)

    restored = Core(world.core.limits, decode("log", base))
    for message in world.log[beginning:]:
        read(restored, message)
    restored.adopt(decode("log", snapshot(world)))
    assert restored.state.gateways == world.core.state.gateways
    for have in range(world.core.state.gateways["g1"].parcel):
        repeated = restored.out.after("g1", have)
        complete = bool(repeated) and repeated[0].number == have + 1
        assert not complete or repeated == world.core.out.after("g1", have)
