"""What an operator may ask of the room authority: auth_api asks over NATS, the speaking broker answers."""

from typing import Annotated, Any

import msgspec

from shared.envelopes.entries import AppName, Id, Number, RoomKey, RoomName

MOST_ROOMS = 500  # in one answer
MOST_APPS = 1000


class Ask(msgspec.Struct, frozen=True, tag_field="ask"):
    """What all questions and orders have in common."""


class ListRooms(Ask, frozen=True, tag="rooms"):
    """Rooms in the order of their keys, after one key, at most ``limit`` of them."""

    after: RoomKey = ""
    limit: Annotated[int, msgspec.Meta(ge=1, le=MOST_ROOMS)] = 100


class ShowRoom(Ask, frozen=True, tag="room"):
    """One room with its members. ``app`` matters when apps have rooms of their own."""

    room: RoomName
    app: AppName = ""


class CloseRoom(Ask, frozen=True, tag="close-room"):
    """End a room for all its members."""

    room: RoomName
    app: AppName = ""


class RemovePeer(Ask, frozen=True, tag="remove-peer"):
    """Put a peer out of all its rooms, and close its socket."""

    peer_id: Id


class ListApps(Ask, frozen=True, tag="apps"):
    """The apps that tokens were issued for, in the order of their names, after one name, at most ``limit`` of them."""

    after: AppName = ""
    limit: Annotated[int, msgspec.Meta(ge=1, le=MOST_APPS)] = MOST_APPS


class NoteIssued(Ask, frozen=True, tag="issued"):
    """A token was issued."""

    app: AppName
    issued: Number


class RevokeApp(Ask, frozen=True, tag="revoke"):
    """Tokens of the app issued until then (seconds since the epoch) are invalid."""

    app: AppName
    until: Number


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
