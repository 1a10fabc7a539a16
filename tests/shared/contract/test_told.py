"""What clients read, byte for byte, and what an event of the server's must declare."""

import re
from typing import Annotated, Any

import msgspec
import pytest

from shared.contract import told
from shared.contract.events import EVENTS
from shared.contract.frames import refusal_frames, relay_frame
from shared.contract.refusals import CATALOGUE, REJECTED, TAKEN, UNAUTHORIZED, Refusal
from shared.contract.shapes import Shape
from shared.contract.told import TOLD, raw
from tests.system.rig.process import ROOT

BODY = raw(b'{"n": 1.50}')
ICE = [{"urls": ["turn:x"]}]
ACCEPT = told.AuthAccept(
    token="t",
    peer_id="p",
    expires_in=60,
    resume_for=30.0,
    resumed=True,
    rooms=raw(b"[]"),
    payload=BODY,
    ice_servers=ICE,
)
WELCOME = told.RoomJoinAccept(peer_id="p", room="r", owner="o", peers=["o"], peersinfo={"o": None}, payload=BODY)
KNOWN = {"room": "r", "peer_id": "p", "payload": BODY}
GOLDEN = {
    ACCEPT.frame(): b'42["auth-accept",{"token":"t","peer_id":"p","expires_in":60,"resume_for":30.0,"resumed":true,'
    b'"rooms":[],"payload":{"n": 1.50},"ice_servers":[{"urls":["turn:x"]}]}]',
    refusal_frames("auth-request", Refusal(UNAUTHORIZED), None, {"payload": BODY})[0]: b'42["auth-reject",'
    b'{"code":"unauthorized","message":"Token is not valid","payload":{"n": 1.50}}]',
    refusal_frames("room-join-request", Refusal(UNAUTHORIZED), None, {})[0]: b'42["unauthorized",'
    b'{"code":"unauthorized","message":"Token is not valid"}]',
    refusal_frames("x", Refusal(TAKEN, "no"), None, KNOWN)[0]: b'42["request-reject",{"event":"x","code":"taken",'
    b'"message":"no","room":"r","peer_id":"p","payload":{"n": 1.50}}]',
    refusal_frames("room-create-request", Refusal(TAKEN, "no"), None, {"room": "r"})[0]: b'42["room-create-reject",'
    b'{"code":"taken","message":"no","room":"r"}]',
    refusal_frames("room-join-request", Refusal(REJECTED, "no"), None, KNOWN)[0]: b'42["room-join-reject",'
    b'{"code":"rejected","message":"no","room":"r","peer_id":"p","payload":{"n": 1.50}}]',
    told.RoomCreateAccept(room="r", payload=BODY).frame(): b'42["room-create-accept",'
    b'{"room":"r","payload":{"n": 1.50}}]',
    told.RoomLeaveAccept(room="\u00e9").frame(): '42["room-leave-accept",{"room":"\u00e9"}]'.encode(),
    told.RoomJoinRequest(room="r", peer_id="p", peerinfo=BODY, payload=BODY).frame(): b'42["room-join-request",'
    b'{"room":"r","peer_id":"p","peerinfo":{"n": 1.50},"payload":{"n": 1.50}}]',
    WELCOME.frame(): b'42["room-join-accept",{"peer_id":"p","room":"r","owner":"o","peers":["o"],'
    b'"peersinfo":{"o":null},"payload":{"n": 1.50}}]',
    told.RoomUserJoin(room="r", peer_id="p", peerinfo=BODY).frame(): b'42["room-user-join",{"room":"r","peer_id":"p",'
    b'"peerinfo":{"n": 1.50}}]',
    told.RoomUserLeave(room="r", peer_id="p", reason="left", payload=BODY).frame(): b'42["room-user-leave",{"room":"r",'
    b'"peer_id":"p","reason":"left","payload":{"n": 1.50}}]',
    told.RoomOwner(room="r", peer_id="p").frame(): b'42["room-owner",{"room":"r","peer_id":"p"}]',
    told.RoomClosed(room="r").frame(): b'42["room-closed",{"room":"r"}]',
    told.RoomClosed(room="r", by="p", text="t").frame(): b'42["room-closed",{"room":"r","by":"p","text":"t"}]',
    told.AuthExpiring(expires_in=60.0).frame(): b'42["auth-expiring",{"expires_in":60.0}]',
    told.SessionEnded(code="expired", message="m").frame(): b'42["session-ended",{"code":"expired","message":"m"}]',
    told.RoomJoinRequest(room="r", peer_id="p", identity=told.Identity("i", "n")).frame(): b'42["room-join-request",'
    b'{"room":"r","peer_id":"p","identity":{"id":"i","name":"n"}}]',
    told.RoomJoinWait(room="r", text="t").frame(): b'42["room-join-wait",{"room":"r","text":"t"}]',
    told.RoomJoinGone(room="r", peer_id="p", reason="left").frame(): b'42["room-join-gone",'
    b'{"room":"r","peer_id":"p","reason":"left","by":null}]',
    told.RoomRole(room="r", peer_id="p", role="owner", by="q").frame(): b'42["room-role",'
    b'{"room":"r","peer_id":"p","role":"owner","by":"q"}]',
    told.RoomKicked(room="r", by="p", text="t", banned_until=True).frame(): b'42["room-kicked",'
    b'{"room":"r","by":"p","text":"t","banned_until":true}]',
    told.RoomPolicy(room="r", policy={"history": 0}, by=None).frame(): b'42["room-policy",'
    b'{"room":"r","policy":{"history":0},"by":null}]',
    told.RoomMessage(
        room="r", id=7, peer_id="p", identity=told.Identity("i", "n"), role="owner", time=8, to="q", kind="chat",
        body=msgspec.Raw(b"[1.50]"),
    ).frame(): b'42["room-message",{"room":"r","id":7,"peer_id":"p","identity":{"id":"i","name":"n"},"role":"owner",'
    b'"time":8,"to":"q","kind":"chat","body":[1.50]}]',
    told.RoomUserUpdate(room="r", peer_id="p", peerinfo=msgspec.Raw(b"1.50")).frame(): b'42["room-user-update",'
    b'{"room":"r","peer_id":"p","peerinfo":1.50}]',
    told.RoomData(room="r", set={"k": msgspec.Raw(b"1.50")}, version=7, by="p").frame(): b'42["room-data",'
    b'{"room":"r","set":{"k":1.50},"version":7,"by":"p"}]',
    relay_frame("relay-session-description", "r", "p", b'{"n": 1.50}', b"2", b"3"): b'42["session-description",'
    b'{"room":"r",'
    b'"peer_id":"p","session_description":{"n": 1.50},"peerinfo":2,"payload":3}]',
    relay_frame("relay-ice-candidate", 'r"', "p", b"1", b"", b""): b'42["ice-candidate",{"room":"r\\"",'
    b'"peer_id":"p","ice_candidate":1}]',
}  # fmt: skip


@pytest.mark.parametrize(("made", "golden"), GOLDEN.items())
def test_frames_are_these_bytes(made: bytes, golden: bytes) -> None:
    assert made == golden


def test_every_event_has_its_bytes_here() -> None:
    assert {msgspec.json.decode(golden[2:])[0] for golden in GOLDEN.values()} == set(TOLD)


def test_an_acknowledgement_says_the_same() -> None:
    assert (
        told.RoomCreateAccept(room="r", payload=BODY).frames(7)[1]
        == b'437[{"ok":true,"room":"r","payload":{"n": 1.50}}]'
    )


@pytest.mark.parametrize("name", [name for name, event in EVENTS.items() if event.RELAYED_AS])
@pytest.mark.parametrize(("peerinfo", "payload"), [(b"", b""), (b"1", b""), (b"", b"2"), (b"1", b"2")])
def test_a_relay_is_what_its_declaration_says(name: str, peerinfo: bytes, payload: bytes) -> None:
    fields: dict[str, Any] = {"peerinfo": raw(peerinfo), "payload": raw(payload), EVENTS[name].BODY: raw(b"[1]")}
    declared = TOLD[EVENTS[name].RELAYED_AS](room="r", peer_id="p", **fields)
    assert relay_frame(name, "r", "p", b"[1]", peerinfo, payload) == declared.frame()


def test_every_refusal_can_be_said_of_every_event() -> None:
    for event in (*EVENTS, "no such event"):
        for code in CATALOGUE:
            name = msgspec.json.decode(refusal_frames(event, Refusal(code), None, KNOWN)[0][2:])[0]
            assert issubclass(TOLD[name], told.Refused)


@pytest.mark.parametrize("left_out", ["DOC", "SINCE", "COUNTED"])
def test_an_event_that_leaves_something_open_is_no_declaration(left_out: str) -> None:
    said = {"NAME": "x", "DOC": "x", "SINCE": 2, "COUNTED": True}
    del said[left_out]
    with pytest.raises(TypeError, match=f"does not say its {left_out}"):
        msgspec.defstruct("X", [], bases=(told.ServerEvent,), namespace=said)
    assert "x" not in TOLD


@pytest.mark.parametrize("hint", [Any, list[Any], dict[str, msgspec.Raw], msgspec.Raw])
def test_a_field_that_does_not_say_what_it_holds_is_no_declaration(hint: Any) -> None:
    said = {"NAME": "x", "DOC": "x", "SINCE": 2, "COUNTED": True}
    with pytest.raises(TypeError, match=r"X\.open does not say what it holds"):
        msgspec.defstruct("X", [("open", hint)], bases=(told.ServerEvent,), namespace=said)
    assert "x" not in TOLD
    msgspec.defstruct("X", [("open", Annotated[hint, Shape(int)])], bases=(told.ServerEvent,), namespace=said)
    del TOLD["x"]


def test_no_two_events_have_one_name() -> None:
    said = {"NAME": "room-owner", "DOC": "x", "SINCE": 2, "COUNTED": True}
    with pytest.raises(TypeError, match="has the name of RoomOwner"):
        msgspec.defstruct("X", [], bases=(told.ServerEvent,), namespace=said)


def test_the_client_in_the_protocol_counts_what_is_declared() -> None:
    written = re.search(r"COUNTED = new Set\(\[(.*?)\]\)", (ROOT / "PROTOCOL.md").read_text(), re.DOTALL)
    assert written is not None
    declared = {name for name, event in TOLD.items() if event.COUNTED and event.SINCE == 1}  # the version it asks for
    assert set(re.findall(r'"([a-z-]+)"', written[1])) == declared, "the list in PROTOCOL.md is not what told.py says"
