"""Messages: whom they reach, what they say, and what they may cost."""

import pytest

from broker.core.life import LEAST_PART
from broker.core.rules.messages import STALLED
from shared.envelopes.entries import Pace, Tick
from shared.envelopes.levels import RIGHTS
from tests.broker.core.rules.hall import ROOM, Hall, told, user
from tests.broker.invariants import check
from tests.broker.world import Socket, Told, World

SAY = "room-message-request"


def write(sender: Socket, text: object, to: str = "", **own: object) -> None:
    sender.say(SAY, ROOM, to, ack=1, body=text, **own)


def texts(told: list[Told]) -> list[object]:
    """The bodies of the messages in what was read, which is nothing but messages."""
    assert {one.event for one in told} <= {"room-message"}
    return [one.fields["body"] for one in told]


def message(hall: Hall, sender: Socket, body: object, role: str = "member", **fields: object) -> Told:
    """A message that was written now, at the newest position of the log."""
    named = {"id": len(hall.world.log), "peer_id": sender.peer_id, "time": int(hall.world.now * 1000)}
    return told("room-message", **named, role=role, kind="chat", body=body, **fields)


def test_a_message_reaches_all_others_in_the_room() -> None:
    hall = Hall()
    write(hall.member, "hello")
    news = message(hall, hall.member, "hello")
    assert hall.read() == [[news], [news], [], [], []]
    answer = {"ok": True, "room": ROOM, "id": news.fields["id"], "time": news.fields["time"]}
    assert hall.member.answer(1) == answer


def test_it_is_one_delivery_for_each_gateway() -> None:
    hall = Hall()
    for _ in range(3):
        hall.peer().say("room-join-request", ROOM)
    hall.owner.say("room-policy-request", ROOM, policy={"admission": "open"})
    hall.read()
    before = len(hall.world.parcels)
    write(hall.owner, 1)
    emits = [one for _, parcel in hall.world.parcels[before:] for one in parcel.deliveries]
    assert sorted(len(emit.conns) for emit in emits if b"room-message" in emit.frame) == [2, 4]  # type: ignore[union-attr]


def test_it_is_stamped_with_identity_and_role() -> None:
    hall = Hall()
    ann = hall.peer(user=user("ann", "moderate"))
    ann.say("room-join-request", ROOM)
    hall.read()
    write(ann, {"by": "me"}, kind="poll")
    [news] = hall.owner.read()
    assert (news.fields["identity"], news.fields["role"], news.fields["kind"]) == (
        {"id": "ann", "name": "Ann"},
        "moderator",
        "poll",
    )


def test_one_may_be_written_to_alone() -> None:
    hall = Hall()
    write(hall.owner, None, hall.member.peer_id)
    assert hall.read() == [[], [], [message(hall, hall.owner, None, to=hall.member.peer_id, role="owner")], [], []]


def test_the_hosts_may_be_written_to_by_members_and_by_candidates() -> None:
    hall = Hall()
    for sender, role in ((hall.member, "member"), (hall.candidate, "candidate")):
        write(sender, "help", "hosts")
        news = message(hall, sender, "help", to="hosts", role=role)
        assert hall.read() == [[news], [news], [], [], []]
    write(hall.owner, "psst", "hosts")
    assert [len(told) for told in hall.read()] == [0, 1, 0, 0, 0]


@pytest.mark.parametrize("to", ["", "owner", "candidate"])
def test_a_candidate_may_write_to_nobody_else(to: str) -> None:
    hall = Hall()
    write(hall.candidate, "hello", getattr(hall, to).peer_id if to else "")
    assert hall.candidate.refused("request-reject") == "not-member"
    assert not any(hall.read())


def test_those_who_are_not_there_are_strangers() -> None:
    hall = Hall()
    for sender, to in (
        (hall.stranger, ""),
        (hall.stranger, "hosts"),
        (hall.owner, hall.stranger.peer_id),
        (hall.owner, hall.candidate.peer_id),
        (hall.owner, hall.owner.peer_id),
        (hall.owner, "nobody"),
    ):
        write(sender, "hello", to)
        assert sender.refused("request-reject") == "not-member"
    assert not any(hall.read())


def test_version_1_hears_of_no_messages_and_can_send_none() -> None:
    hall = Hall(member=1)
    write(hall.owner, "hello")
    assert hall.member.read() == []
    write(hall.owner, "hello", hall.member.peer_id)
    assert hall.owner.refused("request-reject") == "forbidden"
    write(hall.member, "hello")
    assert hall.member.refused("request-reject") == "bad-request"


def test_before_the_level_there_are_none() -> None:
    hall = Hall(World(level=RIGHTS))
    write(hall.owner, "hello")
    assert hall.owner.refused("request-reject") == "bad-request"
    assert hall.room.life is None


def test_ids_rise_even_within_one_message_of_the_log() -> None:
    hall = Hall()
    said = [hall.owner.said(SAY, ROOM, body=number) for number in range(3)]
    hall.owner.gateway.send(*said)
    write(hall.moderator, 3)
    ids = [one.fields["id"] for one in hall.member.read()]
    assert ids == sorted(set(ids))
    assert len(ids) == 4


# -- those who are away


def test_messages_wait_for_one_who_is_away() -> None:
    hall = Hall()
    away = hall.peer(gateway="g2", resumable=True)
    away.say("room-join-request", ROOM)
    hall.owner.say("room-join-accept", ROOM, away.peer_id)
    away.read()
    away.close("lost")
    for text in ("one", "two"):
        write(hall.owner, text)
    hall.owner.say("room-policy-request", ROOM, policy={"waiting_text": "state is not sent again"})
    back = hall.world.socket()
    back.authenticate(version=2, resume=away.token, received=away.received)
    accepted, *rest = back.read()
    assert accepted.fields["resumed"]
    assert texts(rest) == ["one", "two"]


def test_too_much_for_one_who_is_away_is_refused_and_reaches_nobody() -> None:
    hall = Hall(World(kept_deliveries=3))
    away = hall.peer(gateway="g2", resumable=True)
    away.say("room-join-request", ROOM)
    hall.owner.say("room-join-accept", ROOM, away.peer_id)
    away.close("lost")
    hall.read()
    for number in range(4):
        write(hall.owner, number)
    assert hall.owner.refused("request-reject") == "too-many-requests"
    assert texts(hall.moderator.read()) == [0, 1, 2]
    write(hall.moderator, "others may go on")
    assert texts(hall.owner.read()) == ["others may go on"]
    check(hall.world.core.state, hall.world.limits)


@pytest.mark.parametrize("resumable", [True, False])
def test_one_who_does_not_read_cannot_keep_the_room_from_talking(resumable: bool) -> None:
    hall = Hall(World(kept_deliveries=3))
    stalled = hall.peer(gateway="g2", resumable=resumable)
    stalled.say("room-join-request", ROOM)
    hall.owner.say("room-join-accept", ROOM, stalled.peer_id)
    stalled.gateway.send(Pace(stalled.conn, True))
    for number in range(3):
        write(hall.owner, number)
    write(hall.owner, 3)
    assert hall.owner.acks.pop(1)[-1]["code"] == "too-many-requests", "it may just be slow"
    assert not stalled.closed
    hall.read()
    hall.world.now += STALLED
    write(hall.owner, 3)
    assert (stalled.closed, stalled.may_return) == (True, True)
    if resumable:
        assert hall.owner.refused("request-reject") == "too-many-requests"
        hall.world.now += 30
        hall.world.say(Tick(0))
        write(hall.owner, 3)
    assert stalled.peer_id not in hall.room.members
    assert texts([one for one in hall.moderator.read() if one.event != "room-user-leave"]) == [3]
    check(hall.world.core.state, hall.world.limits)


def test_one_who_did_not_read_comes_back_to_all_that_was_said() -> None:
    hall = Hall(World(kept_deliveries=3))
    stalled = hall.peer(gateway="g2", resumable=True)
    stalled.say("room-join-request", ROOM)
    hall.owner.say("room-join-accept", ROOM, stalled.peer_id)
    write(hall.owner, 0)
    stalled.gateway.send(Pace(stalled.conn, True))
    for number in range(1, 4):
        write(hall.owner, number)
    hall.world.now += STALLED
    write(hall.owner, 4)
    back = hall.world.socket()
    back.authenticate(version=2, resumable=True, resume=stalled.token, received=stalled.received)
    accepted, *rest = back.read()
    assert accepted.fields["resumed"]
    assert texts(rest) == [1, 2, 3]


# -- what newcomers are shown


def shown_to_a_newcomer(hall: Hall) -> list[object]:
    newcomer = hall.peer()
    newcomer.say("room-join-request", ROOM)
    hall.owner.say("room-join-accept", ROOM, newcomer.peer_id)
    accepts = [one for one in newcomer.read() if one.event == "room-join-accept"]
    newcomer.say("room-leave-request", ROOM)
    hall.read()
    check(hall.world.core.state, hall.world.limits)
    return [one["body"] for one in accepts[0].fields["history"]]


def keep(hall: Hall, most: int) -> None:
    hall.owner.say("room-policy-request", ROOM, policy={"history": most})
    hall.read()


def test_by_default_newcomers_are_shown_nothing() -> None:
    hall = Hall()
    write(hall.owner, "before")
    assert shown_to_a_newcomer(hall) == []
    assert hall.room.life.history == []


def test_newcomers_are_shown_as_many_messages_to_all_as_the_policy_says() -> None:
    hall = Hall()
    keep(hall, 3)
    write(hall.owner, "for the hosts", "hosts")
    write(hall.owner, "for one", hall.member.peer_id)
    for number in range(5):
        write(hall.owner, number)
    assert shown_to_a_newcomer(hall) == [2, 3, 4]
    keep(hall, 1)
    assert shown_to_a_newcomer(hall) == [4]
    keep(hall, 0)
    assert hall.room.life.history == []
    assert hall.world.core.state.lively == 0


def test_they_are_shown_what_was_read_at_the_time() -> None:
    hall = Hall()
    keep(hall, 1)
    write(hall.owner, {"n": 1})
    [news] = hall.member.read()
    newcomer = hall.peer()
    newcomer.say("room-join-request", ROOM)
    hall.moderator.say("room-join-accept", ROOM, newcomer.peer_id)
    assert newcomer.read()[-1].fields["history"] == [news.fields]


def test_a_member_that_asks_again_is_shown_what_it_has_not_heard() -> None:
    hall = Hall()
    keep(hall, 9)
    write(hall.owner, "before")
    hall.owner.say("room-join-accept", ROOM, hall.candidate.peer_id)
    write(hall.owner, "after")
    hall.read()
    shown = []
    for asker in (hall.member, hall.candidate):
        asker.say("room-join-request", ROOM)
        shown.append([one["body"] for one in asker.read()[0].fields["history"]])
    assert shown == [[], ["before"]]


def test_one_who_was_let_in_while_it_was_away_is_shown_what_was_said_before_and_told_the_rest() -> None:
    hall = Hall()
    keep(hall, 9)
    away = hall.peer(gateway="g2", resumable=True)
    away.say("room-join-request", ROOM)
    away.read()
    away.close("lost")
    write(hall.owner, "before")
    hall.owner.say("room-join-accept", ROOM, away.peer_id)
    write(hall.owner, "after")
    back = hall.world.socket()
    back.authenticate(version=2, resume=away.token, received=away.received)
    accepted, *rest = back.read()
    assert [one["body"] for one in accepted.fields["rooms"][0]["history"]] == ["before"]
    assert texts(rest) == ["after"]


def test_the_newest_that_fit_are_shown() -> None:
    hall = Hall(World(history_bytes=1000))
    keep(hall, 50)
    for number in range(20):
        write(hall.owner, [number, "x" * 100])
    shown = shown_to_a_newcomer(hall)
    assert [one[0] for one in shown] == list(range(20 - len(shown), 20))  # type: ignore[index]
    assert 2 < len(shown) < 10
    write(hall.owner, "y" * 1000)
    assert shown_to_a_newcomer(hall) == [], "it does not fit, and what came before is older"


def test_the_more_is_kept_of_all_rooms_the_less_of_one() -> None:
    hall = Hall(World(history_bytes=16_000, life_bytes=20_000))
    keep(hall, 50)
    other = hall.peer()
    other.say("room-create-request", "other", policy={"history": 50})
    for _ in range(16):
        other.say(SAY, "other", body="x" * 900)
    for number in range(50):
        write(hall.owner, [number, "x" * 100])
    shown = shown_to_a_newcomer(hall)
    assert [one[0] for one in shown] == list(range(50 - len(shown), 50))  # type: ignore[index]
    assert 16_000 * LEAST_PART / 300 < len(shown) < 40
    other.say("room-leave-request", "other")
    for number in range(50):
        write(hall.owner, [number, "x" * 100])
    assert len(shown_to_a_newcomer(hall)) > len(shown)


def test_a_room_that_is_gone_leaves_nothing() -> None:
    hall = Hall()
    keep(hall, 5)
    write(hall.owner, 1)
    assert hall.world.core.state.lively
    hall.owner.say("room-close-request", ROOM)
    assert hall.world.core.state.lively == 0


# -- what it may cost


def test_a_message_is_charged_for_each_of_those_who_hear_it() -> None:
    hall = Hall()
    peers = hall.world.core.state.peers
    before = peers[hall.owner.peer_id].spent
    write(hall.owner, "x" * 1000)
    spent = peers[hall.owner.peer_id].spent - before
    assert 3 * 1200 < spent < 3 * 1600
    assert hall.room.life.spent.owed == hall.room.life.shares[hall.owner.peer_id].owed == pytest.approx(spent)


def test_those_who_say_much_do_not_silence_those_who_say_little() -> None:
    hall = Hall(World(output_burst=1024 * 1024, output_rate=10_000.0))
    loud = hall.member
    for _ in range(500):
        write(loud, "x" * 1000)
        if loud.acks.pop(1)[0].get("code") == "too-many-requests":
            break
    else:
        raise AssertionError("nothing is refused")
    hall.read()
    write(hall.moderator, "may I?")
    assert hall.moderator.answer(1)["ok"]
    hall.read()
    write(loud, "x" * 1000)
    assert loud.refused("request-reject") == "too-many-requests"
    hall.world.now += 60
    hall.world.say(Tick(0))
    write(loud, "later")
    assert loud.acks.pop(1)[-1]["ok"]


def test_however_many_say_much_a_room_has_an_end() -> None:
    hall = Hall(World(output_burst=1024 * 1024, output_rate=10_000.0))
    for _ in range(1000):
        for speaker in (hall.owner, hall.moderator, hall.member):
            write(speaker, "x" * 1000)
    assert hall.room.life.spent.owed <= 1024 * 1024
    assert len(hall.room.life.shares) == 3
    hall.moderator.say("room-leave-request", ROOM)
    assert hall.moderator.peer_id not in hall.room.life.shares
