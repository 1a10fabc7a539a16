"""Many attacks at once."""

import asyncio

from tests.attack.attacks.floods import repeated
from tests.attack.attacks.rooms import SDP, come_and_go, relay
from tests.attack.attacks.views import ask_again
from tests.attack.me import Me
from tests.attack.party import gather
from tests.attack.plan import Steps, attack
from tests.bench.wire import text_frame
from tests.system.rig.tcpsocket import PING, frame


@attack()
async def everything(me: Me) -> Steps:
    """Ten attackers at ten addresses, each in another way"""
    crowd = [me.elsewhere(number) for number in range(10)]
    party = await gather(crowd[0])
    small = repeated(text_frame("3"))
    yield
    await asyncio.gather(
        ask_again(me, party.guests[0], party.rooms[0]),
        come_and_go(party.guests[1], party.rooms[0]),
        relay(party.guests[2], party.rooms[0], party.owner.peer_id),
        relay(await crowd[1].peer(), "nowhere", "nobody"),
        crowd[2].flood(crowd[2].stranger, lambda _: small),
        crowd[3].flood(crowd[3].stranger, lambda _: repeated(text_frame("40"))),
        crowd[4].flood(crowd[4].guest, lambda _: repeated(text_frame('42["x"]'))),
        crowd[5].flood(crowd[5].peer, lambda peer: peer.event("auth-request", token=peer.token)),
        crowd[6].flood(crowd[6].peer, lambda peer: peer.event("room-create-request", ack="1")),
        crowd[7].flood(crowd[7].stranger, lambda _: repeated(frame(PING, b""))),
        crowd[8].flood(crowd[8].stranger, lambda _: text_frame("9")),
        crowd[9].flood(crowd[9].peer, lambda peer: peer.event("x", payload=SDP)),
        return_exceptions=True,
    )
