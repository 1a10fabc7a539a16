from tests.broker.world import Told, World


def test_the_first_to_ask_for_a_name_gets_the_room() -> None:
    world = World()
    first, second = world.peer("g1"), world.peer("g2")
    first.say("room-create-request", "room", payload={"a": 1}, ack=1)
    second.say("room-create-request", "room", payload="mine", ack=2)
    assert first.read() == [Told("room-create-accept", {"room": "room", "payload": {"a": 1}})]
    assert first.acks == {1: [{"ok": True, "room": "room", "payload": {"a": 1}}]}
    [refusal] = second.read()
    assert refusal.event == "room-create-reject"
    assert refusal.fields["code"] == second.acks[2][0]["code"] == "taken"
    assert refusal.fields["payload"] == "mine"
    assert second.acks[2][0]["ok"] is False
    assert world.core.state.rooms["room"].owner == first.peer_id


def test_an_owner_that_asks_again_is_told_again_that_the_room_is_its_own() -> None:
    """Its client may not have got the first answer."""
    world = World()
    owner, member = world.peer(), world.peer()
    world.room(owner, member)
    owner.say("room-create-request", "room", ack=1, payload="again")
    [told] = owner.read()
    assert (told.event, told.fields) == ("room-create-accept", {"room": "room", "payload": "again"})
    assert owner.acks[1][0]["ok"] is True
    assert list(world.core.state.rooms["room"].members) == [owner.peer_id, member.peer_id]
    member.say("room-create-request", "room")
    assert member.refused("room-create-reject") == "taken"


def test_a_peer_creates_as_many_rooms_as_it_may_be_in() -> None:
    world = World(rooms_per_peer=2)
    peer = world.peer()
    for name in ("a", "b"):
        peer.say("room-create-request", name)
    assert peer.heard() == ["room-create-accept"] * 2
    peer.say("room-create-request", "c")
    assert peer.refused("room-create-reject") == "full"
    peer.say("room-leave-request", "a")
    peer.say("room-create-request", "c")
    assert peer.heard() == ["room-leave-accept", "room-create-accept"]


def test_apps_meet_in_one_room_unless_they_are_kept_apart() -> None:
    for apart, answer in ((False, "room-create-reject"), (True, "room-create-accept")):
        world = World(scope_by_app=apart)
        one, other = world.peer(app="one"), world.peer(app="other")
        one.say("room-create-request", "room")
        other.say("room-create-request", "room")
        assert other.heard() == [answer]


def test_apps_kept_apart_cannot_reach_each_others_rooms() -> None:
    world = World(scope_by_app=True)
    one, other = world.peer(app="one"), world.peer(app="other")
    world.room(one)
    other.say("room-join-request", "room")
    assert other.refused("room-join-reject") == "not-found"
    other.say("room-leave-request", "room")
    assert other.refused("request-reject") == "not-member"
    other.say("relay-ice-candidate", "room", one.peer_id)
    assert other.refused("request-reject") == "not-member"
    assert not one.read()


def test_a_member_that_leaves_is_told_so_and_the_others_are() -> None:
    world = World()
    owner, member, third = world.peer("g1"), world.peer("g2", peerinfo={"name": "m"}), world.peer("g1")
    world.room(owner, member, third)
    member.say("room-leave-request", "room", payload="bye", ack=7)
    assert member.read() == [Told("room-leave-accept", {"room": "room", "payload": "bye"})]
    assert member.acks == {7: [{"ok": True, "room": "room", "payload": "bye"}]}
    left = {"room": "room", "peer_id": member.peer_id, "peerinfo": {"name": "m"}, "reason": "left", "payload": "bye"}
    assert owner.read() == third.read() == [Told("room-user-leave", left)]


def test_who_is_not_in_a_room_cannot_leave_it() -> None:
    world = World()
    owner, stranger = world.peer(), world.peer()
    world.room(owner)
    for name in ("room", "no such room"):
        stranger.say("room-leave-request", name)
        [refusal] = stranger.read()
        assert (refusal.event, refusal.fields["event"]) == ("request-reject", "room-leave-request")
        assert (refusal.fields["code"], refusal.fields["room"]) == ("not-member", name)
    assert not owner.read()


def test_ownership_goes_to_who_has_been_in_the_room_longest() -> None:
    world = World()
    owner, second, third = (world.peer(gateway) for gateway in ("g1", "g2", "g1"))
    world.room(owner, second, third)
    owner.say("room-leave-request", "room")
    assert owner.heard() == ["room-leave-accept"]
    for member in (second, third):
        told = member.read()
        assert [one.event for one in told] == ["room-user-leave", "room-owner"]
        assert told[1].fields == {"room": "room", "peer_id": second.peer_id}


def test_who_comes_back_into_a_room_is_its_newest_member() -> None:
    world = World()
    owner, second, third = (world.peer() for _ in range(3))
    world.room(owner, second, third)
    second.say("room-leave-request", "room")
    second.say("room-join-request", "room")
    owner.say("room-join-accept", "room", second.peer_id)
    owner.say("room-leave-request", "room")
    assert world.core.state.rooms["room"].owner == third.peer_id


def test_the_new_owner_hears_who_is_waiting() -> None:
    world = World()
    owner, second, candidate = world.peer(), world.peer(), world.peer(peerinfo="c")
    world.room(owner, second)
    candidate.say("room-join-request", "room", payload="please")
    owner.say("room-leave-request", "room")
    told = second.read()
    assert [one.event for one in told] == ["room-user-leave", "room-owner", "room-join-request"]
    asked = {"room": "room", "peer_id": candidate.peer_id, "peerinfo": "c", "payload": "please"}
    assert told[-1].fields == asked
    second.say("room-join-accept", "room", candidate.peer_id)
    assert candidate.heard() == ["room-join-accept"]


def test_a_room_without_members_is_gone_and_who_waits_for_it_hears_so() -> None:
    world = World()
    owner, candidate = world.peer(), world.peer()
    world.room(owner)
    candidate.say("room-join-request", "room", ack=3, payload="please")
    owner.say("room-leave-request", "room")
    [told] = candidate.read()
    assert (told.event, told.fields["code"], told.fields["payload"]) == ("room-join-reject", "not-found", "please")
    assert [answer["code"] for answer in candidate.acks[3]] == ["not-found"]
    assert world.core.state.rooms == {}
    assert candidate.peer_id not in world.core.state.rooms
    candidate.say("room-create-request", "room")
    assert candidate.heard() == ["room-create-accept"]
