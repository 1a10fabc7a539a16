"""What members share: keys, versions, conflicts, whose keys are whose, and how much there can be."""

from typing import Any

import pytest

from shared.contract.events import LONGEST_KEY
from shared.envelopes.entries import Pace
from shared.envelopes.levels import RIGHTS
from tests.broker.core.rules.hall import ROOM, Hall, told
from tests.broker.invariants import check
from tests.broker.view import Known, View
from tests.broker.world import Socket, World

SET = "room-data-request"


def put(peer: Socket, values: Any, **own: Any) -> dict[str, Any]:
    """Change some of it; what that is answered."""
    peer.say(SET, ROOM, ack=1, set=values, **own)
    return peer.answer(1)


def data(hall: Hall) -> dict[str, Any]:
    """What one who comes in now finds."""
    check(hall.world.core.state, hall.world.limits)
    newcomer = hall.peer()
    newcomer.say("room-join-request", ROOM)
    hall.owner.say("room-join-accept", ROOM, newcomer.peer_id)
    found: dict[str, Any] = newcomer.read()[-1].fields["data"]
    newcomer.say("room-leave-request", ROOM)
    hall.read()
    return found


def test_a_change_is_told_to_all_others_and_found_by_newcomers() -> None:
    hall = Hall()
    answer = put(hall.member, {"slide": 7, "theme": {"dark": True}})
    version, me = len(hall.world.log), hall.member.peer_id
    assert answer == {"ok": True, "room": ROOM, "version": version}
    news = told("room-data", set={"slide": 7, "theme": {"dark": True}}, version=version, by=me)
    assert hall.read() == [[news], [news], [], [], []]
    assert data(hall) == {
        "slide": {"value": 7, "version": version, "by": me},
        "theme": {"value": {"dark": True}, "version": version, "by": me},
    }


def test_null_removes_a_key() -> None:
    hall = Hall()
    put(hall.member, {"a": 1, "b": 2})
    put(hall.owner, {"a": None, "never": None})
    assert hall.member.read()[0].fields["set"] == {"a": None, "never": None}
    assert data(hall).keys() == {"b"}


def test_versions_rise_even_within_one_message_of_the_log() -> None:
    hall = Hall()
    hall.owner.gateway.send(*[hall.owner.said(SET, ROOM, ack=number, set={"a": number}) for number in range(3)])
    versions = [hall.owner.answer(number)["version"] for number in range(3)]
    assert versions == sorted(set(versions))
    assert [one.fields["version"] for one in hall.member.read()] == versions
    assert put(hall.moderator, {"a": 3}, **{"if": {"a": versions[1]}})["code"] == "conflict"
    assert put(hall.moderator, {"a": 3}, **{"if": {"a": versions[2]}})["ok"]


def test_a_change_can_depend_on_versions() -> None:
    hall = Hall()
    first = put(hall.owner, {"a": 1}, **{"if": {"a": 0}})["version"]
    hall.read()
    answer = put(hall.member, {"a": 2, "b": 2}, **{"if": {"a": 0, "b": 0}})
    assert (answer["ok"], answer["code"], answer["versions"]) == (False, "conflict", {"a": first, "b": 0})
    [rejected] = hall.member.read()
    assert (rejected.event, rejected.fields["versions"]) == ("request-reject", {"a": first, "b": 0})
    assert not any(hall.read())
    assert data(hall).keys() == {"a"}
    assert put(hall.member, {"b": 2}, **{"if": {"a": first}})["ok"], "it may name other keys than those that change"


@pytest.mark.parametrize(
    ("who", "key", "code"),
    [
        ("member", "host.title", "forbidden"),
        ("moderator", "host.title", ""),
        ("owner", "host.title", ""),
        ("member", "hosts", ""),
        ("member", "peer.{member}.hand", ""),
        ("owner", "peer.{member}.hand", "forbidden"),
        ("member", "peer.{stranger}.hand", "forbidden"),
        ("member", "peer.", "forbidden"),
        ("member", "peer.x", "forbidden"),
        ("member", "peer", ""),
        ("member", "", "bad-request"),
        ("member", "Slide", "bad-request"),
        ("member", "a b", "bad-request"),
        ("member", "a\n", "bad-request"),
        ("member", "x" * LONGEST_KEY, ""),
        ("member", "x" * (LONGEST_KEY + 1), "bad-request"),
        ("candidate", "a", "not-member"),
        ("stranger", "a", "not-member"),
    ],
)
def test_keys_belong_to_hosts_to_peers_or_to_all(who: str, key: str, code: str) -> None:
    hall = Hall()
    key = key.format(member=hall.member.peer_id, stranger=hall.stranger.peer_id)
    assert put(getattr(hall, who), {key: 1, "fine": 1}).get("code", "") == code
    assert data(hall).keys() == (set() if code else {key, "fine"})


def test_a_peers_id_may_have_capitals_in_a_key() -> None:
    hall = Hall()
    assert put(hall.member, {"peer.Zm9-_B.hand": 1})["code"] == "forbidden", "and not bad-request"


@pytest.mark.parametrize("wrong", [{}, [], "a", 1, {"a": 1, "B": 2}])
def test_a_set_maps_keys_to_values(wrong: Any) -> None:
    hall = Hall()
    assert put(hall.member, wrong)["code"] == "bad-request"
    assert not any(hall.read()[:2])


def test_what_no_gateway_lets_in_is_passed_over() -> None:
    hall = Hall()
    wrong: dict[str, Any] = {"set": {"a": 1}, "if": {"B": 1}}
    hall.member.say(SET, ROOM, **wrong)
    assert hall.world.core.doubted == 1


@pytest.mark.parametrize("leaves", ["leave", "kick", "lost"])
def test_what_was_a_peers_own_is_gone_with_it(leaves: str) -> None:
    hall = Hall()
    hand = f"peer.{hall.member.peer_id}.hand"
    put(hall.member, {hand: True, "slide": 1})
    before = hall.world.core.state.lively
    hall.read()
    if leaves == "leave":
        hall.member.say("room-leave-request", ROOM)
    elif leaves == "kick":
        hall.owner.say("room-kick-request", ROOM, hall.member.peer_id)
    else:
        hall.member.close("lost")
    assert hall.owner.heard() == ["room-user-leave"], "which says it"
    assert data(hall).keys() == {"slide"}
    assert hall.world.core.state.lively == before - len(hand) - len("true")


def test_only_so_many_keys() -> None:
    hall = Hall(World(data_keys=3))
    assert put(hall.member, {"a": 1, "b": 1})["ok"]
    assert put(hall.member, {"c": 1, "d": 1})["code"] == "full"
    assert put(hall.member, {"c": 1, "d": 1, "a": None})["ok"]
    assert put(hall.member, {"b": 2})["ok"]


def test_only_so_many_bytes_but_always_less() -> None:
    hall = Hall(World(data_bytes=100))
    assert put(hall.member, {"a": "x" * 60, "b": "x" * 30})["ok"]
    assert put(hall.member, {"c": "x" * 10})["code"] == "full"
    hall.world.core.set_limits(World(data_bytes=50).limits)
    assert put(hall.member, {"a": "x" * 61})["code"] == "full"
    assert put(hall.member, {"a": "x" * 50})["ok"], "less than there was, if more than there may be"
    assert put(hall.member, {"a": None})["ok"]


def test_the_more_is_kept_of_all_rooms_the_less_of_one() -> None:
    hall = Hall(World(data_bytes=1000, life_bytes=1000))
    hall.stranger.say("room-create-request", "other")
    hall.stranger.say(SET, "other", set={"a": "x" * 900})
    assert put(hall.member, {"a": "x" * 200})["code"] == "full"
    assert put(hall.member, {"a": "x" * 50})["ok"]


def test_version_1_hears_of_no_data_and_can_set_none() -> None:
    hall = Hall(member=1)
    put(hall.owner, {"a": 1})
    assert hall.member.read() == []
    hall.member.say("room-join-request", ROOM)
    assert "data" not in hall.member.read()[0].fields
    hall.member.say(SET, ROOM, set={"a": 1})
    assert hall.member.refused("request-reject") == "bad-request"


def test_before_the_level_there_is_none() -> None:
    hall = Hall(World(level=RIGHTS))
    assert put(hall.owner, {"a": 1})["code"] == "bad-request"
    hall.member.say("room-join-request", ROOM)
    assert "data" not in hall.member.read()[0].fields


# -- those who are away, or slow


def away_member(hall: Hall) -> Socket:
    away = hall.peer(gateway="g2", resumable=True)
    away.say("room-join-request", ROOM)
    hall.owner.say("room-join-accept", ROOM, away.peer_id)
    hall.read()
    away.read()
    return away


def test_one_who_was_away_finds_it_and_nothing_waits_for_it() -> None:
    hall = Hall()
    away = away_member(hall)
    away.close("lost")
    for number in range(1000):
        put(hall.owner, {"cursor": number})
    assert not hall.world.core.state.peers[away.peer_id].kept
    back = hall.world.socket()
    back.authenticate(version=2, resume=away.token, received=away.received)
    [accepted] = back.read()
    assert accepted.fields["rooms"][0]["data"]["cursor"]["value"] == 999


def test_one_who_comes_back_to_too_much_is_not_shown_it_and_can_ask() -> None:
    hall = Hall(World(output_burst=1024 * 1024, output_rate=1.0))
    away = away_member(hall)
    put(hall.owner, {"a": 1})
    away.close("lost")
    hall.world.core.state.peers[away.peer_id].spent = 1024 * 1024
    hall.world.core.state.peers[away.peer_id].spent_at = hall.world.now
    back = hall.world.socket()
    back.authenticate(version=2, resume=away.token, received=away.received)
    [accepted] = back.read()
    [room] = accepted.fields["rooms"]
    assert room["peersinfo"] == {}
    assert "data" not in room


def slow_member(hall: Hall) -> Socket:
    slow = away_member(hall)
    slow.gateway.send(Pace(slow.conn, True))
    return slow


def storm(hall: Hall, keys: int, rounds: int) -> None:
    """Members set keys, change them, and remove them again, over and over; then one key each stays."""
    for number in range(rounds):
        names = [f"k{(number * 7 + key) % (3 * keys)}" for key in range(keys)]
        put(hall.owner, dict.fromkeys(names, number))
        put(hall.moderator, {names[0]: number, names[1]: "changed"})
        put(hall.member, dict.fromkeys(names[1:] if number % 2 else names))
        put(hall.member, {f"peer.{hall.member.peer_id}.hand": number})


@pytest.mark.parametrize("known", [0, 20])
def test_a_storm_costs_one_who_reads_slowly_no_more_than_the_newest_of_each_key(known: int) -> None:
    hall = Hall(World(kept_deliveries=30))
    put(hall.owner, {f"k{number}": "before" for number in range(known)} or {"x": None})
    slow = slow_member(hall)
    view = View()
    view.take([])
    slow.say("room-join-request", ROOM)
    slow.gateway.send(Pace(slow.conn, False))
    view.take(slow.read())
    slow.gateway.send(Pace(slow.conn, True))
    storm(hall, 10, 60)
    waiting = len(hall.world.core.state.peers[slow.peer_id].kept)
    assert waiting <= 2 * 64 + 30
    storm(hall, 10, 300)
    assert len(hall.world.core.state.peers[slow.peer_id].kept) <= 2 * 64 + 30
    hall.member.say("room-leave-request", ROOM)
    slow.gateway.send(Pace(slow.conn, False))
    view.take(slow.read())
    assert view.rooms[ROOM].data == data(hall)


@pytest.mark.parametrize("most", [2, 256], ids=["much waits", "little waits"])
@pytest.mark.parametrize("mine", ["mine", None], ids=["set", "removed"])
@pytest.mark.parametrize("theirs", ["theirs", None], ids=["of one set", "of one removed"])
def test_what_one_who_reads_slowly_has_set_itself_is_not_undone_by_what_waits_for_it(
    most: int, mine: Any, theirs: Any
) -> None:
    hall = Hall(World(kept_deliveries=most))
    put(hall.owner, {"a": "old", "b": "old"})
    slow, view = slow_member(hall), View()
    view.rooms[ROOM] = Known(slow.peer_id, {"data": data(hall)})
    put(hall.owner, {"a": theirs, "b": "new"})
    put(hall.member, {"c": 1})
    view.rooms[ROOM].changed({"a": mine}, put(slow, {"a": mine})["version"])
    put(hall.member, {"d": 2})
    slow.gateway.send(Pace(slow.conn, False))
    view.take(slow.read())
    assert view.rooms[ROOM].data == data(hall)
    assert not hall.world.core.state.peers[slow.peer_id].kept_bytes
