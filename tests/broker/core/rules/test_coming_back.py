"""Version 2: one who comes back finds the state of its rooms, and is sent again what was said to it."""

from typing import Any

import pytest

from broker.core.history import HISTORY_SECONDS
from shared.envelopes.entries import Pace
from tests.broker.core.rules.hall import ROOM, Hall, user
from tests.broker.world import Socket

ICE = "relay-ice-candidate"


class Guest:
    """A resumable client in the hall that counts what it gets, over all its sockets."""

    def __init__(self, hall: Hall, **fields: Any) -> None:
        self.hall = hall
        self.socket = hall.peer(resumable=True, **fields)
        self.socket.say("room-join-request", ROOM)
        hall.owner.say("room-join-accept", ROOM, self.socket.peer_id)
        self.socket.read()
        hall.read()

    def lose(self, missed: int = 0) -> None:
        """The connection is lost, and with it what the gateway took for sent last."""
        self.missed = missed
        self.socket.close("lost")

    def come_back(self, gateway: str = "g2", count: bool = True) -> list[tuple[str, Any]]:
        """What the client reads on its new socket, words by what was said."""
        old, self.socket = self.socket, self.hall.world.socket(gateway)
        received = old.received - self.missed if count else None
        self.socket.authenticate(version=2, resume=old.token, received=received)
        accept, *told = self.socket.read()
        self.accept = accept.fields
        return [(one.event, one.fields.get("ice_candidate")) for one in told]

    @property
    def room(self) -> Any:
        [room] = self.accept["rooms"]
        return room


def say(hall: Hall, guest: Guest, number: int) -> None:
    hall.member.say(ICE, ROOM, guest.socket.peer_id, payload=number)


def stir(hall: Hall) -> Socket:
    """Much happens in the room that is state and nothing else."""
    newcomer = hall.peer(user=user("eve", "enter"), peerinfo="e")
    newcomer.say("room-join-request", ROOM)
    hall.owner.say("room-role-request", ROOM, newcomer.peer_id, role="moderator")
    hall.owner.say("room-policy-request", ROOM, policy={"waiting_text": "soon"})
    return newcomer


def test_the_state_is_found_and_the_words_are_sent_again() -> None:
    hall = Hall()
    guest = Guest(hall)
    guest.lose()
    say(hall, guest, 1)
    eve = stir(hall)
    say(hall, guest, 2)
    assert guest.come_back() == [("ice-candidate", 1), ("ice-candidate", 2)]
    assert guest.accept["resumed"]
    assert guest.room["peers"] == [
        hall.owner.peer_id,
        hall.moderator.peer_id,
        hall.member.peer_id,
        eve.peer_id,
    ]
    assert guest.room["peersinfo"][eve.peer_id] == "e"
    assert guest.room["identities"] == {eve.peer_id: {"id": "eve", "name": "Eve"}}
    assert guest.room["policy"]["waiting_text"] == "soon"
    assert guest.room["roles"] == {
        hall.owner.peer_id: "owner",
        hall.moderator.peer_id: "moderator",
        eve.peer_id: "moderator",
    }
    assert "pending" not in guest.room, "it is no host"


def test_a_host_finds_those_who_wait() -> None:
    hall = Hall()
    guest = Guest(hall, user=user("ann", "moderate"))
    guest.lose()
    ask = hall.peer(user=user("eve", "knock"), peerinfo="e")
    ask.say("room-join-request", ROOM, payload="please")
    hall.candidate.say("room-join-cancel", ROOM)
    socket = hall.world.socket("g2")
    socket.authenticate(version=2, resume=guest.socket.token, user=user("ann", "moderate"))
    accept, *told = socket.read()
    assert told == []
    identity = {"id": "eve", "name": "Eve"}
    pending = [{"peer_id": ask.peer_id, "identity": identity, "peerinfo": "e", "payload": "please"}]
    assert accept.fields["rooms"][0]["pending"] == pending


def test_state_on_its_way_is_not_sent_again_and_the_count_goes_on() -> None:
    hall = Hall()
    guest = Guest(hall)
    say(hall, guest, 1)
    stir(hall)
    say(hall, guest, 2)
    guest.lose(missed=4)  # all but the first two: what followed got lost with the connection
    assert guest.come_back() == [("ice-candidate", 2)]
    say(hall, guest, 3)
    guest.socket.read()
    guest.lose(missed=1)
    assert guest.come_back("g1") == [("ice-candidate", 3)]
    guest.lose()
    assert guest.come_back() == []


def test_words_before_state_that_is_not_sent_again_are_counted_anew() -> None:
    hall = Hall()
    guest = Guest(hall)
    say(hall, guest, 1)
    stir(hall)
    guest.lose(missed=4)  # the word and all that followed
    assert guest.come_back("g1") == [("ice-candidate", 1)]
    guest.lose(missed=1)
    assert guest.come_back("g2") == [("ice-candidate", 1)]
    guest.lose()
    assert guest.come_back("g1") == []


def test_a_gateway_that_had_not_handled_it_has_the_words_sent_again() -> None:
    hall = Hall()
    guest = Guest(hall, gateway="g3")
    gateway = hall.world.gateway("g3")
    gateway.stuck = True
    say(hall, guest, 1)
    stir(hall)
    say(hall, guest, 2)
    hall.world.lose("g3")
    guest.missed = 0
    assert guest.come_back(count=False) == [("ice-candidate", 1), ("ice-candidate", 2)]


def test_an_answer_that_got_lost_brings_the_words_once_more() -> None:
    hall = Hall()
    guest = Guest(hall)
    guest.lose()
    say(hall, guest, 1)
    token, received = guest.socket.token, guest.socket.received
    deaf = hall.world.socket("g2")
    deaf.deaf = True
    deaf.authenticate(version=2, resume=token, received=received)
    stir(hall)
    say(hall, guest, 2)
    deaf.close("lost")
    again = hall.world.socket("g1")
    again.authenticate(version=2, resume=token, received=received)
    accept, *told = again.read()
    assert accept.fields["resumed"]
    assert [one.fields.get("ice_candidate") for one in told] == [1, 2]


@pytest.mark.parametrize("counts", [True, False])
def test_answers_that_got_lost_cost_no_place_though_state_was_lost_before(counts: bool) -> None:
    hall = Hall()
    guest = Guest(hall)
    token, received = guest.socket.token, guest.socket.received if counts else None
    guest.socket.deaf = True
    say(hall, guest, 1)
    stir(hall)
    guest.lose()
    for number in (2, 3):
        deaf = hall.world.socket("g2")
        deaf.deaf = True
        deaf.authenticate(version=2, resume=token, received=received)
        say(hall, guest, number)
        hall.owner.say("room-policy-request", ROOM, policy={"waiting_text": str(number)})
        deaf.close("lost")
    back = hall.world.socket("g1")
    back.authenticate(version=2, resume=token, received=received)
    accept, *told = back.read()
    assert accept.fields["resumed"]
    assert [one.fields.get("ice_candidate") for one in told] == ([1, 2, 3] if counts else [2, 3])
    back.say(ICE, ROOM, hall.owner.peer_id, payload=9)
    back.close("lost")
    last = hall.world.socket("g2")
    last.authenticate(version=2, resume=back.token, received=back.received)
    assert last.heard() == ["auth-accept"]


def test_an_answer_that_got_lost_costs_no_place_though_nothing_but_state_was_lost_before() -> None:
    hall = Hall()
    guest = Guest(hall)
    say(hall, guest, 1)
    stir(hall)
    guest.lose(missed=1)
    token, received = guest.socket.token, guest.socket.received - 1
    deaf, back = hall.world.socket("g2"), hall.world.socket("g1")
    deaf.deaf = True
    for socket in (deaf, back):
        socket.authenticate(version=2, resume=token, received=received)
    accept, *told = back.read()
    assert accept.fields["resumed"]
    assert told == []


def test_one_whose_place_was_taken_over_by_a_late_request_of_its_own_gets_nothing_twice() -> None:
    hall = Hall()
    guest = Guest(hall)
    token, received = guest.socket.token, guest.socket.received
    guest.socket.deaf = True
    say(hall, guest, 1)
    stir(hall)
    guest.lose()
    there, late, back = (hall.world.socket(gateway) for gateway in ("g1", "g2", "g1"))
    there.authenticate(version=2, resume=token, received=received)
    say(hall, guest, 2)
    hall.owner.say("room-policy-request", ROOM, policy={"waiting_text": "later"})
    assert [one.fields.get("ice_candidate") for one in there.read()[1:-1]] == [1, 2]
    late.deaf = True
    late.authenticate(version=2, resume=token, received=received)
    say(hall, guest, 3)
    back.authenticate(version=2, resume=there.token, received=there.received)
    accept, *told = back.read()
    assert accept.fields["resumed"]
    assert [one.fields.get("ice_candidate") for one in told] == [3]


@pytest.mark.parametrize(("seconds", "keeps"), [(HISTORY_SECONDS, True), (HISTORY_SECONDS + 1, False)])
def test_what_a_dead_socket_was_sent_is_known_for_as_long_as_it_takes_to_see_that(seconds: float, keeps: bool) -> None:
    hall = Hall()
    guest = Guest(hall, gateway="g2")
    guest.socket.deaf = True
    say(hall, guest, 1)
    hall.world.confirm()  # its gateway has handled that
    hall.world.now += seconds
    guest.lose()
    told = guest.come_back()
    assert guest.accept["resumed"] is keeps
    assert told == ([("ice-candidate", 1)] if keeps else [])


@pytest.mark.parametrize("updates", [2000])
def test_state_never_fills_the_place_of_one_who_is_away(updates: int) -> None:
    hall = Hall()
    guest = Guest(hall)
    guest.lose()
    say(hall, guest, 1)
    peer = hall.world.core.state.peers[guest.socket.peer_id]
    size = peer.kept_bytes
    for number in range(updates):
        hall.owner.say("room-policy-request", ROOM, policy={"waiting_text": str(number)})
        hall.read()
        hall.world.now += 0.01
        if number % 100 == 0:
            hall.world.confirm()
    assert (peer.kept_bytes, len(peer.kept)) == (size, 1)
    assert guest.come_back() == [("ice-candidate", 1)]


def test_what_was_said_to_it_alone_is_sent_again() -> None:
    hall = Hall()
    guest = Guest(hall)
    guest.lose()
    hall.owner.say("room-kick-request", ROOM, guest.socket.peer_id, text="bye")
    assert guest.come_back() == [("room-kicked", None)]
    assert guest.accept["rooms"] == []


def test_a_slow_reader_that_is_here_gets_everything_in_order() -> None:
    hall = Hall()
    guest = Guest(hall)
    guest.socket.gateway.send(Pace(guest.socket.conn, True))
    say(hall, guest, 1)
    stir(hall)
    say(hall, guest, 2)
    assert not guest.socket.read()
    guest.socket.gateway.send(Pace(guest.socket.conn, False))
    assert guest.socket.heard() == ["ice-candidate", "room-user-join", "room-role", "room-policy", "ice-candidate"]
    guest.lose(missed=2)
    assert guest.come_back() == [("ice-candidate", 2)]


@pytest.mark.parametrize("version", [1, 2])
def test_a_slow_reader_is_not_told_that_it_is_in_a_room_after_it_has_left(version: int) -> None:
    hall = Hall(stranger=version)
    slow = hall.stranger
    slow.say("room-join-request", ROOM)
    slow.gateway.send(Pace(slow.conn, True))
    hall.owner.say("room-join-accept", ROOM, slow.peer_id)
    slow.say("room-leave-request", ROOM)
    hall.member.say("room-leave-request", ROOM)
    slow.gateway.send(Pace(slow.conn, False))
    assert [event for event in slow.heard() if event != "room-join-wait"] == ["room-leave-accept"]


@pytest.mark.parametrize("version", [1, 2])
def test_a_slow_reader_is_not_told_that_its_room_is_closed_after_it_has_made_it_anew(version: int) -> None:
    hall = Hall(member=version)
    slow = hall.member
    slow.gateway.send(Pace(slow.conn, True))
    hall.owner.say("room-close-request", ROOM)
    slow.say("room-create-request", ROOM)
    slow.gateway.send(Pace(slow.conn, False))
    assert slow.heard() == ["room-create-accept"]


def test_a_slow_reader_that_goes_away_is_sent_the_words_alone() -> None:
    hall = Hall()
    guest = Guest(hall)
    guest.socket.gateway.send(Pace(guest.socket.conn, True))
    say(hall, guest, 1)
    stir(hall)
    say(hall, guest, 2)
    guest.lose()
    assert guest.come_back() == [("ice-candidate", 1), ("ice-candidate", 2)]


def test_the_version_lasts_over_all_sockets() -> None:
    hall = Hall()
    guest = Guest(hall)
    guest.lose()
    socket = hall.world.socket("g2")
    socket.authenticate(version=1, resume=guest.socket.token, received=guest.socket.received)
    assert socket.read()[0].fields["version"] == 2
    old = hall.peer(version=1, resumable=True)
    old.close("lost")
    socket = hall.world.socket("g2")
    socket.authenticate(version=2, resume=old.token)
    assert socket.read()[0].fields["version"] == 1


def test_both_versions_in_one_room_each_come_back_in_their_own_way() -> None:
    hall = Hall()
    new, old = Guest(hall), Guest(hall, version=1)
    for guest in (new, old):
        guest.lose()
    say(hall, new, 1)
    say(hall, old, 1)
    eve = stir(hall)
    eve.say("room-leave-request", ROOM)
    assert new.come_back() == [("ice-candidate", 1)]
    assert [event for event, _ in old.come_back()] == ["ice-candidate", "room-user-join", "room-user-leave"]
    assert set(old.room) == {"room", "owner", "peers", "peersinfo"}
