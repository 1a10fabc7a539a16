import pytest

from tests.broker.world import Told, World

DECISIONS = ("room-join-accept", "room-join-reject")


def test_the_owner_is_asked_and_nobody_else() -> None:
    world = World()
    owner, member, candidate = world.peer("g1"), world.peer("g2"), world.peer("g2", peerinfo={"name": "c"})
    world.room(owner, member)
    candidate.say("room-join-request", "room", payload="please", ack=1)
    asked = {"room": "room", "peer_id": candidate.peer_id, "peerinfo": {"name": "c"}, "payload": "please"}
    assert owner.read() == [Told("room-join-request", asked)]
    assert not member.read()
    assert not candidate.read()
    assert not candidate.acks, "the outcome is not final yet"


def test_who_is_accepted_gets_the_room_and_the_others_get_the_newcomer() -> None:
    world = World()
    owner, member = world.peer("g1", peerinfo="o"), world.peer("g2")
    candidate = world.peer("g2", peerinfo="c")
    world.room(owner, member)
    candidate.say("room-join-request", "room", ack=1)
    owner.read()
    owner.say("room-join-accept", "room", candidate.peer_id, payload="hi", ack=2)
    welcome = {
        "room": "room",
        "peer_id": candidate.peer_id,
        "owner": owner.peer_id,
        "peers": [owner.peer_id, member.peer_id],
        "peersinfo": {owner.peer_id: "o", member.peer_id: None},
        "payload": "hi",
    }
    assert candidate.read() == [Told("room-join-accept", welcome)]
    assert candidate.acks == {1: [{"ok": True, **welcome}]}
    joined = {"room": "room", "peer_id": candidate.peer_id, "peerinfo": "c", "payload": "hi"}
    assert owner.read() == member.read() == [Told("room-user-join", joined)]
    assert owner.acks == {2: [{"ok": True, "room": "room", "peer_id": candidate.peer_id}]}


def test_who_is_rejected_hears_so_and_may_ask_again() -> None:
    world = World()
    owner, candidate = world.peer(), world.peer()
    world.room(owner)
    candidate.say("room-join-request", "room", ack=1)
    owner.say("room-join-reject", "room", candidate.peer_id, payload="no", ack=2)
    [told] = candidate.read()
    assert told.event == "room-join-reject"
    assert told.fields["message"] == "Room owner rejected your request"
    assert (told.fields["room"], told.fields["peer_id"]) == ("room", candidate.peer_id)
    assert told.fields["payload"] == "no"
    assert [answer["ok"] for answer in candidate.acks[1]] == [False]
    assert [answer["ok"] for answer in owner.acks[2]] == [True]
    owner.read()
    candidate.say("room-join-request", "room")
    assert owner.heard() == ["room-join-request"]


@pytest.mark.parametrize("decision", DECISIONS)
def test_only_the_owner_decides(decision: str) -> None:
    world = World()
    owner, member, candidate, stranger = (world.peer() for _ in range(4))
    world.room(owner, member)
    candidate.say("room-join-request", "room")
    owner.read()
    for other in (member, candidate, stranger):
        other.say(decision, "room", candidate.peer_id, ack=1)
        assert other.refused("request-reject") == "not-owner"
        assert other.acks[1][0]["code"] == "not-owner"
    assert candidate.peer_id not in world.core.state.rooms["room"].members
    assert candidate.peer_id in world.core.state.rooms["room"].pending
    assert not owner.read()


@pytest.mark.parametrize("decision", DECISIONS)
def test_only_who_waits_is_decided_on(decision: str) -> None:
    world = World()
    owner, member, stranger = (world.peer() for _ in range(3))
    world.room(owner, member)
    for other in (stranger.peer_id, member.peer_id, owner.peer_id, "nobody"):
        owner.say(decision, "room", other)
        assert owner.refused("request-reject") == "not-pending"
    assert not stranger.read()
    assert not member.read()


@pytest.mark.parametrize("decision", DECISIONS)
def test_a_request_is_decided_on_once(decision: str) -> None:
    world = World()
    owner, candidate = world.peer(), world.peer()
    world.room(owner)
    candidate.say("room-join-request", "room")
    owner.say(decision, "room", candidate.peer_id)
    owner.read()
    owner.say(decision, "room", candidate.peer_id)
    assert owner.refused("request-reject") == "not-pending"


@pytest.mark.parametrize("decision", DECISIONS)
def test_a_former_owner_decides_nothing(decision: str) -> None:
    world = World()
    owner, member, candidate = (world.peer() for _ in range(3))
    world.room(owner, member)
    candidate.say("room-join-request", "room")
    owner.say("room-leave-request", "room")
    owner.read()
    owner.say(decision, "room", candidate.peer_id)
    assert owner.refused("request-reject") == "not-owner"


def test_a_room_that_is_not_there_cannot_be_joined_or_ruled() -> None:
    world = World()
    peer = world.peer()
    peer.say("room-join-request", "room", payload=[1])
    [told] = peer.read()
    assert (told.event, told.fields["code"]) == ("room-join-reject", "not-found")
    assert (told.fields["room"], told.fields["payload"]) == ("room", [1])
    peer.say("room-join-accept", "room", "someone")
    assert peer.refused("request-reject") == "not-found"


def test_a_name_made_up_of_another_rooms_hears_nothing_of_it() -> None:
    world = World()
    owner, listener, candidate = (world.peer() for _ in range(3))
    world.room(owner)
    world.room(listener, name="room-owners")
    candidate.say("room-join-request", "room")
    assert owner.heard() == ["room-join-request"]
    assert not listener.read()


def test_a_member_is_told_again_what_it_knows() -> None:
    world = World()
    owner, member = world.peer(), world.peer()
    world.room(owner, member)
    member.say("room-join-request", "room", ack=5, payload="x")
    [told] = member.read()
    assert (told.event, told.fields["peers"], told.fields["payload"]) == ("room-join-accept", [owner.peer_id], "x")
    assert [answer["ok"] for answer in member.acks[5]] == [True]
    assert not owner.read()


def test_asking_again_reminds_the_owner_and_each_acknowledgement_is_answered() -> None:
    world = World()
    owner, candidate = world.peer(), world.peer()
    world.room(owner)
    candidate.say("room-join-request", "room", ack=1, payload="first")
    candidate.say("room-join-request", "room", ack=2, payload="second")
    assert [told.fields["payload"] for told in owner.read()] == ["first", "second"]
    owner.say("room-join-accept", "room", candidate.peer_id)
    assert candidate.heard() == ["room-join-accept"]
    assert {ack: len(answers) for ack, answers in candidate.acks.items()} == {1: 1, 2: 1}


def test_a_full_room_takes_nobody_in() -> None:
    world = World(peers_per_room=2)
    owner, candidate, late = (world.peer() for _ in range(3))
    world.room(owner)
    for waiting in (candidate, late):
        waiting.say("room-join-request", "room")
    owner.say("room-join-accept", "room", candidate.peer_id)
    owner.read()
    owner.say("room-join-accept", "room", late.peer_id)
    assert owner.refused("request-reject") == "full"
    late.say("room-join-request", "room")
    assert late.refused("room-join-reject") == "full"
    candidate.say("room-leave-request", "room")
    owner.read()
    owner.say("room-join-accept", "room", late.peer_id)
    assert late.heard() == ["room-join-accept"]


def test_a_peer_is_not_let_into_more_rooms_than_it_may_be_in() -> None:
    world = World(rooms_per_peer=1)
    owner, candidate = world.peer(), world.peer()
    world.room(owner)
    candidate.say("room-join-request", "room")
    candidate.say("room-create-request", "its own")
    owner.read()
    owner.say("room-join-accept", "room", candidate.peer_id)
    assert owner.refused("request-reject") == "full"


def test_the_pending_requests_of_a_peer_are_bounded() -> None:
    world = World(pending_per_peer=2)
    owner, candidate = world.peer(), world.peer()
    for name in "abc":
        world.room(owner, name=name)
    for name in "ab":
        candidate.say("room-join-request", name)
    assert candidate.heard() == []
    candidate.say("room-join-request", "c")
    assert candidate.refused("room-join-reject") == "too-many-requests"
    owner.say("room-join-reject", "a", candidate.peer_id)
    candidate.read()
    candidate.say("room-join-request", "c")
    assert candidate.heard() == []


def test_the_acknowledgements_of_one_request_are_bounded() -> None:
    world = World(pending_per_peer=3)
    owner, candidate = world.peer(), world.peer()
    world.room(owner)
    for ack in range(5):
        candidate.say("room-join-request", "room", ack=ack)
    assert [answers[0]["code"] for answers in candidate.acks.values()] == ["too-many-requests"] * 2
    owner.say("room-join-accept", "room", candidate.peer_id)
    assert {ack: len(answers) for ack, answers in candidate.acks.items()} == dict.fromkeys(range(5), 1)


def test_who_leaves_while_waiting_can_no_longer_be_admitted() -> None:
    world = World()
    owner, candidate = world.peer(), world.peer()
    world.room(owner)
    candidate.say("room-join-request", "room")
    owner.read()
    candidate.close()
    owner.say("room-join-accept", "room", candidate.peer_id)
    assert owner.refused("request-reject") == "not-pending"


def test_a_candidate_can_take_its_request_back() -> None:
    world = World()
    owner, candidate = world.peer(), world.peer()
    world.room(owner)
    candidate.say("room-join-request", "room", ack=1)
    candidate.say("room-leave-request", "room", ack=2)
    assert candidate.heard() == ["room-leave-accept"]
    assert [(answer["ok"], answer.get("code")) for ack in (1, 2) for answer in candidate.acks[ack]] == [
        (False, "not-pending"),
        (True, None),
    ]
    owner.read()
    owner.say("room-join-accept", "room", candidate.peer_id)
    assert owner.refused("request-reject") == "not-pending"
    candidate.say("room-join-request", "room")
    owner.read()
    owner.say("room-join-accept", "room", candidate.peer_id)
    assert candidate.heard() == ["room-join-accept"]
