"""Questions to the authority are read by brokers and auth_apis of the version before and after."""

import typing

import msgspec
import pytest

from shared.envelopes.admin import (
    Answer,
    AnyAsk,
    AppLine,
    CloseRoom,
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
    ShowRoom,
    pack,
    unpack_answer,
    unpack_ask,
)
from shared.envelopes.policy import DEFAULT

# What went over the wire from the first version on. A line is never changed; a new kind gets a new line.
GOLDEN: list[tuple[AnyAsk, str]] = [
    (ListRooms("a", 7), "83a361736ba5726f6f6d73a56166746572a161a56c696d697407"),
    (ShowRoom("tea", "x"), "83a361736ba4726f6f6da4726f6f6da3746561a3617070a178"),
    (CloseRoom("tea", "x"), "83a361736baa636c6f73652d726f6f6da4726f6f6da3746561a3617070a178"),
    (RemovePeer("p"), "82a361736bab72656d6f76652d70656572a7706565725f6964a170"),
    (ListApps("a", 7), "83a361736ba461707073a56166746572a161a56c696d697407"),
    (NoteIssued("x", 5), "83a361736ba6697373756564a3617070a178a669737375656405"),
    (RevokeApp("x", 5), "83a361736ba67265766f6b65a3617070a178a5756e74696c05"),
    (
        SetPolicy("tea", "x", admission="open", max_peers=None),
        "85a361736ba6706f6c696379a4726f6f6da3746561a3617070a178a961646d697373696f6ea46f70656ea96d61785f7065657273c0",
    ),
    (
        KickPeer("tea", "p", "x", 60, "bye"),
        "86a361736ba46b69636ba4726f6f6da3746561a7706565725f6964a170a3617070a178a362616e3ca474657874a3627965",
    ),
    (
        KickPeer("tea", "p", "", True),
        "86a361736ba46b69636ba4726f6f6da3746561a7706565725f6964a170a3617070a0a362616ec3a474657874a0",
    ),
    (ListBans("tea", "x"), "83a361736ba462616e73a4726f6f6da3746561a3617070a178"),
    (
        LiftBan("tea", "x", "u"),
        "85a361736ba86c6966742d62616ea4726f6f6da3746561a3617070a178a26964a175a7706565725f6964a0",
    ),
    (
        LiftBan("tea", "", None, "p"),
        "85a361736ba86c6966742d62616ea4726f6f6da3746561a3617070a0a26964c0a7706565725f6964a170",
    ),
    (
        RevokeUser("x", "u", 5, 9),
        "85a361736bab7265766f6b652d75736572a3617070a178a26964a175a5756e74696c05a46c69666509",
    ),
    (
        ListRevocations("x", "u", 7),
        "84a361736bab7265766f636174696f6e73a3617070a178a56166746572a175a56c696d697407",
    ),
    (LiftRevocation("x", "u"), "83a361736baf6c6966742d7265766f636174696f6ea3617070a178a26964a175"),
]


@pytest.mark.parametrize(("ask", "wire"), GOLDEN, ids=lambda value: type(value).__name__)
def test_a_question_goes_over_the_wire_as_it_always_did(ask: AnyAsk, wire: str) -> None:
    assert pack(ask).hex() == wire
    assert unpack_ask(bytes.fromhex(wire)) == ask


def test_every_kind_of_question_is_among_these() -> None:
    assert {type(ask) for ask, _ in GOLDEN} == set(typing.get_args(AnyAsk)), "give the new kind a line in GOLDEN"


def test_an_answer_comes_as_plain_values() -> None:
    rooms = RoomPage([RoomLine("k", "r", "o", 2, 1, 0.5, DEFAULT, 0)], 9, 7)
    line = {"key": "k", "room": "r", "owner": "o", "peers": 2, "pending": 1, "created": 0.5}
    line |= {"policy": msgspec.structs.asdict(DEFAULT), "bans": 0}
    assert unpack_answer(pack(Answer(True, rooms))) == Answer(True, {"rooms": [line], "total": 9, "position": 7})
    assert unpack_answer(pack(Answer(True, {"x": AppLine(3, 0)}))).body == {"x": {"issued": 3, "revoked": 0}}
