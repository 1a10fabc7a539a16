"""A session of a user ends with its token, when another one replaces it, or when it is revoked."""

from typing import Any

import pytest

from broker.core import users
from shared.envelopes.entries import Tick, UserRestored, UserRevoked
from shared.envelopes.users import User
from tests.broker.core.rules.hall import ROOM, Hall, user
from tests.broker.world import Socket

HOUR = 3600
DAY = 86400


def ann_for(hall: Hall, seconds: int = HOUR, **fields: Any) -> Socket:
    now = int(hall.world.now)
    grant = user("ann", "enter", expires=now + seconds, issued=now)
    ann = hall.peer(resumable=True, user=grant, **fields)
    ann.say("room-join-request", ROOM)
    ann.read()
    hall.read()
    return ann


def pass_time(hall: Hall, seconds: float) -> None:
    """As the speaker does: it ticks when something is due."""
    end = hall.world.now + seconds
    while (due := hall.world.core.next_deadline()) is not None and due <= end:
        hall.world.now = max(hall.world.now, due)
        hall.world.say(Tick(0))
    hall.world.now = end


@pytest.mark.parametrize(("life", "notice"), [(HOUR, 60), (60, 30)])
def test_notice_is_given_before_a_token_ends_and_the_peer_is_removed_after(life: int, notice: int) -> None:
    hall = Hall()
    ann = ann_for(hall, life)
    pass_time(hall, life - notice - 1)
    assert not ann.read()
    pass_time(hall, 1)
    assert ann.read() == [("auth-expiring", {"expires_in": notice})]
    pass_time(hall, notice + users.GRACE - 1)
    assert not ann.read()
    pass_time(hall, 1)
    assert [(one.event, one.fields["code"]) for one in ann.read()] == [("session-ended", "expired")]
    assert ann.closed
    assert not ann.may_return
    assert ann.peer_id not in hall.world.core.state.peers
    assert hall.member.heard() == ["room-user-leave"]


def test_a_newer_token_puts_the_end_off() -> None:
    hall = Hall()
    ann = ann_for(hall, HOUR)
    pass_time(hall, HOUR - 60)
    now = int(hall.world.now)
    ann.authenticate(version=2, user=User("ann", "", now, now + HOUR, {"*": "enter"}))
    ann.read()
    pass_time(hall, HOUR - 61)
    assert not ann.read()
    pass_time(hall, 1)
    assert ann.heard() == ["auth-expiring"]


def test_version_1_is_removed_without_a_word() -> None:
    hall = Hall()
    ann = ann_for(hall, HOUR, version=1)
    pass_time(hall, HOUR + users.GRACE)
    assert not ann.read()
    assert ann.closed


def test_an_absent_peer_loses_its_place_with_its_token() -> None:
    hall = Hall()
    ann = ann_for(hall, 20)
    pass_time(hall, 19)
    ann.close("lost")
    pass_time(hall, 1 + users.GRACE)
    assert ann.peer_id not in hall.world.core.state.peers
    assert hall.member.heard() == ["room-user-leave"]


def test_the_newest_of_an_identity_replaces_the_others() -> None:
    hall = Hall()
    first = ann_for(hall)
    second = hall.peer(user=user("ann", "enter", single="newest"))
    assert [(one.event, one.fields["code"]) for one in first.read()] == [("session-ended", "replaced")]
    assert first.closed
    assert second.peer_id in hall.world.core.state.peers
    hall.peer(user=user("ann", "enter"))
    assert not second.closed, "the newest does not ask for it"
    hall.peer(user=user("bob", "enter", single="newest"))
    assert not second.closed, "somebody else"
    hall.peer(user=user("ann", "enter", single="newest"), app="another app")
    assert not second.closed, "somebody else's ann"


def test_the_oldest_of_an_identity_keeps_the_others_out() -> None:
    hall = Hall()
    first = ann_for(hall)
    second = hall.world.socket()
    second.authenticate(version=2, user=user("ann", "enter", single="oldest"))
    assert second.refused("auth-reject") == "already-here"
    first.close(for_good=True)
    second.authenticate(version=2, user=user("ann", "enter", single="oldest"))
    assert second.heard() == ["auth-accept"]


def test_coming_back_is_no_second_arrival() -> None:
    hall = Hall()
    now = int(hall.world.now)
    token = user("ann", "enter", expires=now + HOUR, issued=now, single="oldest")
    ann = hall.peer(resumable=True, user=token)
    ann.close("lost")
    again = hall.world.socket("g2")
    again.authenticate(version=2, user=token, resume=ann.token)
    assert again.read()[0].fields["resumed"]


@pytest.mark.parametrize("other", [None, user("bob", "enter")])
def test_nobody_else_comes_back_in_its_place(other: User | None) -> None:
    hall = Hall()
    ann = ann_for(hall)
    ann.close("lost")
    thief = hall.world.socket("g2")
    thief.authenticate(version=2, user=other, resume=ann.token)
    assert not thief.read()[0].fields["resumed"]


def test_a_revoked_identity_is_gone_everywhere_and_comes_not_back() -> None:
    hall = Hall()
    ann, other = ann_for(hall), hall.peer(gateway="g2", resumable=True, user=user("ann", "enter"))
    bob = hall.peer(user=user("bob", "enter"))
    other.close("lost")
    now = int(hall.world.now)
    hall.world.say(UserRevoked("app", "ann", now, DAY))
    assert [(one.event, one.fields["code"]) for one in ann.read()] == [("session-ended", "revoked")]
    assert not {ann.peer_id, other.peer_id} & set(hall.world.core.state.peers)
    assert not bob.closed
    for socket, fields in ((hall.world.socket(), {}), (hall.world.socket(), {"resume": other.token})):
        socket.authenticate(version=2, user=user("ann", "enter", issued=now), **fields)
        assert socket.refused("auth-reject") == "unauthorized"
    newer = hall.world.socket()
    newer.authenticate(version=2, user=user("ann", "enter", issued=now + 1))
    assert newer.heard() == ["auth-accept"]


def test_a_newer_token_outlives_a_revocation() -> None:
    hall = Hall()
    ann = ann_for(hall)
    hall.world.say(UserRevoked("app", "ann", int(hall.world.now) - 1, DAY))
    assert not ann.closed


def test_a_revocation_can_be_lifted_and_is_forgotten_when_it_holds_nothing_any_more() -> None:
    hall = Hall()
    now = int(hall.world.now)
    hall.world.say(UserRevoked("app", "ann", now, DAY), UserRevoked("app", "bob", now, DAY))
    hall.world.say(UserRestored("app", "ann"))
    socket = hall.world.socket()
    socket.authenticate(version=2, user=user("ann", "enter"))
    assert socket.heard() == ["auth-accept"]
    hall.world.now += DAY
    hall.world.say(UserRevoked("app", "eve", now, DAY))
    assert list(hall.world.core.state.revoked_users) == ["app\neve"]


def test_revocations_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(users, "MOST_REVOKED", 2)
    hall = Hall()
    for number, life in enumerate((DAY, HOUR, 2 * DAY)):
        hall.world.say(UserRevoked("app", f"u{number}", 1, life))
    assert list(hall.world.core.state.revoked_users) == ["app\nu0", "app\nu2"]


def test_nothing_is_due_for_those_who_are_gone() -> None:
    hall = Hall()
    ann = ann_for(hall)
    state = hall.world.core.state
    assert [peer_id for _, peer_id in state.ends] == [ann.peer_id]
    ann.close(for_good=True)
    assert (state.ends, state.users) == ([], {})
