"""What a peer shows of itself: who is told, and what waits for whom."""

import pytest

from shared.envelopes.deliveries import Shows
from shared.envelopes.entries import Pace
from shared.envelopes.levels import RIGHTS
from tests.broker.core.rules.hall import ROOM, Hall, told
from tests.broker.invariants import check
from tests.broker.view import View
from tests.broker.world import World

SHOW = "peer-update-request"


def test_the_others_and_the_gateway_are_told() -> None:
    hall = Hall()
    hall.member.say(SHOW, ack=1, peerinfo={"name": "Mo"})
    news = told("room-user-update", peer_id=hall.member.peer_id, peerinfo={"name": "Mo"})
    assert hall.read() == [[news], [news], [], [], []]
    assert hall.member.answer(1) == {"ok": True}
    shows = [one for _, parcel in hall.world.parcels for one in parcel.deliveries if isinstance(one, Shows)]
    assert shows == [Shows(hall.member.conn, b'{"name": "Mo"}')]


def test_the_hosts_are_told_of_one_who_waits() -> None:
    hall = Hall()
    hall.candidate.say(SHOW, peerinfo=7)
    news = told("room-user-update", peer_id=hall.candidate.peer_id, peerinfo=7)
    assert hall.read() == [[news], [news], [], [], []]
    hall.owner.say("room-join-accept", ROOM, hall.candidate.peer_id)
    assert hall.member.read()[0].fields["peerinfo"] == 7


def test_showing_the_same_again_tells_nobody_and_null_shows_nothing() -> None:
    hall = Hall()
    for peerinfo, heard in ((7, 1), (7, 0), (None, 1), (None, 0)):
        hall.member.say(SHOW, ack=1, peerinfo=peerinfo)
        assert hall.member.answer(1)["ok"]
        assert len(hall.owner.read()) == heard


def test_a_renewal_tells_the_others_too_from_the_level_on() -> None:
    for level, heard in ((RIGHTS, []), (RIGHTS + 1, ["room-user-update"])):
        hall = Hall(World(level=level))
        hall.member.authenticate(version=2, peerinfo=7)
        assert hall.owner.heard() == heard
        assert hall.world.core.state.peers[hall.member.peer_id].peerinfo == b"7"


@pytest.mark.parametrize("leaves", [False, True])
def test_of_a_thousand_updates_the_newest_waits_for_one_who_reads_slowly(leaves: bool) -> None:
    hall = Hall(World(kept_deliveries=10))
    view = View()
    hall.owner.say("room-join-request", ROOM)  # to know the room
    view.take(hall.owner.read())
    hall.owner.gateway.send(Pace(hall.owner.conn, True))
    for number in range(1000):
        hall.member.say(SHOW, peerinfo=number)
        hall.moderator.say(SHOW, peerinfo=number)
    assert len(hall.world.core.state.peers[hall.owner.peer_id].kept) <= 12
    if leaves:
        hall.member.say("room-leave-request", ROOM)
    check(hall.world.core.state, hall.world.limits)
    hall.owner.gateway.send(Pace(hall.owner.conn, False))
    view.take(hall.owner.read())
    expected = {hall.moderator.peer_id: 999} | ({} if leaves else {hall.member.peer_id: 999})
    assert view.rooms[ROOM].infos == expected


def test_those_who_share_many_rooms_cannot_say_as_much_again_in_each() -> None:
    world = World(output_burst=1024 * 1024, output_rate=1000.0)
    peers = [world.peer(version=2) for _ in range(8)]
    for number in range(4):
        world.room(*peers, name=f"room {number}")
    for peer in peers:
        peer.read()
    for number in range(50):
        for peer in peers:
            peer.say(SHOW, peerinfo="x" * 1000 + str(number))
    shown = [one for peer in peers for one in peer.read() if one.event == "room-user-update"]
    assert 100_000 < 1000 * len(shown) < 1024 * 1024
