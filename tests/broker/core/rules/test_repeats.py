"""What is sent again under its number is done once, and answered again."""

from typing import Any

import pytest

from broker.core.numbers import MOST
from shared.contract.events import EVENTS, AuthRequest
from shared.envelopes.levels import RIGHTS
from tests.broker.core.rules.hall import ROOM, Hall
from tests.broker.invariants import check, plain_but_for_progress
from tests.broker.replay import check_replays
from tests.broker.world import Socket, World

UNNAMED = [f"00000000-0000-4000-8000-{number:012}" for number in range(3)]
# Of each event: who may send it in the hall, what it carries, and whom it names.
SAYINGS: dict[str, tuple[str, dict[str, Any], str]] = {
    "room-create-request": ("stranger", {"room": "mine", "payload": [1]}, ""),
    "room-join-request": ("stranger", {"room": "new", "create": True}, ""),
    "room-join-cancel": ("candidate", {}, ""),
    "room-join-accept": ("moderator", {}, "candidate"),
    "room-join-reject": ("owner", {"payload": "no"}, "candidate"),
    "room-leave-request": ("member", {"payload": "bye"}, ""),
    "relay-session-description": ("member", {"payload": 1}, "owner"),
    "relay-ice-candidate": ("owner", {"payload": 2}, "member"),
    "room-role-request": ("owner", {"role": "moderator"}, "member"),
    "room-kick-request": ("moderator", {"ban": 30, "text": "enough"}, "member"),
    "room-unban-request": ("owner", {}, "stranger"),
    "room-policy-request": ("moderator", {"policy": {"waiting_text": "w" * 200}}, ""),
    "room-close-request": ("owner", {"text": "over"}, ""),
    "room-message-request": ("member", {"body": "hello"}, ""),
    "room-data-request": ("member", {"set": {"slide": 1}, "if": {"slide": 0}}, ""),
    "peer-update-request": ("member", {"peerinfo": {"name": "Mo"}}, ""),
}

TOLD_TOO = {"room-create-request", "room-leave-request"}  # whose sender is told by an event as well


def say(hall: Hall, event: str, n: int, ack: int) -> Socket:
    who, fields, whom = SAYINGS[event]
    socket: Socket = getattr(hall, who)
    named = {"peer_id": getattr(hall, whom).peer_id} if whom else {}
    socket.say(event, **{"room": ROOM, **fields, **named}, ack=ack, n=n)
    return socket


def resume(hall: Hall, who: str, gateway: str = "g3") -> Socket:
    """One of the hall is back on another socket, and has heard nothing of what was answered on the last one."""
    old: Socket = getattr(hall, who)
    socket = hall.world.socket(gateway)
    socket.authenticate(resumable=True, resume=old.token, received=old.received, version=2)
    assert socket.read()[0].fields["resumed"]
    setattr(hall, who, socket)
    return socket


def resumable(hall: Hall) -> Hall:
    for socket in hall.everybody:
        socket.authenticate(resumable=True, version=2)
    hall.read()
    return hall


def test_every_event_is_tried() -> None:
    assert SAYINGS.keys() == EVENTS.keys() - {AuthRequest.NAME}


@pytest.mark.parametrize("event", SAYINGS)
def test_what_took_effect_is_not_done_again_and_answered_as_before(event: str) -> None:
    hall = Hall()
    asker = say(hall, event, n=7, ack=1)
    first, answers = asker.answer(1), [one for one in asker.read() if one.event == EVENTS[event].ANSWER]
    assert first["ok"] is True, first
    hall.read()
    state = plain_but_for_progress(hall.world.core.state)
    say(hall, event, n=7, ack=2)
    assert asker.answer(2) == first
    if event != "room-join-request":  # whose event is counted: it is sent again as all that somebody else caused
        assert asker.read() == answers
    assert [told for told in hall.read() if told] == []
    if event != "room-join-request":  # which notes when the room was shown
        assert plain_but_for_progress(hall.world.core.state) == state
    check_replays(hall.world)


@pytest.mark.parametrize("event", SAYINGS)
def test_it_is_done_once_over_another_socket_too(event: str) -> None:
    hall = resumable(Hall())
    who = SAYINGS[event][0]
    getattr(hall, who).deaf = True
    say(hall, event, n=1, ack=1)
    hall.read()
    asker = resume(hall, who)
    asker.read()
    hall.read()
    say(hall, event, n=1, ack=2)
    assert asker.answer(2)["ok"] is True
    told = [one.event for told in hall.read() for one in told]
    assert told == ([EVENTS[event].ANSWER] if event in TOLD_TOO else [])
    check(hall.world.core.state, hall.world.limits)


@pytest.mark.parametrize("event", SAYINGS)
def test_what_was_refused_has_used_no_number_up(event: str) -> None:
    hall = Hall()
    hall.stranger.say("room-leave-request", ROOM, ack=1, n=7)
    assert hall.stranger.answer(1)["code"] == "not-member"
    hall.stranger.say("room-leave-request", ROOM, ack=2, n=7)
    assert hall.stranger.answer(2)["code"] == "not-member"
    hall.read()
    assert say(hall, event, n=7, ack=3).answer(3)["ok"] is True


def test_an_event_of_an_earlier_level_is_done_each_time() -> None:
    hall = Hall(World(level=RIGHTS))
    for ack in (1, 2):
        hall.member.say("relay-ice-candidate", ROOM, hall.owner.peer_id, payload=ack, ack=ack, n=1)
        assert hall.member.answer(ack) == {"ok": True}
    assert hall.owner.heard() == ["ice-candidate"] * 2
    assert hall.world.core.state.peers[hall.member.peer_id].numbers is None


def test_a_client_of_version_1_has_no_numbers() -> None:
    hall = Hall(member=1)
    for ack in (1, 2):
        hall.member.say("relay-ice-candidate", ROOM, hall.owner.peer_id, payload=ack, ack=ack, n=1)
    assert hall.owner.heard() == ["ice-candidate"] * 2
    assert hall.world.core.state.peers[hall.member.peer_id].numbers is None


def relay(hall: Hall, n: int, body: int | None = None) -> dict[str, Any]:
    hall.member.say("relay-ice-candidate", ROOM, hall.owner.peer_id, payload=n if body is None else body, ack=1, n=n)
    return hall.member.answer(1)


def heard(hall: Hall) -> list[int]:
    return [fields["ice_candidate"] for event, fields in hall.owner.read() if event == "ice-candidate"]


def test_64_numbers_are_remembered() -> None:
    hall = Hall()
    for n in range(1, MOST + 1):
        assert relay(hall, n)["ok"]
    assert len(heard(hall)) == MOST
    assert all(relay(hall, n)["ok"] for n in range(1, MOST + 1))
    assert heard(hall) == []


def test_what_is_older_than_those_is_stale() -> None:
    hall = Hall()
    for n in range(1, MOST + 2):
        relay(hall, n)
    heard(hall)
    assert relay(hall, 1)["code"] == "stale"
    assert relay(hall, 0)["code"] == "stale"
    assert relay(hall, 2)["ok"] is True
    assert heard(hall) == []


def test_numbers_may_come_out_of_order_and_leave_gaps() -> None:
    hall = Hall()
    order = [40, 3, 2**53 - 1, 17, 0, 10**9]
    assert all(relay(hall, n)["ok"] for n in order)
    assert heard(hall) == order
    assert all(relay(hall, n)["ok"] for n in sorted(order))
    assert heard(hall) == []


def test_one_that_never_took_effect_is_done_though_higher_ones_were() -> None:
    hall = Hall()
    for n in range(2, MOST + 2):
        relay(hall, n)
    heard(hall)
    assert relay(hall, 1)["ok"] is True
    assert heard(hall) == [1]
    assert relay(hall, 2)["ok"] is False, "64 are answered since"


def test_another_body_under_the_same_number_is_answered_as_the_first() -> None:
    hall = Hall()
    relay(hall, 1, body=5)
    assert relay(hall, 1, body=6) == {"ok": True}
    assert heard(hall) == [5]


def test_another_event_under_the_same_number_is_refused() -> None:
    hall = Hall()
    relay(hall, 1)
    hall.member.read()
    hall.member.say("room-leave-request", ROOM, ack=2, n=1)
    assert hall.member.answer(2)["code"] == "bad-request"
    hall.member.say("relay-ice-candidate", ROOM, hall.moderator.peer_id, payload=1, ack=3, n=1)
    assert hall.member.answer(3)["code"] == "bad-request"
    assert hall.member.peer_id in hall.room.members


def test_a_room_without_a_name_is_created_once() -> None:
    hall = Hall()
    for ack, name in enumerate(UNNAMED, 1):  # each time a gateway chooses another one
        hall.stranger.say("room-create-request", name, ack=ack, n=1, payload=9)
        assert hall.stranger.answer(ack) == {"ok": True, "room": UNNAMED[0], "payload": 9}
    assert [one.fields["room"] for one in hall.stranger.read()] == [UNNAMED[0]] * 3
    assert [name for name in hall.world.core.state.rooms if name != ROOM] == [UNNAMED[0]]


def test_a_policy_is_told_as_it_is_now() -> None:
    hall = Hall()
    say(hall, "room-policy-request", n=1, ack=1)
    hall.owner.say("room-policy-request", ROOM, policy={"max_peers": 9})
    say(hall, "room-policy-request", n=1, ack=2)
    assert hall.moderator.answer(2)["policy"]["max_peers"] == 9
    hall.owner.say("room-kick-request", ROOM, hall.moderator.peer_id)
    say(hall, "room-policy-request", n=1, ack=3)
    assert hall.moderator.answer(3) == {"ok": True, "room": ROOM}


# Requests to join


def ask(hall: Hall, n: int, ack: int) -> None:
    hall.stranger.say("room-join-request", ROOM, ack=ack, n=n)


def test_a_request_that_waits_is_sent_again_without_a_second_one() -> None:
    hall = Hall()
    ask(hall, 1, ack=1)
    assert hall.owner.heard() == hall.moderator.heard() == ["room-join-request"]
    hall.world.now += 60  # a host could be reminded now
    ask(hall, 1, ack=2)
    assert hall.stranger.heard() == ["room-join-wait"] * 2
    assert hall.owner.heard() == hall.moderator.heard() == []
    hall.owner.say("room-join-accept", ROOM, hall.stranger.peer_id)
    welcome = hall.stranger.read()[0].fields
    assert hall.stranger.answer(1) == hall.stranger.answer(2) == {"ok": True, **welcome}
    ask(hall, 1, ack=3)
    assert hall.stranger.answer(3) == {"ok": True, **welcome}
    assert hall.stranger.heard() == []


def test_a_decision_goes_to_the_newest_socket() -> None:
    hall = resumable(Hall())
    ask(hall, 1, ack=5)
    first = hall.stranger
    resume(hall, "stranger")
    ask(hall, 1, ack=5)
    hall.owner.say("room-join-accept", ROOM, hall.stranger.peer_id)
    assert hall.stranger.answer(5)["ok"] is True
    assert 5 not in first.acks


def test_a_request_may_be_sent_again_over_any_number_of_sockets() -> None:
    hall = resumable(Hall())
    for _ in range(hall.world.limits.pending_per_peer + 2):
        ask(hall, 1, ack=1)
        hall.stranger.close("lost")
        resume(hall, "stranger")
    ask(hall, 1, ack=1)
    assert len(hall.room.pending[hall.stranger.peer_id].acks) == 1
    check(hall.world.core.state, hall.world.limits)


def test_numbers_and_acknowledgements_of_one_request_are_bounded() -> None:
    hall = resumable(Hall())
    most = hall.world.limits.pending_per_peer
    for n in range(1, most + 1):
        ask(hall, n, ack=n)
    ask(hall, 1, ack=98)
    assert hall.stranger.answer(98)["code"] == "too-many-requests"
    resume(hall, "stranger")
    ask(hall, 1, ack=1)
    ask(hall, most + 1, ack=99)
    assert hall.stranger.answer(99)["code"] == "too-many-requests"
    hall.owner.say("room-join-accept", ROOM, hall.stranger.peer_id)
    for n in range(1, most + 1):
        ask(hall, n, ack=200 + n)
        assert hall.stranger.answer(200 + n)["ok"] is True


@pytest.mark.parametrize(
    ("how", "code", "event"),
    [
        ("reject", "rejected", ["room-join-reject"]),
        ("kick", "banned", ["room-join-reject"]),
        ("close", "not-found", ["room-join-reject"]),
        ("cancel", "not-pending", []),
    ],
)
@pytest.mark.parametrize("later", [0, MOST + 9])
def test_a_request_that_ended_is_not_made_again(how: str, code: str, event: list[str], later: int) -> None:
    """Also if the answer was lost, and however many numbers were used up while it waited."""
    hall = resumable(Hall())
    ask(hall, 1, ack=1)
    for n in range(2, 2 + later):
        hall.stranger.say("room-create-request", "mine", ack=0, n=n)
    hall.stranger.deaf = True
    if how == "cancel":
        hall.stranger.say("room-join-cancel", ROOM, ack=2, n=1000)
    elif how == "close":
        hall.owner.say("room-close-request", ROOM)
    elif how == "reject":
        hall.owner.say("room-join-reject", ROOM, hall.stranger.peer_id)
    else:
        hall.owner.say("room-kick-request", ROOM, hall.stranger.peer_id, ban=True)
    resume(hall, "stranger").read()
    hall.read()
    ask(hall, 1, ack=3)
    answer = hall.stranger.answer(3)
    assert (answer["ok"], answer["code"]) == (False, code)
    assert hall.stranger.heard() == event
    assert hall.owner.heard() == []


def test_what_was_decided_while_its_candidate_was_away_is_answered_when_it_asks_again() -> None:
    hall = resumable(Hall())
    ask(hall, 1, ack=1)
    hall.stranger.close("lost")
    hall.owner.say("room-join-accept", ROOM, hall.stranger.peer_id)
    resume(hall, "stranger")
    ask(hall, 1, ack=2)
    answer = hall.stranger.answer(2)
    assert answer["ok"] is True
    assert answer["peers"] == [hall.owner.peer_id, hall.moderator.peer_id, hall.member.peer_id]


def test_one_who_has_left_since_is_told_that_it_was_let_in_and_nothing_of_the_room() -> None:
    hall = Hall()
    ask(hall, 1, ack=1)
    hall.owner.say("room-join-accept", ROOM, hall.stranger.peer_id)
    hall.stranger.say("room-leave-request", ROOM)
    hall.stranger.read()
    ask(hall, 1, ack=2)
    assert hall.stranger.answer(2) == {"ok": True, "peer_id": hall.stranger.peer_id, "room": ROOM}
    assert hall.stranger.heard() == []
    assert hall.stranger.peer_id not in hall.room.pending


def test_nobody_is_told_by_an_event_what_is_not_true_any_more() -> None:
    hall = Hall()
    hall.stranger.say("room-create-request", "mine", ack=1, n=1)
    hall.stranger.say("room-leave-request", "mine", ack=2, n=2)
    hall.stranger.read()
    hall.stranger.say("room-create-request", "mine", ack=3, n=1)
    assert hall.stranger.answer(3) == hall.stranger.answer(1)
    assert hall.stranger.heard() == []
    hall.stranger.say("room-create-request", "mine", ack=4, n=3)
    hall.stranger.read()
    hall.stranger.say("room-leave-request", "mine", ack=5, n=2)
    assert hall.stranger.answer(5) == hall.stranger.answer(2)
    assert hall.stranger.heard() == []


@pytest.mark.parametrize("since", ["asked", "came in"])
def test_one_who_has_come_in_or_asked_since_is_not_told_of_a_rejection(since: str) -> None:
    hall = Hall()
    ask(hall, 1, ack=1)
    hall.owner.say("room-join-reject", ROOM, hall.stranger.peer_id)
    ask(hall, 2, ack=2)
    if since == "came in":
        hall.owner.say("room-join-accept", ROOM, hall.stranger.peer_id)
    hall.stranger.read()
    ask(hall, 1, ack=3)
    assert hall.stranger.answer(3)["code"] == "rejected"
    assert hall.stranger.heard() == []


def test_a_room_is_not_shown_over_and_over() -> None:
    hall = Hall()
    hall.owner.say("room-policy-request", ROOM, policy={"admission": "open"})
    ask(hall, 1, ack=1)
    answers = []
    for ack in range(2, 5):
        ask(hall, 1, ack=ack)
        answers.append("peers" in hall.stranger.answer(ack))
    assert answers == [True, False, False]


def test_a_number_without_an_acknowledgement_which_no_gateway_lets_in_means_nothing() -> None:
    hall = Hall()
    hall.member.say("relay-ice-candidate", ROOM, hall.owner.peer_id, payload=1, n=1)
    assert heard(hall) == [1]
    assert hall.world.core.state.peers[hall.member.peer_id].numbers is None


def test_a_socket_that_its_peer_has_left_uses_no_number_up() -> None:
    hall = resumable(Hall())
    late = hall.member
    resume(hall, "member")
    late.say("relay-ice-candidate", ROOM, hall.owner.peer_id, payload=1, ack=1, n=1)
    assert heard(hall) == []
    assert relay(hall, 1)["ok"] is True
    assert heard(hall) == [1]
