"""Questions to the authority are read by brokers and auth_apis of the version before and after."""

import typing

import pytest

from shared.envelopes.admin import (
    Answer,
    AnyAsk,
    AppLine,
    CloseRoom,
    ListApps,
    ListRooms,
    NoteIssued,
    RemovePeer,
    RevokeApp,
    RoomLine,
    RoomPage,
    ShowRoom,
    pack,
    unpack_answer,
    unpack_ask,
)

# What went over the wire from the first version on. A line is never changed; a new kind gets a new line.
GOLDEN: list[tuple[AnyAsk, str]] = [
    (ListRooms("a", 7), "83a361736ba5726f6f6d73a56166746572a161a56c696d697407"),
    (ShowRoom("tea", "x"), "83a361736ba4726f6f6da4726f6f6da3746561a3617070a178"),
    (CloseRoom("tea", "x"), "83a361736baa636c6f73652d726f6f6da4726f6f6da3746561a3617070a178"),
    (RemovePeer("p"), "82a361736bab72656d6f76652d70656572a7706565725f6964a170"),
    (ListApps("a", 7), "83a361736ba461707073a56166746572a161a56c696d697407"),
    (NoteIssued("x", 5), "83a361736ba6697373756564a3617070a178a669737375656405"),
    (RevokeApp("x", 5), "83a361736ba67265766f6b65a3617070a178a5756e74696c05"),
]


@pytest.mark.parametrize(("ask", "wire"), GOLDEN, ids=lambda value: type(value).__name__)
def test_a_question_goes_over_the_wire_as_it_always_did(ask: AnyAsk, wire: str) -> None:
    assert pack(ask).hex() == wire
    assert unpack_ask(bytes.fromhex(wire)) == ask


def test_every_kind_of_question_is_among_these() -> None:
    assert {type(ask) for ask, _ in GOLDEN} == set(typing.get_args(AnyAsk)), "give the new kind a line in GOLDEN"


def test_an_answer_comes_as_plain_values() -> None:
    rooms = RoomPage([RoomLine("k", "r", "o", 2, 1, 0.5)], 9)
    line = {"key": "k", "room": "r", "owner": "o", "peers": 2, "pending": 1, "created": 0.5}
    assert unpack_answer(pack(Answer(True, rooms))) == Answer(True, {"rooms": [line], "total": 9})
    assert unpack_answer(pack(Answer(True, {"x": AppLine(3, 0)}))).body == {"x": {"issued": 3, "revoked": 0}}
