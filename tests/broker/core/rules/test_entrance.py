"""Who comes in, who waits, and who is refused: each grant in each kind of room."""

import pytest

from shared.envelopes.users import User
from tests.broker.core.rules.hall import NEVER, ROOM, Hall, told, user
from tests.broker.world import Socket, World

JOIN = "room-join-request"
WAITS, IS_IN = "waits", "is in"
OUTCOMES = {
    ("", "ask"): WAITS,
    ("", "open"): IS_IN,
    ("", "closed"): "closed",
    ("knock", "ask"): WAITS,
    ("knock", "open"): IS_IN,
    ("knock", "closed"): "closed",
    ("create", "ask"): WAITS,
    ("create", "open"): IS_IN,
    ("create", "closed"): "closed",
    ("enter", "ask"): IS_IN,
    ("enter", "open"): IS_IN,
    ("enter", "closed"): "closed",
    ("moderate", "ask"): IS_IN,
    ("moderate", "open"): IS_IN,
    ("moderate", "closed"): IS_IN,
    ("own", "ask"): IS_IN,
    ("own", "open"): IS_IN,
    ("own", "closed"): IS_IN,
}


def somebody(hall: Hall, grant: str, version: int = 2) -> Socket:
    return hall.peer(version=version, user=user("ann", grant) if grant else None)


def outcome(socket: Socket, ack: int = 1) -> str:
    heard = socket.read()
    if heard[0].event == "room-join-wait":
        assert not socket.acks, "the outcome is not final yet"
        return WAITS
    answer = socket.answer(ack)
    if heard[0].event == "room-join-reject":
        assert heard[0].fields["code"] == answer["code"]
        return str(answer["code"])
    assert answer["ok"]
    return IS_IN


@pytest.mark.parametrize(("grant", "admission"), OUTCOMES)
def test_every_grant_in_every_kind_of_room(grant: str, admission: str) -> None:
    hall = Hall()
    hall.owner.say("room-policy-request", ROOM, policy={"admission": admission})
    ann = somebody(hall, grant)
    ann.say(JOIN, ROOM, ack=1)
    expected = OUTCOMES[grant, admission]
    assert outcome(ann) == expected
    assert (ann.peer_id in hall.room.members) == (expected == IS_IN)


@pytest.mark.parametrize("grant", ["", "knock", "create", "enter", "moderate", "own"])
def test_nobody_gets_into_a_full_room(grant: str) -> None:
    hall = Hall()
    hall.owner.say("room-policy-request", ROOM, policy={"admission": "open", "max_peers": 4})
    ann = somebody(hall, grant)
    ann.say(JOIN, ROOM, ack=1)
    assert outcome(ann) == "full"


def test_a_room_that_the_token_does_not_name_is_forbidden() -> None:
    hall = Hall()
    ann = hall.peer(user=user("ann", "own", room="elsewhere"))
    for event, refusal in ((JOIN, "room-join-reject"), ("room-create-request", "room-create-reject")):
        for room in (ROOM, "a free name"):
            ann.say(event, room)
            assert ann.refused(refusal) == "forbidden"


@pytest.mark.parametrize(
    ("grant", "may"), [("knock", False), ("create", True), ("enter", False), ("moderate", False), ("own", True)]
)
def test_who_may_make_a_room(grant: str, may: bool) -> None:
    hall = Hall()
    ann = somebody(hall, grant)
    ann.say("room-create-request", "den")
    assert ann.heard() == ["room-create-accept" if may else "room-create-reject"]
    ann.say(JOIN, "nest", ack=1, create=True)
    answer = ann.answer(1)
    assert answer.get("created", answer.get("code")) == (True if may else "not-found")
    assert ("nest" in hall.world.core.state.rooms) is may


def test_asking_for_a_room_can_make_it() -> None:
    hall = Hall()
    hall.stranger.say(JOIN, "nest", ack=1, payload=7, create=True)
    me = hall.stranger.peer_id
    policy = {"admission": "ask", "max_peers": 64, "owner_leaves": "pass", "waiting_text": "", "history": 0}
    welcome = {
        "room": "nest",
        "peer_id": me,
        "owner": me,
        "peers": [],
        "peersinfo": {},
        "payload": 7,
        "policy": policy,
        "roles": {me: "owner"},
        "identities": {},
        "created": True,
        "data": {},
        "data_version": 0,
        "history": [],
    }
    assert hall.stranger.read() == [("room-join-accept", welcome)]
    assert hall.stranger.answer(1) == {"ok": True, **welcome}
    hall.candidate.say(JOIN, "nest", create=True)
    assert hall.candidate.heard() == ["room-join-wait"], "it is there now"
    hall.member.say(JOIN, "no such room")
    assert hall.member.refused("room-join-reject") == "not-found"


def test_a_room_is_made_with_its_policy() -> None:
    hall = Hall()
    hall.stranger.say("room-create-request", "nest", policy={"admission": "open", "history": 3})
    hall.candidate.say(JOIN, "nest", ack=1)
    answer = hall.candidate.answer(1)
    assert (answer["policy"]["admission"], answer["policy"]["history"]) == ("open", 3)


def test_the_newcomer_finds_who_is_who_and_the_others_learn_who_it_is() -> None:
    hall = Hall()
    bob = hall.peer(user=user("bob", "enter"))
    bob.say(JOIN, ROOM)
    ann = hall.peer(user=user("ann", "enter"), peerinfo="a")
    ann.say(JOIN, ROOM)
    fields = ann.read()[0].fields
    assert fields["identities"] == {
        bob.peer_id: {"id": "bob", "name": "Bob"},
        ann.peer_id: {"id": "ann", "name": "Ann"},
    }
    assert fields["roles"] == {hall.owner.peer_id: "owner", hall.moderator.peer_id: "moderator"}
    joined = told("room-user-join", peer_id=ann.peer_id, peerinfo="a", identity={"id": "ann", "name": "Ann"})
    assert bob.read()[-1] == joined
    ann.say("room-leave-request", ROOM)
    left = {"peer_id": ann.peer_id, "reason": "left", "peerinfo": "a", "identity": {"id": "ann", "name": "Ann"}}
    assert bob.read() == [told("room-user-leave", **left)]


def test_hosts_see_who_asks() -> None:
    hall = Hall()
    ann = hall.peer(user=user("ann", "knock"))
    ann.say(JOIN, ROOM)
    asks = told(JOIN, peer_id=ann.peer_id, identity={"id": "ann", "name": "Ann"})
    assert hall.owner.read() == hall.moderator.read() == [asks]


def test_version_1_may_show_a_user_token_too_and_meets_nothing_new_but_fields() -> None:
    hall = Hall(owner=1)
    ann = somebody(hall, "enter", version=1)
    ann.say(JOIN, ROOM, ack=1)
    assert set(ann.answer(1)) == {"ok", "room", "peer_id", "owner", "peers", "peersinfo"}
    assert hall.owner.heard() == ["room-user-join"]


def test_a_moderator_by_grant_is_one_from_the_first_moment() -> None:
    hall = Hall()
    ann = somebody(hall, "moderate")
    ann.say(JOIN, ROOM)
    welcome, asks = ann.read()
    assert welcome.fields["roles"][ann.peer_id] == "moderator"
    assert asks == told(JOIN, peer_id=hall.candidate.peer_id)
    role = told("room-role", peer_id=ann.peer_id, role="moderator", by=None)
    assert hall.member.read() == [told("room-user-join", peer_id=ann.peer_id, **IDENTITY), role]


IDENTITY = {"identity": {"id": "ann", "name": "Ann"}}


def test_the_owner_by_grant_takes_the_room_over() -> None:
    hall = Hall(member=1)
    ann = somebody(hall, "own")
    ann.say(JOIN, ROOM)
    welcome = ann.read()[0].fields
    roles = {hall.owner.peer_id: "moderator", hall.moderator.peer_id: "moderator", ann.peer_id: "owner"}
    assert (welcome["owner"], welcome["roles"]) == (ann.peer_id, roles)
    assert hall.moderator.read()[1:] == [
        told("room-role", peer_id=ann.peer_id, role="owner", by=None),
        told("room-role", peer_id=hall.owner.peer_id, role="moderator", by=None),
    ]
    assert hall.member.read()[1:] == [told("room-owner", peer_id=ann.peer_id)]
    bob = hall.peer(user=user("bob", "own"))
    bob.say(JOIN, ROOM)
    assert bob.read()[0].fields["roles"][bob.peer_id] == "moderator", "nobody takes a room from an equal"
    assert hall.room.owner == ann.peer_id


def test_an_owner_by_grant_finds_its_name_taken_and_asks_instead() -> None:
    hall = Hall()
    ann = somebody(hall, "own")
    ann.say("room-create-request", ROOM)
    assert ann.refused("room-create-reject") == "taken"


def test_a_request_is_taken_back() -> None:
    hall = Hall()
    hall.candidate.say("room-join-cancel", ROOM, ack=1)
    assert hall.candidate.answer(1) == {"ok": True, "room": ROOM}
    assert hall.candidate.answer(99)["code"] == "not-pending"
    gone = told("room-join-gone", peer_id=hall.candidate.peer_id, reason="cancelled", by=None)
    assert hall.read() == [[gone], [gone], [], [], []]
    hall.candidate.say("room-join-cancel", ROOM)
    assert hall.candidate.refused("request-reject") == "not-pending"
    hall.candidate.say(JOIN, ROOM)
    hall.candidate.say("room-leave-request", ROOM)
    assert hall.owner.read()[-1].fields["reason"] == "cancelled", "as version 1 does it"


def test_hosts_hear_how_every_request_ends() -> None:
    hall = Hall()
    reasons = []
    for act in (
        lambda other: hall.owner.say("room-join-accept", ROOM, other.peer_id),
        lambda other: hall.moderator.say("room-join-reject", ROOM, other.peer_id),
        lambda other: other.close(for_good=True),
        lambda other: other.close("lost"),
    ):
        other = hall.peer()
        other.say(JOIN, ROOM)
        act(other)
        [gone] = [one.fields for one in hall.owner.read() if one.event == "room-join-gone"]
        reasons.append((gone["reason"], gone["by"]))
    by = (hall.owner.peer_id, hall.moderator.peer_id)
    assert reasons == [("accepted", by[0]), ("rejected", by[1]), ("left", None), ("lost", None)]


def test_two_hosts_decide_one_request_once() -> None:
    hall = Hall()
    hall.moderator.say("room-join-reject", ROOM, hall.candidate.peer_id)
    hall.owner.say("room-join-accept", ROOM, hall.candidate.peer_id)
    assert [one.fields.get("code") for one in hall.owner.read()] == [None, "not-pending"]
    assert hall.candidate.heard() == ["room-join-reject"]


def test_an_acceptance_for_an_old_room_lets_nobody_into_a_new_one() -> None:
    hall = Hall()
    hall.owner.say("room-close-request", ROOM)
    hall.stranger.say("room-create-request", ROOM)
    hall.read()
    hall.owner.say("room-join-accept", ROOM, hall.candidate.peer_id)
    assert hall.owner.refused("request-reject") == "not-owner"
    assert list(hall.room.members) == [hall.stranger.peer_id]


def test_a_waiting_candidate_is_told_what_the_room_says() -> None:
    hall = Hall()
    hall.owner.say("room-policy-request", ROOM, policy={"waiting_text": "five minutes"})
    hall.stranger.say(JOIN, ROOM)
    assert hall.stranger.read() == [told("room-join-wait", text="five minutes")]


def test_those_who_wait_go_on_waiting_when_a_room_closes_its_door() -> None:
    hall = Hall()
    hall.owner.say("room-policy-request", ROOM, policy={"admission": "closed"})
    hall.read()
    hall.candidate.say(JOIN, ROOM)
    assert hall.candidate.refused("room-join-reject") == "closed"
    hall.owner.say("room-join-accept", ROOM, hall.candidate.peer_id)
    assert hall.candidate.heard() == ["room-join-accept"]


def test_new_grants_count_for_what_is_asked_from_then_on() -> None:
    hall = Hall()
    ann = somebody(hall, "knock")
    ann.say("room-create-request", "den")
    assert ann.refused("room-create-reject") == "forbidden"
    ann.authenticate(version=2, user=User("ann", "", 5, NEVER, {"den": "own"}))
    ann.say("room-create-request", "den")
    assert ann.heard() == ["auth-accept", "room-create-accept"]
    ann.authenticate(version=2, user=User("ann", "", 4, NEVER, {"den": "knock"}))
    ann.say("room-close-request", "den")
    ann.say("room-create-request", "den")
    assert ann.heard()[-1] == "room-create-accept", "an older token takes nothing away"


def test_one_identity_cannot_become_another() -> None:
    hall = Hall()
    ann = somebody(hall, "own")
    for other in (user("bob", "own"), None):
        ann.authenticate(version=2, user=other)
        assert ann.refused("auth-reject") == "unauthorized"


def test_an_anonymous_peer_asks_as_ever() -> None:
    world = World()
    old, ann = world.peer(), world.peer(version=2)
    old.say("room-create-request", "r")
    ann.say(JOIN, "r")
    assert old.heard()[-1] == JOIN
