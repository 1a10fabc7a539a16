import json
import time
import uuid
from typing import Any

import msgspec
import pytest
from prometheus_client import REGISTRY

from gateway.connection import Connection
from gateway.incoming.intake import Intake
from gateway.incoming.revocations import Revocations
from gateway.incoming.sessions import OTHER_APP, Sessions
from gateway.incoming.sizes import Sizes
from gateway.transport.socketio import EXCESS
from shared.contract.events import EVENTS, RoomEvent
from shared.contract.locks import lock_of
from shared.contract.tokens import App, Session, make_app_token, make_session_token
from shared.envelopes.entries import Authenticated, Entry, Said
from shared.process.world import World
from tests.events import whole
from tests.gateway.wire import connection, wire
from tests.trial import declared

SECRET = "a secret for tests, 32 bytes long"
APP_TOKEN = make_app_token(SECRET, "app", 1)
RELAYS = {"relay-session-description": "session_description", "relay-ice-candidate": "ice_candidate"}
PEER_EVENTS = [name for name in EVENTS if name != "auth-request"]


def session_token(peer_id: str, generation: int = 1) -> str:
    return make_session_token(SECRET, Session("app", peer_id, generation, int(time.time()) + 60))


class Desk:
    """An intake, and Ann: admitted on the socket ``s1``. ``entries`` are on their way to the log."""

    def __init__(self) -> None:
        self.room_left = True
        self.entries: list[Entry] = []
        self.ann = self.peer("s1", "ann")
        self.intake = Intake(Sessions((SECRET,), 60, Revocations(), World()), Sizes(), self._append, World())

    def peer(self, sid: str, peer_id: str) -> Connection:
        client = connection(sid)
        client.peer_id, client.peerinfo = peer_id, b'{"name":"%b"}' % peer_id.encode()
        client.version = 2
        return client

    def say(self, client: Connection, name: str, fields: Any, ack: int | None = None) -> list[tuple[str, Any]]:
        """Say something; returns the answers: event or acknowledgement, and its fields."""
        before = len(wire(client).acts)
        body = fields if isinstance(fields, bytes) else json.dumps(fields).encode()
        self.intake.take(client, name, msgspec.Raw(body), ack)
        return [_read(frame) for frame in wire(client).acts[before:] if frame[0] == "4"]

    def entry(self) -> Said:
        [entry] = self.entries
        assert isinstance(entry, Said)
        return entry

    def _append(self, client: Connection, entry: Entry, size: int) -> bool:
        if self.room_left:
            self.entries.append(entry)
        return self.room_left


def _read(frame: str) -> tuple[str, Any]:
    if frame.startswith("42"):
        name, fields = json.loads(frame[2:])
        return name, fields
    start = frame.index("[")
    return f"ack {frame[2:start]}", json.loads(frame[start:])[0]


@pytest.fixture
def desk() -> Desk:
    return Desk()


def well_formed(name: str, **fields: Any) -> dict[str, Any]:
    body = RELAYS.get(name)
    said = {"auth": session_token("ann"), "room": "r", "to": "ben", **({body: {"x": 1}} if body else {})}
    return {**whole(name), **said, **fields}


@pytest.mark.parametrize("name", PEER_EVENTS)
def test_an_event_is_forwarded_under_the_socket_it_came_in_on(desk: Desk, name: str) -> None:
    lies = {"conn": "s2", "sid": "s2", "from": "ben", "peerinfo": {"name": "Ben"}, "app": "other"}
    assert desk.say(desk.ann, name, well_formed(name, **lies), ack=5) == []
    entry = desk.entry()
    room = "r" if issubclass(EVENTS[name], RoomEvent) else ""
    assert (entry.event, entry.conn, entry.ack, entry.room) == (name, "s1", 5, room)
    assert desk.ann.logged


@pytest.mark.parametrize("name", PEER_EVENTS)
def test_a_payload_goes_on_as_it_is(desk: Desk, name: str) -> None:
    payload = b'{"n":1.10,  "s":"\\u00e9"}'
    body = json.dumps(well_formed(name)).encode()[:-1] + b',"payload":' + payload + b"}"
    assert desk.say(desk.ann, name, body) == []
    assert payload in desk.entry().body
    if name not in RELAYS:
        assert desk.entry().body == payload


def test_fields_that_only_one_event_has_go_on_as_they_are(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    with declared(monkeypatch, "intake-trial"):
        assert desk.say(desk.ann, "intake-trial", well_formed("intake-trial", role="owner", extra=[1.0])) == []
        assert desk.entry().fields == b'{"role":"owner","extra":[1.0]}'
        [(event, fields)] = desk.say(desk.ann, "intake-trial", well_formed("intake-trial", role="king"))
        assert (event, fields["code"]) == ("room-join-reject", "bad-request")


def test_an_event_that_a_client_cannot_know_of_is_none(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    said = well_formed("intake-later", role="owner", extra=1)
    desk.ann.version = 1
    with declared(monkeypatch, "intake-later", since=2):
        [(event, fields)] = desk.say(desk.ann, "intake-later", said)
        assert (event, fields["code"], fields["message"]) == ("request-reject", "bad-request", "There is no such event")
        assert desk.say(desk.ann, "intake-later", {**said, "auth": ""})[0][0] == "unauthorized"
        assert desk.entries == []
        desk.ann.version = 2
        assert desk.say(desk.ann, "intake-later", said) == []
        assert desk.entry().event == "intake-later"


@pytest.mark.parametrize("name", PEER_EVENTS)
@pytest.mark.parametrize("n", [0, 1, 2**53 - 1])
def test_a_number_goes_on(desk: Desk, name: str, n: int) -> None:
    assert desk.say(desk.ann, name, well_formed(name, n=n), ack=5) == []
    assert desk.entry().n == n


@pytest.mark.parametrize("name", PEER_EVENTS)
def test_a_number_takes_an_acknowledgement(desk: Desk, name: str) -> None:
    [(_, fields)] = desk.say(desk.ann, name, well_formed(name, n=1))
    assert fields["code"] == "bad-request"
    assert desk.entries == []


WRONG_NUMBERS = [b"-1", b"9007199254740992", b"1" * 5000, b"1.0", b"1e3", b'"1"', b"true", b"[1]", b"{}", b"1e999"]


@pytest.mark.parametrize("n", WRONG_NUMBERS, ids=lambda n: n[:20].decode())
def test_a_number_is_a_whole_one_that_every_client_can_write(desk: Desk, n: bytes) -> None:
    body = json.dumps(well_formed("room-leave-request")).encode()[:-1] + b',"n":' + n + b"}"
    (event, fields), (ack, answer) = desk.say(desk.ann, "room-leave-request", body, ack=5)
    assert (event, fields["code"], ack, answer["code"]) == ("request-reject", "bad-request", "ack 5", "bad-request")
    assert desk.entries == []


@pytest.mark.parametrize("n", [*WRONG_NUMBERS, b"1", b"null"], ids=lambda n: n[:20].decode())
@pytest.mark.parametrize("ack", [None, 5])
def test_in_version_1_there_is_no_number(desk: Desk, n: bytes, ack: int | None) -> None:
    desk.ann.version = 1
    body = json.dumps(well_formed("room-leave-request")).encode()[:-1] + b',"n":' + n + b"}"
    assert desk.say(desk.ann, "room-leave-request", body, ack=ack) == []
    assert desk.entry().n is None


def test_no_number_is_as_good_as_none(desk: Desk) -> None:
    assert desk.say(desk.ann, "room-leave-request", well_formed("room-leave-request", n=None)) == []
    assert desk.entry().n is None


def test_who_is_not_authorized_learns_nothing_of_numbers(desk: Desk) -> None:
    said = {**well_formed("room-leave-request", n=-1), "auth": "x"}
    assert desk.say(desk.ann, "room-leave-request", said)[0][0] == "unauthorized"


@pytest.mark.parametrize("name", RELAYS)
def test_a_relay_is_the_frame_that_the_roommate_will_read(desk: Desk, name: str) -> None:
    field = RELAYS[name]
    body = json.dumps(well_formed(name, peer_id="ben", peerinfo="forged", payload=[1])).encode()
    desk.say(desk.ann, name, body.replace(b'{"x": 1}', b'{"x" : 1.0}'))
    entry = desk.entry()
    assert entry.peer_id == "ben"
    assert b'{"x" : 1.0}' in entry.body
    assert _read(entry.body.decode()) == (
        name.removeprefix("relay-"),
        {"room": "r", "peer_id": "ann", field: {"x": 1}, "peerinfo": {"name": "ann"}, "payload": [1]},
    )


def test_the_end_of_candidates_is_relayed_and_what_is_absent_left_out(desk: Desk) -> None:
    desk.ann.peerinfo = b""
    desk.say(desk.ann, "relay-ice-candidate", well_formed("relay-ice-candidate", ice_candidate=None))
    assert _read(desk.entry().body.decode())[1] == {"room": "r", "peer_id": "ann", "ice_candidate": None}


@pytest.mark.parametrize("room", [{}, {"room": ""}, {"room": None}])
def test_a_room_without_a_name_gets_one(desk: Desk, room: dict[str, Any]) -> None:
    desk.say(desk.ann, "room-create-request", {"auth": session_token("ann"), **room})
    assert str(uuid.UUID(desk.entry().room)) == desk.entry().room


@pytest.mark.parametrize("name", PEER_EVENTS)
@pytest.mark.parametrize("fields", [b"{}", b"[]", b"17", b'{"auth":null}', b'{"auth":{}}', b'{"room":["?"]}'])
def test_who_is_not_authorized_learns_that_and_nothing_else(desk: Desk, name: str, fields: bytes) -> None:
    answers = desk.say(desk.ann, name, fields, ack=1)
    assert [event for event, _ in answers] == ["unauthorized", "ack 1"]
    assert answers[0][1] == {"code": "unauthorized", "message": answers[0][1]["message"]}
    assert answers[1][1]["code"] == "unauthorized"
    assert desk.entries == []
    assert not desk.ann.logged


@pytest.mark.parametrize("token", [session_token("ben"), APP_TOKEN, "a.b.c", None, 17])
def test_the_token_of_another_does_not_count(desk: Desk, token: Any) -> None:
    name = "relay-ice-candidate"
    for fields in (well_formed(name, auth=token), well_formed(name, auth=token, room="x" * 1000)):
        assert [event for event, _ in desk.say(desk.ann, name, fields)] == ["unauthorized"]
    assert desk.entries == []


def test_one_that_is_no_peer_yet_can_only_authenticate(desk: Desk) -> None:
    stranger = connection("s9")
    for name in PEER_EVENTS:
        answers = desk.say(stranger, name, well_formed(name))
        assert [event for event, _ in answers] == ["unauthorized"]
    assert desk.entries == []
    assert desk.say(stranger, "auth-request", {"token": APP_TOKEN}) == []
    assert len(desk.entries) == 1


def test_a_refusal_says_what_is_known_of_the_request(desk: Desk) -> None:
    fields = well_formed("relay-ice-candidate", peer_id="cem", payload={"mine": 1})
    answers = desk.say(desk.ann, "relay-ice-candidate", fields, ack=3)
    known = {"event": "relay-ice-candidate", "code": "bad-request", "room": "r", "peer_id": "cem"}
    assert [event for event, _ in answers] == ["request-reject", "ack 3"]
    message = answers[0][1].pop("message")
    assert answers[0][1] == {**known, "payload": {"mine": 1}}
    assert answers[1][1] == {"ok": False, "code": "bad-request", "message": message}


@pytest.mark.parametrize(
    ("name", "answer"), [("room-create-request", "room-create-reject"), ("room-join-request", "room-join-reject")]
)
def test_an_event_with_a_reject_of_its_own_is_refused_by_that(desk: Desk, name: str, answer: str) -> None:
    fields = {"auth": session_token("ann"), "room": "x" * 200, "payload": 1}
    [(event, told)] = desk.say(desk.ann, name, fields)
    assert (event, told["code"], told["payload"]) == (answer, "too-large", 1)


def test_an_unknown_event_is_refused_under_its_name_as_far_as_it_is_short(desk: Desk) -> None:
    [(event, told)] = desk.say(desk.ann, "x" * 100, {"auth": session_token("ann")})
    assert (event, told["event"], told["code"]) == ("request-reject", "x" * 64, "bad-request")


def test_what_finds_no_room_on_the_way_to_the_log_is_refused(desk: Desk) -> None:
    desk.room_left = False
    fields = {"auth": session_token("ann"), "room": "r", "payload": 1}
    [(event, told)] = desk.say(desk.ann, "room-join-request", fields)
    assert (event, told["code"], told["payload"]) == ("room-join-reject", "unavailable", 1)
    assert not desk.ann.logged


def test_an_authentication_carries_what_was_said_and_no_more(desk: Desk) -> None:
    fields = {"token": APP_TOKEN, "peerinfo": {"a": 1}, "resumable": True, "received": 4, "payload": [2], "app": "no"}
    assert desk.say(desk.ann, "auth-request", fields, ack=6) == []
    lock = lock_of(desk.ann.key)
    renewal = Authenticated("s1", 6, "app", b'{"a": 1}', True, "", 0, b"[2]", 4, lock, renews="ann")
    assert desk.entries == [renewal]
    assert not desk.ann.returning


def test_one_that_returns_is_named_by_its_session_token_alone(desk: Desk) -> None:
    returning = connection("s2")
    resume = session_token("ann", generation=7)
    desk.say(returning, "auth-request", {"token": APP_TOKEN, "resume": resume, "peer_id": "ben"})
    [entry] = desk.entries
    assert isinstance(entry, Authenticated)
    assert (entry.conn, entry.resume_id, entry.resume_generation) == ("s2", "ann", 7)
    assert returning.returning


@pytest.mark.parametrize("resume", ["a.b.c", APP_TOKEN, 17, {}])
def test_one_that_returns_with_anything_else_is_new(desk: Desk, resume: Any) -> None:
    desk.say(desk.ann, "auth-request", {"token": APP_TOKEN, "resume": resume})
    [entry] = desk.entries
    assert isinstance(entry, Authenticated)
    assert (entry.resume_id, entry.resume_generation) == ("", 0)


@pytest.mark.parametrize("token", [None, "a.b.c", session_token("ben"), 17])
def test_a_bad_token_is_rejected_with_the_payload(desk: Desk, token: Any) -> None:
    answers = desk.say(desk.ann, "auth-request", {"token": token, "payload": 1}, ack=2)
    assert [(event, told["code"]) for event, told in answers] == [
        ("auth-reject", "unauthorized"),
        ("ack 2", "unauthorized"),
    ]
    assert answers[0][1]["payload"] == 1
    assert desk.entries == []


@pytest.mark.parametrize(
    ("name", "answer"), [("room-join-request", "room-join-reject"), ("relay-ice-candidate", "request-reject")]
)
def test_what_comes_too_fast_is_refused_without_a_look_at_it(desk: Desk, name: str, answer: str) -> None:
    desk.intake.take(desk.ann, name, EXCESS, 5)
    (event, told), (ack, said) = [_read(frame) for frame in wire(desk.ann).frames]
    assert (event, told["code"], ack, said["code"]) == (answer, "too-many-requests", "ack 5", "too-many-requests")
    assert told.get("event", name) == name
    desk.intake.take(desk.ann, "", EXCESS, None)
    assert _read(wire(desk.ann).frames[-1])[1]["event"] == ""
    assert desk.entries == []


def test_the_app_of_the_handshake_is_that_of_the_authentication(desk: Desk) -> None:
    other = make_app_token(SECRET, "other", 1)
    stranger = connection("s9")
    answers = desk.say(stranger, "auth-request", {"token": other, "payload": 1}, ack=1)
    assert [event for event, _ in answers] == ["auth-reject", "ack 1"]
    assert answers[0][1] == {"code": "unauthorized", "message": OTHER_APP, "payload": 1}
    assert desk.entries == []
    assert stranger.app.name == "app"


def test_a_place_is_resumed_by_the_app_that_it_was_taken_with(desk: Desk) -> None:
    resume = make_session_token(SECRET, Session("other", "ann", 1, int(time.time()) + 60))
    desk.say(connection("s9"), "auth-request", {"token": APP_TOKEN, "resume": resume})
    [entry] = desk.entries
    assert isinstance(entry, Authenticated)
    assert entry.resume_id == ""


def test_who_authenticates_is_known_by_the_token_it_did_so_with(desk: Desk) -> None:
    stranger = connection("s9", App("app", 0))
    desk.say(stranger, "auth-request", {"token": "a.b.c"})
    assert stranger.app.issued == 0
    desk.say(stranger, "auth-request", {"token": APP_TOKEN})
    assert stranger.app.issued == 1
    desk.say(desk.ann, "auth-request", {"token": session_token("ann")})
    assert desk.ann.app.issued == 0


@pytest.mark.parametrize("token", [None, session_token("ben"), "a.b.c"])
@pytest.mark.parametrize("name", EVENTS)
def test_nothing_is_searched_or_measured_before_the_token(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, name: str, token: Any
) -> None:
    def fail(*_: Any) -> None:
        raise AssertionError("it was looked into")

    monkeypatch.setattr("gateway.incoming.door.check", fail)
    answers = desk.say(desk.ann, name, well_formed(name, auth=token, token=token, payload="x" * 50_000))
    assert [told["code"] for _, told in answers] == ["unauthorized"]


def test_events_are_counted_by_name_and_what_is_unknown_as_one(desk: Desk) -> None:
    def counts() -> list[float]:
        names = ("room-create-request", "unknown")
        return [REGISTRY.get_sample_value("parley_gateway_events_total", {"event": name}) or 0.0 for name in names]

    known, unknown = counts()
    desk.say(desk.ann, "room-create-request", {"auth": session_token("ann")})
    desk.say(desk.ann, "room-create-request", {})
    desk.say(desk.ann, "made-up", {})
    desk.say(desk.ann, "made-up-too", {})
    assert counts() == [known + 2, unknown + 2]
