import json
import random
import time
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from gateway.connection import Connection
from gateway.incoming.revocations import Revocations
from gateway.incoming.sessions import Sessions
from gateway.outgoing.inbox import Inbox
from gateway.rate import Budget, Budgets, Rates
from gateway.turn import Turn
from shared.contract.frames import relay_frame
from shared.contract.tokens import App, Session
from shared.envelopes.deliveries import Admit, Close, Delivery, Emit, Parcel, Revoked
from shared.envelopes.users import User
from shared.process.world import World
from tests.gateway.wire import connection, wire

SECRET = "a secret for tests, 32 bytes long"
ADMIT = Admit(
    conn="s1",
    ack=None,
    peer_id="ann",
    app="app",
    generation=3,
    peerinfo=b'{"name":"Ann"}',
    resume_for=0,
    resumed=False,
    rooms=b"",
    payload=b"",
)


class Post:
    """An inbox with two sockets, ``s1`` and ``s2``, and parcels that are numbered by themselves."""

    def __init__(self, turn: Turn | None = None) -> None:
        self.connections: dict[str, Connection] = {sid: connection(sid) for sid in ("s1", "s2")}
        self.revocations = Revocations()
        self.sessions = Sessions((SECRET,), 60, self.revocations, World())
        self.inbox = Inbox(self.connections, self.sessions, self.revocations, World(), turn)

    def bring(self, *deliveries: Delivery) -> None:
        number = self.inbox.have + 1
        assert self.inbox.take(Parcel(number, number, list(deliveries)))

    def acts(self, sid: str) -> list[str]:
        return wire(self.connections[sid]).acts

    def told(self, sid: str, start: str) -> Any:
        """What is in the newest frame, which starts so."""
        frame = wire(self.connections[sid]).frames[-1]
        assert frame.startswith(start)
        return json.loads(frame[frame.index("[") :])[-1]


@pytest.fixture
def post() -> Post:
    return Post()


@given(st.lists(st.integers(1, 12), max_size=60))
def test_however_parcels_come_each_is_taken_once_and_in_order(numbers: list[int]) -> None:
    post = Post()
    expected: list[str] = []
    for number in numbers:
        have = len(expected)
        taken = post.inbox.take(Parcel(number, number, [Emit(["s1"], b"42[%d]" % number)]))
        if number == have + 1:
            expected.append(f"42[{number}]")
        assert taken is (number <= have + 1)
        assert (post.acts("s1"), post.inbox.have) == (expected, len(expected))


def test_parcels_sent_again_in_any_order_arrive_in_order(post: Post) -> None:
    parcels = [Parcel(number, number, [Emit(["s1"], b"42[%d]" % number)]) for number in range(1, 21)]
    while post.inbox.have < 20:
        random.shuffle(parcels)
        for parcel in parcels:
            post.inbox.take(parcel)
    assert post.acts("s1") == [f"42[{number}]" for number in range(1, 21)]


def test_a_frame_goes_to_those_it_is_for_and_who_is_gone_is_passed_over(post: Post) -> None:
    post.bring(Emit(["s1", "gone", "s2"], b"42[1]"), Emit(["s2"], b"42[2]"), Emit([], b"42[3]"))
    assert post.acts("s1") == ["42[1]"]
    assert post.acts("s2") == ["42[1]", "42[2]"]


def test_it_notes_when_one_who_may_come_back_is_told_something(post: Post) -> None:
    post.bring(Emit(["s1"], b"42[1]"))
    assert not post.inbox.told_resumable
    post.connections["s2"].resumable = True
    post.bring(Emit(["s1"], b"42[2]"))
    assert not post.inbox.told_resumable
    post.bring(Emit(["s1", "s2"], b"42[3]"))
    post.bring(Emit(["s1"], b"42[4]"))
    assert post.inbox.told_resumable


def test_one_who_is_admitted_gets_a_token_and_may_stay(post: Post) -> None:
    post.bring(ADMIT)
    client = post.connections["s1"]
    fields = post.told("s1", '42["auth-accept"')
    assert post.acts("s1")[0] == "stay"
    assert len(post.acts("s1")) == 2
    assert post.acts("s2") == []
    assert {**fields, "token": ""} == {
        "token": "",
        "peer_id": "ann",
        "expires_in": 60,
        "resume_for": 0,
        "resumed": False,
    }
    session = post.sessions.session_of(fields["token"])
    assert session == Session("app", "ann", 3, int(client.expires), client.key)
    assert client.key
    assert (client.peer_id, client.peerinfo, client.token) == ("ann", b'{"name":"Ann"}', fields["token"])
    assert not client.resumable
    assert client.expires > time.time()


def test_one_who_comes_back_gets_its_rooms_and_its_payload_as_they_are(post: Post) -> None:
    rooms = b'[{"room":"r","owner":"ann","peers":[],"peersinfo":{}}]'
    payload = b'{"n":1.10, "s":"\\u00e9"}'
    post.bring(msgspec.structs.replace(ADMIT, resume_for=30.0, resumed=True, rooms=rooms, payload=payload, ack=7))
    assert post.connections["s1"].resumable
    event, ack = wire(post.connections["s1"]).frames
    assert rooms.decode() in event
    assert payload.decode() in event
    fields = json.loads(event[2:])[1]
    assert (fields["resumed"], fields["resume_for"]) == (True, 30.0)
    assert ack.startswith("437[")
    assert json.loads(ack[3:]) == [{"ok": True, **fields}]


def test_turn_servers_are_told_with_a_credential_of_the_peers_own() -> None:
    post = Post(Turn(("turn:a",), "north", 60))
    post.bring(ADMIT)
    [server] = post.told("s1", "42")["ice_servers"]
    assert server["urls"] == ["turn:a"]
    assert server["username"].endswith(":ann")


def test_a_user_has_its_turn_credential_until_its_token_ends() -> None:
    post = Post(Turn(("turn:a",), "north", 86400))
    expires = int(time.time()) + 600
    post.connections["s1"].app = App("chat", 1, User("ann", "", expires - 3600, expires))
    post.bring(ADMIT)
    [server] = post.told("s1", "42")["ice_servers"]
    assert server["username"] == f"{expires}:ann"


@pytest.mark.parametrize(
    ("resumed", "returning", "outcome"),
    [(False, False, "new"), (True, True, "resumed"), (False, True, "not resumed")],
)
def test_admissions_are_counted_by_outcome(post: Post, resumed: bool, returning: bool, outcome: str) -> None:
    def count() -> float:
        return REGISTRY.get_sample_value("parley_gateway_admissions_total", {"outcome": outcome}) or 0

    before = count()
    post.connections["s1"].returning = returning
    post.bring(msgspec.structs.replace(ADMIT, resumed=resumed))
    assert count() == before + 1


def test_one_who_is_gone_is_neither_admitted_nor_closed(post: Post) -> None:
    post.bring(msgspec.structs.replace(ADMIT, conn="gone"), Close("gone"), Emit(["s1"], b"42[1]"))
    assert post.acts("s1") == ["42[1]"]


def test_one_who_goes_on_elsewhere_is_parted_with_and_the_log_hears_nothing_more_of_it(post: Post) -> None:
    for client in post.connections.values():
        client.logged = True
    post.bring(Close("s1"))
    assert post.acts("s1") == ["ignore", "41", "leave"]
    assert not post.connections["s1"].logged
    assert post.acts("s2") == []
    assert post.connections["s2"].logged


def test_sockets_of_a_revoked_app_are_closed_and_its_tokens_refused(post: Post) -> None:
    post.connections["s1"].app = App("bad", 100)
    post.connections["s2"].app = App("bad", 101)
    post.connections["s1"].logged = True
    post.bring(Revoked("bad", 100))
    assert post.acts("s1") == ["ignore", "41", "leave"]
    assert post.connections["s1"].logged  # its end is still to be told to the log
    assert post.acts("s2") == []
    assert post.revocations.covers(App("bad", 100))


def test_a_socket_goes_on_with_the_budget_of_its_peer(post: Post) -> None:
    post.bring(ADMIT)
    budget = wire(post.connections["s1"]).budget
    assert isinstance(budget, Budget)
    post.bring(msgspec.structs.replace(ADMIT, conn="s2", resumed=True))
    assert wire(post.connections["s2"]).budget is budget


def test_what_a_parcel_holds_is_done_in_its_order(post: Post) -> None:
    post.bring(ADMIT, Emit(["s1"], b'42["room-join-request",{}]'), Close("s1"), Emit(["s1"], b"42[1]"))
    acts = post.acts("s1")
    assert (acts[0], acts[1][:15], *acts[2:]) == (
        "stay",
        '42["auth-accept',
        '42["room-join-request",{}]',
        "ignore",
        "41",
        "leave",
        "42[1]",
    )


def test_a_relay_that_no_client_can_read_is_dropped_and_what_follows_is_not(post: Post) -> None:
    whole = relay_frame("relay-ice-candidate", "r", "bob", b"1", b"", b"")
    forged = whole.replace(b"1}]", b'1,"peer_id":"carol"}]')
    post.bring(Emit(["s1"], forged), Emit(["s1"], whole[:-1]), Emit(["s1"], whole))
    assert wire(post.connections["s1"]).frames == [whole.decode()]


def test_whoever_is_admitted_has_the_budget_that_the_gateway_was_set_up_with() -> None:
    budgets = Budgets(Rates(frames_burst=3))
    post = Post()
    post.inbox = Inbox(post.connections, post.sessions, post.revocations, World(), budgets=budgets)
    post.bring(ADMIT)
    budget = post.connections["s1"].socket.budget
    assert [budget.take(1, 0.0) for _ in range(4)] == [True, True, True, False]
