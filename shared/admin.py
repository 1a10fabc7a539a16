"""What an operator may ask of the room authority: auth_api asks over NATS, the speaking broker answers."""

from typing import Any

import msgspec


class Ask(msgspec.Struct, frozen=True, tag_field="ask"):
    """What all questions and orders have in common."""


class ListRooms(Ask, frozen=True, tag="rooms"):
    """Rooms in the order of their keys, after one key, at most ``limit`` of them."""

    after: str = ""
    limit: int = 100


class ShowRoom(Ask, frozen=True, tag="room"):
    """One room with its members. ``app`` matters when apps have rooms of their own."""

    room: str
    app: str = ""


class CloseRoom(Ask, frozen=True, tag="close-room"):
    """End a room for all its members."""

    room: str
    app: str = ""


class RemovePeer(Ask, frozen=True, tag="remove-peer"):
    """Put a peer out of all its rooms, and close its socket."""

    peer_id: str


class ListApps(Ask, frozen=True, tag="apps"):
    """The apps that tokens were issued for."""


class NoteIssued(Ask, frozen=True, tag="issued"):
    """A token was issued."""

    app: str
    issued: int


class RevokeApp(Ask, frozen=True, tag="revoke"):
    """Tokens of the app issued until then (seconds since the epoch) count no more."""

    app: str
    until: int


AnyAsk = ListRooms | ShowRoom | CloseRoom | RemovePeer | ListApps | NoteIssued | RevokeApp


class Answer(msgspec.Struct, frozen=True):
    """``found`` is False when there is no such room, peer or app."""

    found: bool
    body: Any = None


_ask_decoder: msgspec.msgpack.Decoder[AnyAsk] = msgspec.msgpack.Decoder(AnyAsk)
_answer_decoder = msgspec.msgpack.Decoder(Answer)


def pack(message: AnyAsk | Answer) -> bytes:
    """A question or an answer as bytes."""
    return msgspec.msgpack.encode(message)


def unpack_ask(data: bytes) -> AnyAsk:
    """A question. Raises msgspec.MsgspecError."""
    return _ask_decoder.decode(data)


def unpack_answer(data: bytes) -> Answer:
    """An answer. Raises msgspec.MsgspecError."""
    return _answer_decoder.decode(data)
