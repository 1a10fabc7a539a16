import json

import pytest

from tests.broker.world import RELAYED, World


@pytest.mark.parametrize("event", RELAYED)
def test_a_roommate_gets_the_frame_as_it_came(event: str) -> None:
    world = World()
    sender, receiver, third = world.peer("g1"), world.peer("g2"), world.peer("g2")
    world.room(sender, receiver, third)
    before = len(receiver.frames)
    sent = sender.said(event, "room", receiver.peer_id, ack=4, payload={"sdp": "ü 😀 \u2028"})
    sender.gateway.send(sent)
    assert receiver.frames[before:] == [sent.body]
    assert json.loads(sent.body[2:])[0] == RELAYED[event]
    assert sender.acks == {4: [{"ok": True}]}
    assert not sender.read()
    assert not third.read()


@pytest.mark.parametrize("event", RELAYED)
def test_nobody_but_a_roommate_is_relayed_to(event: str) -> None:
    world = World()
    sender, roommate, stranger, candidate = (world.peer() for _ in range(4))
    world.room(sender, roommate)
    world.room(stranger, name="other")
    candidate.say("room-join-request", "room")
    sender.read()
    for room, to in (
        ("room", stranger.peer_id),
        ("room", candidate.peer_id),
        ("room", sender.peer_id),
        ("room", "nobody"),
        ("other", stranger.peer_id),
        ("other", roommate.peer_id),
        ("no such room", roommate.peer_id),
    ):
        sender.say(event, room, to, ack=1, payload="x")
        [refusal] = sender.read()
        assert refusal.fields["code"] == "not-member"
        assert (refusal.fields["event"], refusal.fields["room"]) == (event, room)
        assert (refusal.fields["peer_id"], refusal.fields["payload"]) == (to, "x")
    assert len(sender.acks[1]) == 7
    assert not any(peer.read() for peer in (roommate, stranger, candidate))


@pytest.mark.parametrize("event", RELAYED)
def test_who_only_waits_for_a_room_relays_to_nobody_in_it(event: str) -> None:
    world = World()
    owner, candidate = world.peer(), world.peer()
    world.room(owner)
    candidate.say("room-join-request", "room")
    owner.read()
    candidate.say(event, "room", owner.peer_id, payload="x")
    assert candidate.refused("request-reject") == "not-member"
    assert not owner.read()


def test_whether_a_stranger_exists_is_not_given_away() -> None:
    world = World()
    sender, stranger = world.peer(), world.peer()
    world.room(sender)
    answers = []
    for to in (stranger.peer_id, "nobody"):
        sender.say("relay-ice-candidate", "room", to, payload="x")
        [refusal] = sender.read()
        del refusal.fields["peer_id"]
        answers.append(refusal)
    assert answers[0] == answers[1]


def test_what_one_peer_sends_arrives_in_order() -> None:
    world = World()
    sender, receiver = world.peer("g1"), world.peer("g2")
    world.room(sender, receiver)
    entries = [sender.said("relay-ice-candidate", "room", receiver.peer_id, payload=number) for number in range(20)]
    sender.gateway.send(*entries[:7])
    sender.gateway.send(*entries[7:])
    assert [told.fields["ice_candidate"] for told in receiver.read()] == list(range(20))
