"""The operator's calls that the room authority answers: auth_api asks over NATS, the speaking broker answers.

To add one: declare it here and in ``AnyAsk``, answer it in ``broker/speaking/desk.py``, and run ``make docs``. If it
changes something, it also needs an order (``shared/envelopes/entries.py``) with its rule in
``broker/core/rules/orders.py``.
"""

import typing
from typing import Annotated, Any, ClassVar

import msgspec
from msgspec import Meta

from shared.envelopes.calls import CALLS, Call, Must, Place
from shared.envelopes.entries import LONGEST_APP, AppName, Id, Number, RoomKey, RoomName

MOST_ROOMS = 500  # in one answer
MOST_APPS = 1000

Room = Annotated[RoomName, Meta(examples=["tea"])]
WhoseRoom = Annotated[AppName, Place.QUERY, Meta(description="The app that the room belongs to, with ROOM_SCOPE=app.")]
NewApp = Annotated[
    AppName,
    Meta(min_length=1, pattern=r"^(?![\s\S]*[\x00-\x1f\x7f-\x9f])", examples=["my-app"]),
    Must(f"have 1 to {LONGEST_APP} characters and no control characters"),
]
Now = Annotated[Number, Place.CLOCK]


class RoomLine(msgspec.Struct, frozen=True):
    """A room in a list of rooms."""

    key: str
    room: str
    owner: str
    peers: int
    pending: Annotated[int, Meta(description="Peers that have asked to be let in.")]
    created: Annotated[float, Meta(description="Seconds since the epoch.")]


class MemberLine(msgspec.Struct, frozen=True):
    """A member of a room."""

    peer_id: str
    app: str
    absent: Annotated[bool, Meta(description="Whether it has lost its connection and may come back.")]


class RoomPage(msgspec.Struct, frozen=True):
    """Some of the rooms."""

    rooms: list[RoomLine]
    total: Annotated[int, Meta(description="How many rooms there are.")]


class WholeRoom(RoomLine, frozen=True):
    """A room with its members."""

    members: list[MemberLine]


class AppLine(msgspec.Struct, frozen=True):
    """What is known of an app's tokens."""

    issued: Annotated[
        int, Meta(description="When the newest token was issued, in seconds since the epoch; 0: not known.")
    ]
    revoked: Annotated[int, Meta(description="Tokens issued until then are refused; 0: none.")]


class AppToken(msgspec.Struct, frozen=True):
    """A token for an app."""

    token: Annotated[str, Meta(description="A JWT.", pattern=r"^[^.]+\.[^.]+\.[^.]+$")]


class AppRevocation(msgspec.Struct, frozen=True):
    """Which tokens are refused from now on."""

    app: str
    revoked: Annotated[int, Meta(description="Those issued until then, in seconds since the epoch.")]


class Ask(Call, frozen=True, tag_field="ask"):
    """What all questions and orders have in common."""

    OPERATOR: ClassVar[bool] = True
    REFUSALS: ClassVar[tuple[int, ...]] = (*Call.REFUSALS, 404, 503)


class ListRooms(Ask, frozen=True, tag="rooms"):
    NAME = "listRooms"
    METHOD = "GET"
    PATH = "/admin/rooms"
    DOC = "List rooms"
    NOTE = "They come in the order of their keys."
    ANSWER = RoomPage

    after: Annotated[RoomKey, Meta(description="The key of the last room of the page before.")] = ""
    limit: Annotated[
        int,
        Meta(ge=1, le=MOST_ROOMS, description="How many rooms to list at most."),
        Must(f"be a number from 1 to {MOST_ROOMS}"),
    ] = 100


class ShowRoom(Ask, frozen=True, tag="room"):
    NAME = "showRoom"
    METHOD = "GET"
    PATH = "/admin/rooms/{room}"
    DOC = "Show one room with its members"
    ANSWER = WholeRoom

    room: Room
    app: WhoseRoom = ""


class CloseRoom(Ask, frozen=True, tag="close-room"):
    NAME = "closeRoom"
    METHOD = "DELETE"
    PATH = "/admin/rooms/{room}"
    DOC = "Close a room"
    NOTE = "Its members stay connected, and are told that the room is closed."
    ANSWER = None

    room: Room
    app: WhoseRoom = ""


class RemovePeer(Ask, frozen=True, tag="remove-peer"):
    NAME = "removePeer"
    METHOD = "DELETE"
    PATH = "/admin/peers/{peer_id}"
    DOC = "Remove a peer from its rooms, and close its socket"
    ANSWER = None

    peer_id: Annotated[Id, Meta(examples=["PEER_ID"]), Must("have 1 to 64 characters")]


class ListApps(Ask, frozen=True, tag="apps"):
    NAME = "listApps"
    METHOD = "GET"
    PATH = "/admin/apps"
    DOC = "List the apps that tokens were issued for"
    NOTE = "They come in the order of their names."
    ANSWER = dict[str, AppLine]

    after: Annotated[AppName, Meta(description="The name of the last app of the page before.")] = ""
    limit: Annotated[
        int,
        Meta(ge=1, le=MOST_APPS, description="How many apps to list at most."),
        Must(f"be a number from 1 to {MOST_APPS}"),
    ] = MOST_APPS


class NoteIssued(Ask, frozen=True, tag="issued"):
    """The authority notes that there is a token; auth_api makes it."""

    NAME = "issueToken"
    METHOD = "POST"
    PATH = "/admin/apps/{app}"
    DOC = "Issue an app token"
    ANSWER = AppToken

    app: NewApp
    issued: Now


class RevokeApp(Ask, frozen=True, tag="revoke"):
    NAME = "revokeApp"
    METHOD = "DELETE"
    PATH = "/admin/apps/{app}"
    DOC = "Revoke all tokens of an app issued until now"
    NOTE = "Every gateway refuses them, and closes the sockets that authenticated with them."
    ANSWER = AppRevocation

    app: NewApp
    until: Now


AnyAsk = ListRooms | ShowRoom | CloseRoom | RemovePeer | ListApps | NoteIssued | RevokeApp

if _odd := {call for call in CALLS.values() if issubclass(call, Ask)} ^ set(typing.get_args(AnyAsk)):
    raise TypeError(f"{', '.join(call.__name__ for call in _odd)}: a question to the authority belongs into AnyAsk")


class Answer(msgspec.Struct, frozen=True):
    """``found`` is False when there is no such room, peer or app. ``body`` is what the call declares as its ANSWER."""

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
