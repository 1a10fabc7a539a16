"""What hosts can do, what follows for whom, and what nobody can do to an equal."""

from typing import Any

import pytest

from broker.core.bans import MOST_BANS
from tests.broker.core.rules.hall import ROOM, Hall, told, user
from tests.broker.world import Socket

ROLE = "room-role-request"
KICK = "room-kick-request"


def refusal(socket: Socket) -> str:
    return socket.refused("request-reject")


# -- roles


def test_everybody_is_told_of_a_role_and_a_new_host_of_those_who_wait() -> None:
    hall = Hall()
    hall.owner.say(ROLE, ROOM, hall.member.peer_id, ack=1, role="moderator")
    news = told("room-role", peer_id=hall.member.peer_id, role="moderator", by=hall.owner.peer_id)
    asks = told("room-join-request", peer_id=hall.candidate.peer_id)
    assert hall.read() == [[news], [news], [news, asks], [], []]
    assert hall.owner.answer(1) == {"ok": True, "room": ROOM, "peer_id": hall.member.peer_id, "role": "moderator"}


def test_a_room_changes_hands() -> None:
    hall = Hall()
    hall.owner.say(ROLE, ROOM, hall.member.peer_id, role="owner")
    new, old = hall.member.peer_id, hall.owner.peer_id
    news = [
        told("room-role", peer_id=new, role="owner", by=old),
        told("room-role", peer_id=old, role="moderator", by=old),
    ]
    asks = told("room-join-request", peer_id=hall.candidate.peer_id)
    assert hall.read() == [news, news, [*news, asks], [], []]
    assert hall.room.owner == new
    hall.owner.say(ROLE, ROOM, hall.moderator.peer_id, role="member")
    assert refusal(hall.owner) == "not-owner"


def test_version_1_hears_of_the_owner_as_ever() -> None:
    hall = Hall(member=1, moderator=1)
    hall.owner.say(ROLE, ROOM, hall.moderator.peer_id, role="owner")
    assert hall.read()[1:3] == [[told("room-owner", peer_id=hall.moderator.peer_id)]] * 2


def test_a_moderator_of_version_1_decides_on_candidates() -> None:
    hall = Hall(moderator=1)
    other = hall.peer()
    other.say("room-join-request", ROOM)
    assert hall.moderator.read() == [told("room-join-request", peer_id=other.peer_id)]
    hall.moderator.say("room-join-accept", ROOM, other.peer_id)
    assert other.peer_id in hall.room.members


def test_a_role_that_is_had_already_is_given_without_a_word() -> None:
    hall = Hall()
    for peer, role in ((hall.owner, "owner"), (hall.moderator, "moderator"), (hall.member, "member")):
        hall.owner.say(ROLE, ROOM, peer.peer_id, ack=1, role=role)
        assert hall.owner.answer(1)["ok"]
    assert hall.read() == [[]] * 5


def test_an_owner_stays_until_somebody_else_is_it() -> None:
    hall = Hall()
    hall.owner.say(ROLE, ROOM, hall.owner.peer_id, role="member")
    assert refusal(hall.owner) == "forbidden"


def test_roles_are_for_members() -> None:
    hall = Hall()
    for other in (hall.candidate, hall.stranger):
        hall.owner.say(ROLE, ROOM, other.peer_id, role="moderator")
        assert refusal(hall.owner) == "not-member"


def test_the_eldest_moderator_inherits_or_else_the_eldest_member() -> None:
    hall = Hall()
    hall.owner.say(ROLE, ROOM, hall.moderator.peer_id, role="member")
    hall.owner.say(ROLE, ROOM, hall.member.peer_id, role="moderator")
    hall.read()
    hall.owner.say("room-leave-request", ROOM)
    assert hall.room.owner == hall.member.peer_id
    assert hall.moderator.read()[-1] == told("room-role", peer_id=hall.member.peer_id, role="owner", by=None)
    hall.member.say("room-leave-request", ROOM)
    assert hall.room.owner == hall.moderator.peer_id
    assert hall.moderator.heard() == ["room-user-leave", "room-role", "room-join-request"]


def test_a_room_can_end_with_its_owner() -> None:
    hall = Hall(member=1)
    hall.owner.say("room-policy-request", ROOM, policy={"owner_leaves": "close"})
    hall.read()
    hall.owner.close(for_good=True)
    assert ROOM not in hall.world.core.state.rooms
    assert hall.moderator.read()[-1] == told("room-closed")
    assert hall.member.heard() == ["room-user-leave", "room-user-leave", "room-closed"]
    assert hall.candidate.refused("room-join-reject") == "not-found"


# -- kicks and bans


def test_a_kick_is_told_to_the_one_and_to_the_others() -> None:
    hall = Hall()
    hall.moderator.say(KICK, ROOM, hall.member.peer_id, ack=1, text="be nice")
    by = hall.moderator.peer_id
    left = told("room-user-leave", peer_id=hall.member.peer_id, reason="kicked")
    gone = told("room-kicked", by=by, text="be nice", banned_until=None)
    assert hall.read() == [[left], [left], [gone], [], []]
    assert hall.moderator.answer(1)["ok"]
    hall.member.say("room-join-request", ROOM)
    assert hall.owner.heard() == ["room-join-request"]


def test_to_version_1_a_kick_is_the_end_of_the_room() -> None:
    hall = Hall(member=1)
    hall.owner.say(KICK, ROOM, hall.member.peer_id)
    assert hall.member.read() == [
        told("room-user-leave", peer_id=hall.owner.peer_id, reason="closed"),
        told("room-user-leave", peer_id=hall.moderator.peer_id, reason="closed"),
        told("room-closed"),
    ]


def test_nothing_of_the_kicked_takes_effect_any_more() -> None:
    hall = Hall()
    hall.owner.say(KICK, ROOM, hall.member.peer_id)
    hall.read()
    hall.member.say("relay-ice-candidate", ROOM, hall.owner.peer_id, payload=1)
    assert refusal(hall.member) == "not-member"
    assert not hall.owner.read()


def test_nobody_is_put_out_by_an_equal() -> None:
    hall = Hall()
    for target in (hall.owner, hall.moderator):
        hall.moderator.say(KICK, ROOM, target.peer_id)
        assert refusal(hall.moderator) == "forbidden"
    hall.owner.say(KICK, ROOM, hall.owner.peer_id)
    assert refusal(hall.owner) == "forbidden"
    hall.owner.say(KICK, ROOM, hall.moderator.peer_id)
    assert hall.moderator.heard() == ["room-kicked"]


def test_a_ban_lasts_its_time() -> None:
    hall = Hall()
    hall.owner.say(KICK, ROOM, hall.member.peer_id, ack=1, ban=60)
    until = hall.world.now + 60
    assert hall.owner.answer(1)["banned_until"] == until
    assert hall.member.read()[0].fields["banned_until"] == until
    hall.member.say("room-join-request", ROOM)
    assert hall.member.refused("room-join-reject") == "banned"
    hall.world.now = until
    hall.member.say("room-join-request", ROOM)
    assert hall.member.heard() == ["room-join-wait"]


def test_a_ban_for_good_lasts_as_long_as_the_room() -> None:
    hall = Hall()
    hall.owner.say(KICK, ROOM, hall.member.peer_id, ban=True)
    assert hall.member.read()[0].fields["banned_until"] is True
    hall.world.now += 10**6
    hall.member.say("room-join-request", ROOM)
    assert hall.member.refused("room-join-reject") == "banned"
    hall.owner.say("room-close-request", ROOM)
    hall.stranger.say("room-create-request", ROOM)
    hall.member.say("room-join-request", ROOM)
    assert hall.member.heard() == ["room-join-wait"]


def test_a_ban_holds_the_identity_on_all_its_devices() -> None:
    hall = Hall()
    devices = [hall.peer(user=user("eve", "knock")) for _ in range(3)]
    for device in devices[:2]:
        device.say("room-join-request", ROOM, ack=1)
    hall.owner.say("room-join-accept", ROOM, devices[0].peer_id)
    for device in devices:
        device.read()
    hall.moderator.say(KICK, ROOM, devices[0].peer_id, ban=True)
    assert devices[0].heard() == ["room-kicked"]
    assert devices[1].heard() == ["room-kicked", "room-join-reject"], "it was waiting"
    assert devices[1].answer(1)["code"] == "banned"
    devices[2].say("room-join-request", ROOM)
    assert devices[2].refused("room-join-reject") == "banned"


def test_the_owner_cannot_be_banned_by_way_of_another_device() -> None:
    hall = Hall()
    first, second = (hall.peer(user=user("eve", "create")) for _ in range(2))
    first.say("room-create-request", "den")
    second.say("room-join-request", "den")
    first.say("room-join-accept", "den", second.peer_id)
    first.read()
    first.say(KICK, "den", second.peer_id, ban=True)
    assert refusal(first) == "forbidden"
    first.say(KICK, "den", second.peer_id)
    assert second.heard()[-1] == "room-kicked"


def test_one_who_waits_can_be_banned_and_not_merely_kicked() -> None:
    hall = Hall()
    hall.owner.say(KICK, ROOM, hall.candidate.peer_id)
    assert refusal(hall.owner) == "not-member"
    hall.owner.say(KICK, ROOM, hall.candidate.peer_id, ban=True)
    assert hall.candidate.heard() == ["room-kicked", "room-join-reject"]
    gone = told("room-join-gone", peer_id=hall.candidate.peer_id, reason="rejected", by=hall.owner.peer_id)
    assert hall.read()[0][-1] == gone


def test_an_unban_lets_one_ask_again() -> None:
    hall = Hall()
    eve = hall.peer(user=user("eve", "knock"))
    eve.say("room-join-request", ROOM)
    hall.owner.say(KICK, ROOM, eve.peer_id, ban=True)
    hall.owner.say(KICK, ROOM, hall.member.peer_id, ban=True)
    hall.read(), eve.read()
    hall.owner.say("room-unban-request", ROOM, id="eve", ack=1)
    assert hall.owner.answer(1) == {"ok": True, "room": ROOM, "id": "eve"}
    hall.owner.say("room-unban-request", ROOM, hall.member.peer_id, ack=2)
    assert hall.owner.answer(2) == {"ok": True, "room": ROOM, "peer_id": hall.member.peer_id}
    for socket in (eve, hall.member):
        socket.say("room-join-request", ROOM)
        assert socket.heard() == ["room-join-wait"]
    hall.owner.read()
    hall.owner.say("room-unban-request", ROOM)
    assert refusal(hall.owner) == "bad-request"


def test_only_the_owner_lifts_what_the_owner_has_said() -> None:
    hall = Hall()
    hall.owner.say(KICK, ROOM, hall.member.peer_id, ban=True)
    hall.read()
    hall.moderator.say("room-unban-request", ROOM, hall.member.peer_id)
    assert refusal(hall.moderator) == "forbidden"


def test_a_host_by_grant_is_locked_out_by_the_owner_alone() -> None:
    hall = Hall()
    boss = hall.peer(user=user("boss", "moderate"))
    boss.say("room-join-request", ROOM)
    hall.owner.say(ROLE, ROOM, boss.peer_id, role="member")
    hall.moderator.say(KICK, ROOM, boss.peer_id, ban=True)
    boss.read()
    boss.say("room-join-request", ROOM)
    assert boss.heard() == ["room-join-accept", "room-join-request"], "a host again"
    hall.owner.say(KICK, ROOM, boss.peer_id, ban=True)
    boss.read()
    boss.say("room-join-request", ROOM)
    assert boss.refused("room-join-reject") == "banned"


def test_bans_are_bounded() -> None:
    hall = Hall()
    for number in range(MOST_BANS):
        socket = hall.peer(user=user(f"u{number}", "knock"))
        socket.say("room-join-request", ROOM)
        hall.owner.say(KICK, ROOM, socket.peer_id, ban=60)
    hall.read()
    hall.owner.say(KICK, ROOM, hall.member.peer_id, ban=True)
    assert refusal(hall.owner) == "full"
    assert hall.member.peer_id in hall.room.members, "nothing is half done"
    hall.world.now += 61
    hall.owner.say(KICK, ROOM, hall.member.peer_id, ban=True)
    assert len(hall.room.bans) == 1


# -- policy and end


def test_everybody_is_told_of_the_whole_policy() -> None:
    hall = Hall()
    hall.moderator.say("room-policy-request", ROOM, ack=1, policy={"waiting_text": "soon", "max_peers": 5})
    policy = {"admission": "ask", "max_peers": 5, "owner_leaves": "pass", "waiting_text": "soon", "history": 0}
    news = told("room-policy", policy=policy, by=hall.moderator.peer_id)
    assert hall.read() == [[news], [news], [news], [], []]
    assert hall.moderator.answer(1) == {"ok": True, "room": ROOM, "policy": policy}
    hall.moderator.say("room-policy-request", ROOM, ack=2, policy={"max_peers": 5})
    assert hall.moderator.answer(2)["ok"]
    assert hall.read() == [[]] * 5, "nothing has changed"


def test_an_open_room_lets_in_those_who_wait_in_order() -> None:
    hall = Hall()
    late = hall.peer()
    late.say("room-join-request", ROOM, ack=1)
    hall.read()
    hall.moderator.say("room-policy-request", ROOM, policy={"admission": "open"})
    assert list(hall.room.members)[-2:] == [hall.candidate.peer_id, late.peer_id]
    assert hall.candidate.heard() == ["room-join-accept", "room-user-join"]
    assert late.answer(1)["ok"]
    accepted = [one.fields for one in hall.owner.read() if one.event == "room-join-gone"]
    assert [(one["reason"], one["by"]) for one in accepted] == [("accepted", hall.moderator.peer_id)] * 2


def test_an_open_room_lets_in_as_many_as_there_is_room_for() -> None:
    hall = Hall()
    late = hall.peer()
    late.say("room-join-request", ROOM)
    hall.owner.say("room-policy-request", ROOM, policy={"admission": "open", "max_peers": 4})
    assert hall.candidate.peer_id in hall.room.members
    assert late.peer_id in hall.room.pending


def test_the_owner_ends_the_room() -> None:
    hall = Hall(member=1)
    hall.owner.say("room-close-request", ROOM, ack=1, text="good night")
    closed = told("room-closed", by=hall.owner.peer_id, text="good night")
    assert hall.owner.read() == hall.moderator.read() == [closed]
    assert hall.member.read()[-1] == closed
    assert hall.owner.answer(1)["ok"]
    assert hall.candidate.refused("room-join-reject") == "not-found"
    assert hall.candidate.answer(99)["code"] == "not-found"


# -- who may


@pytest.mark.parametrize(
    ("event", "own"),
    [
        (ROLE, {"role": "moderator"}),
        (KICK, {}),
        ("room-unban-request", {"id": "x"}),
        ("room-policy-request", {"policy": {}}),
        ("room-close-request", {}),
    ],
)
def test_strangers_learn_nothing_and_members_may_not(event: str, own: dict[str, Any]) -> None:
    hall = Hall()
    owners = event in (ROLE, "room-close-request")
    for socket in (hall.stranger, hall.candidate):
        for room in (ROOM, "no such room"):
            socket.say(event, room, hall.moderator.peer_id, **own)
            assert refusal(socket) == "not-member"
    hall.member.say(event, ROOM, hall.moderator.peer_id, **own)
    assert refusal(hall.member) == ("not-owner" if owners else "forbidden")
    hall.moderator.say(event, ROOM, hall.member.peer_id, **own)
    codes = [one.fields["code"] for one in hall.moderator.read() if "code" in one.fields]
    assert codes == (["not-owner"] if owners else [])


@pytest.mark.parametrize("event", [ROLE, KICK, "room-policy-request", "room-close-request", "room-join-cancel"])
def test_for_version_1_there_are_no_such_events(event: str) -> None:
    hall = Hall(owner=1)
    hall.owner.say(event, ROOM, hall.member.peer_id)
    assert refusal(hall.owner) == "bad-request"
