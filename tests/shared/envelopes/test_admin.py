"""Questions to the authority are read by brokers and auth_apis of the version before and after."""

import typing

import msgspec
import pytest

from shared.envelopes.admin import (
    Answer,
    AnyAsk,
    AppLine,
    CloseRoom,
    FindPeers,
    KickPeer,
    LiftBan,
    LiftRevocation,
    ListApps,
    ListBans,
    ListRevocations,
    ListRooms,
    NoteIssued,
    RemovePeer,
    RevokeApp,
    RevokeUser,
    RoomLine,
    RoomPage,
    SetPolicy,
    ShowHour,
    ShowRoom,
    pack,
    unpack_answer,
    unpack_ask,
)
from shared.envelopes.policy import DEFAULT

# What went over the wire from the first version on. A line is never changed; a new kind gets a new line.
GOLDEN: list[tuple[AnyAsk, str]] = [
    (ListRooms("a", 7), "83a361736ba5726f 6f6d73a561667465 72a161a56c696d69 7407"),
    (ShowRoom("tea", "x"), "83a361736ba4726f 6f6da4726f6f6da3 746561a3617070a1 78"),
    (CloseRoom("tea", "x"), "83a361736baa636c 6f73652d726f6f6d a4726f6f6da37465 61a3617070a178"),
    (RemovePeer("p"), "82a361736bab7265 6d6f76652d706565 72a7706565725f69 64a170"),
    (ListApps("a", 7), "83a361736ba46170 7073a56166746572 a161a56c696d6974 07"),
    (NoteIssued("x", 5), "83a361736ba66973 73756564a3617070 a178a66973737565 6405"),
    (RevokeApp("x", 5), "83a361736ba67265 766f6b65a3617070 a178a5756e74696c 05"),
    (
        SetPolicy("tea", "x", admission="open", max_peers=None),
        "85a361736ba6706f 6c696379a4726f6f 6da3746561a36170 70a178a961646d69 7373696f6ea46f70 "
        "656ea96d61785f70 65657273c0",
    ),
    (
        KickPeer("tea", "p", "x", 60, "bye"),
        "86a361736ba46b69 636ba4726f6f6da3 746561a770656572 5f6964a170a36170 70a178a362616e3c a474657874a36279 65",
    ),
    (
        KickPeer("tea", "p", "", True),
        "86a361736ba46b69 636ba4726f6f6da3 746561a770656572 5f6964a170a36170 70a0a362616ec3a4 74657874a0",
    ),
    (ListBans("tea", "x"), "83a361736ba46261 6e73a4726f6f6da3 746561a3617070a1 78"),
    (
        LiftBan("tea", "x", "u"),
        "85a361736ba86c69 66742d62616ea472 6f6f6da3746561a3 617070a178a26964 a175a7706565725f 6964a0",
    ),
    (
        LiftBan("tea", "", None, "p"),
        "85a361736ba86c69 66742d62616ea472 6f6f6da3746561a3 617070a0a26964c0 a7706565725f6964 a170",
    ),
    (
        RevokeUser("x", "u", 5, 9),
        "85a361736bab7265 766f6b652d757365 72a3617070a178a2 6964a175a5756e74 696c05a46c696665 09",
    ),
    (
        ListRevocations("x", "u", 7),
        "84a361736bab7265 766f636174696f6e 73a3617070a178a5 6166746572a175a5 6c696d697407",
    ),
    (ShowHour(), "81a361736ba4686f 7572"),
    (FindPeers("ann", 3), "83a361736baa6669 6e642d7065657273 a6736561726368a3 616e6ea56c696d69 7403"),
    (LiftRevocation("x", "u"), "83a361736baf6c69 66742d7265766f63 6174696f6ea36170 70a178a26964a175"),
]


@pytest.mark.parametrize(("ask", "wire"), GOLDEN, ids=lambda value: type(value).__name__)
def test_a_question_goes_over_the_wire_as_it_always_did(ask: AnyAsk, wire: str) -> None:
    assert pack(ask) == bytes.fromhex(wire)
    assert unpack_ask(bytes.fromhex(wire)) == ask


def test_every_kind_of_question_is_among_these() -> None:
    assert {type(ask) for ask, _ in GOLDEN} == set(typing.get_args(AnyAsk)), "give the new kind a line in GOLDEN"


def test_an_answer_comes_as_plain_values() -> None:
    rooms = RoomPage([RoomLine("k", "r", "o", 2, 1, 0.5, DEFAULT, 0)], 9, 7, "log-7-0")
    line = {"key": "k", "room": "r", "owner": "o", "peers": 2, "pending": 1, "created": 0.5}
    line |= {"policy": msgspec.structs.asdict(DEFAULT), "bans": 0}
    page = {"rooms": [line], "total": 9, "position": 7, "notices_after": "log-7-0"}
    assert unpack_answer(pack(Answer(True, rooms))) == Answer(True, page)
    assert unpack_answer(pack(Answer(True, {"x": AppLine(3, 0)}))).body == {"x": {"issued": 3, "revoked": 0}}
