"""The operator's calls that the room authority answers: auth_api asks over NATS, the speaking broker answers.

To add one: declare it here and in ``Question`` or ``Command``, answer it in ``broker/speaking/desk.py``, and run
``make docs``. If it changes something, it also needs an order (``shared/envelopes/entries.py``) with its rule in
``broker/core/rules/orders.py``.
"""

import typing
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from shared.envelopes.calls import CALLS, Call, Must, Place
from shared.envelopes.entries import LONGEST_APP, AppName, Id, MaybeId, Number, RoomKey, RoomName, Text
from shared.envelopes.policy import Admission, MaxPeers, MessagesShown, OwnerLeaves, Policy
from shared.envelopes.users import LONGEST_IDENTITY, UserId

MOST_ROOMS = 500  # in one answer
MOST_APPS = 1000
MOST_FOUND = 100  # peers in one answer
LONGEST_SEARCH = 128  # characters
MOST_REVOCATIONS = 1000
LONGEST_BAN = 366 * 86400  # seconds

Room = Annotated[RoomName, Meta(examples=["tea"])]
WhoseRoom = Annotated[AppName, Place.QUERY, Meta(description="The app that the room belongs to, with ROOM_SCOPE=app.")]
NewApp = Annotated[
    AppName,
    Meta(min_length=1, pattern=r"^(?![\s\S]*[\x00-\x1f\x7f-\x9f])", examples=["my-app"]),
    Must(f"have 1 to {LONGEST_APP} characters and no control characters"),
]
KnownUser = Annotated[UserId, Meta(description="The identity.", examples=["user-17"])]
Now = Annotated[Number, Place.CLOCK]
Jwt = Annotated[str, Meta(description="A JWT.", pattern=r"^[^.]+\.[^.]+\.[^.]+$")]
Ban = (
    bool
    | Annotated[
        int,
        Meta(ge=1, le=LONGEST_BAN, description="Seconds, or true for as long as the room exists."),
    ]
)


class UserLine(msgspec.Struct, frozen=True):
    """An identity, as the app's backend vouches for it."""

    id: str
    name: str


class RoomLine(msgspec.Struct, frozen=True):
    """A room in a list of rooms."""

    key: str
    room: str
    owner: str
    peers: int
    pending: Annotated[int, Meta(description="Peers that have asked to be let in.")]
    created: Annotated[float, Meta(description="Seconds since the epoch.")]
    policy: Policy
    bans: Annotated[int, Meta(description="How many are banned from it.")]


class CandidateLine(msgspec.Struct, frozen=True):
    """A peer that waits to be let into a room."""

    peer_id: str
    app: str
    absent: Annotated[bool, Meta(description="Whether it has lost its connection and may come back.")]
    identity: Annotated[UserLine | None, Meta(description="Null for an anonymous peer.")]


class MemberLine(CandidateLine, frozen=True):
    """A member of a room."""

    role: Literal["owner", "moderator", "member"]
    joined: Annotated[float, Meta(description="When it came in, in seconds since the epoch.")]


LogPosition = Annotated[int, Meta(description="The position in the log that this stands for.")]
After = Annotated[
    str | None,
    Meta(
        description="The id of the newest notice that is in this already: go on with `GET /admin/notices?after=` it. "
        "Null if there are no notices."
    ),
]


class RoomPage(msgspec.Struct, frozen=True):
    """Some of the rooms."""

    rooms: list[RoomLine]
    total: Annotated[int, Meta(description="How many rooms there are.")]
    position: LogPosition
    notices_after: After = None


class WhereLine(msgspec.Struct, frozen=True):
    """A room that a peer is in."""

    key: str
    room: str


class PeerLine(CandidateLine, frozen=True):
    """A peer, and where it is."""

    rooms: list[WhereLine]


class PeerPage(msgspec.Struct, frozen=True):
    """Some of the peers."""

    peers: list[PeerLine]
    more: Annotated[bool, Meta(description="Whether there may be others.")]


class WholeRoom(RoomLine, frozen=True):
    """A room with its members, and with those who wait to be let in. Of very many it has the first ones."""

    members: list[MemberLine]
    candidates: list[CandidateLine]
    position: LogPosition
    notices_after: After = None


class MinuteLine(msgspec.Struct):
    """How often something happened in one minute."""

    minute: Annotated[int, Meta(description="Which minute since the epoch.")]
    created: Annotated[int, Meta(description="Rooms that were made.")] = 0
    closed: Annotated[int, Meta(description="Rooms that are gone.")] = 0
    joined: Annotated[int, Meta(description="Peers that came into a room.")] = 0
    left: Annotated[int, Meta(description="Peers that left a room.")] = 0
    asked: Annotated[int, Meta(description="Peers that began to wait for a room.")] = 0


class HourPage(msgspec.Struct, frozen=True):
    """The minutes of the last hour in which anything happened, the oldest first."""

    minutes: list[MinuteLine]


class BanLine(msgspec.Struct, frozen=True):
    """One who may not come into a room."""

    until: Annotated[float | None, Meta(description="Seconds since the epoch; null: for as long as the room exists.")]
    by_owner: Annotated[bool, Meta(description="Whether the owner or an operator banned it, and no moderator.")]
    identity: Annotated[UserLine | None, Meta(description="Null for an anonymous peer.")]
    peer_id: Annotated[str | None, Meta(description="Of an anonymous peer; null for an identity.")]


class BanList(msgspec.Struct, frozen=True):
    """All bans of a room, in the order in which they were made."""

    bans: list[BanLine]


class AppLine(msgspec.Struct, frozen=True):
    """What is known of an app's tokens."""

    issued: Annotated[
        int, Meta(description="When the newest token was issued, in seconds since the epoch; 0: not known.")
    ]
    revoked: Annotated[int, Meta(description="Tokens issued until then are refused; 0: none.")]


class AppToken(msgspec.Struct, frozen=True):
    """A token for an app."""

    token: Jwt


class AppRevocation(msgspec.Struct, frozen=True):
    """Which tokens are refused from now on."""

    app: str
    revoked: Annotated[int, Meta(description="Those issued until then, in seconds since the epoch.")]


class RevocationLine(msgspec.Struct, frozen=True):
    """A user whose tokens were revoked."""

    id: Annotated[str, Meta(description="The identity.")]
    revoked: Annotated[int, Meta(description="Tokens issued until then are refused, in seconds since the epoch.")]
    remembered: Annotated[
        float, Meta(description="Until then, in seconds since the epoch: such a token has ended by itself by then.")
    ]


class RevocationPage(msgspec.Struct, frozen=True):
    """Some of the revoked users of an app."""

    revocations: list[RevocationLine]


class UserRevocation(msgspec.Struct, frozen=True):
    """Which tokens of a user are refused from now on."""

    app: str
    id: str
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


class NewOrder(Ask, frozen=True):
    """An order that cannot always be done: brokers of an earlier release do not know it, or there is no place."""

    REFUSALS: ClassVar[tuple[int, ...]] = (*Ask.REFUSALS, 409)


class SetPolicy(NewOrder, frozen=True, tag="policy"):
    NAME = "setPolicy"
    METHOD = "POST"
    PATH = "/admin/rooms/{room}/policy"
    DOC = "Change the policy of a room"
    NOTE = "The keys that are given change. All members are told; if the room is open now, those who wait come in."
    ANSWER = Policy
    STRICT = True

    room: Room
    app: WhoseRoom = ""
    admission: Annotated[Admission | UnsetType, Meta(examples=["closed"])] = UNSET
    max_peers: MaxPeers | UnsetType | None = UNSET
    owner_leaves: OwnerLeaves | UnsetType = UNSET
    waiting_text: Text | UnsetType = UNSET
    history: MessagesShown | UnsetType = UNSET


class KickPeer(NewOrder, frozen=True, tag="kick"):
    NAME = "kickPeer"
    METHOD = "POST"
    PATH = "/admin/rooms/{room}/kick"
    DOC = "Put a peer out of a room, or out of its waiting line"
    NOTE = (
        "Its role does not matter, and it stays connected. A ban holds for the identity, and for an anonymous peer's "
        "`peer_id`; only the owner or an operator can lift it. 409: as many are banned from this room as can be."
    )
    ANSWER = None

    room: Room
    peer_id: Annotated[Id, Meta(examples=["PEER_ID"]), Must("have 1 to 64 characters")]
    app: WhoseRoom = ""
    ban: Annotated[Ban, Meta(examples=[3600]), Must(f"be true, or seconds from 1 to {LONGEST_BAN}")] = False
    text: Annotated[Text, Meta(description="What the peer is told.")] = ""


class ListBans(Ask, frozen=True, tag="bans"):
    NAME = "listBans"
    METHOD = "GET"
    PATH = "/admin/rooms/{room}/bans"
    DOC = "List who is banned from a room"
    ANSWER = BanList

    room: Room
    app: WhoseRoom = ""


class LiftBan(NewOrder, frozen=True, tag="lift-ban"):
    """Raises ValueError when it names nobody, or two."""

    NAME = "liftBan"
    METHOD = "DELETE"
    PATH = "/admin/rooms/{room}/bans"
    DOC = "Lift the ban of an identity or of an anonymous peer"
    NOTE = "Give either `id` or `peer_id`."
    ANSWER = None

    room: Room
    app: WhoseRoom = ""
    id: Annotated[UserId | None, Meta(description="The identity.", examples=["user-17"])] = None
    peer_id: Annotated[MaybeId, Meta(description="The anonymous peer.")] = ""

    def __post_init__(self) -> None:
        if bool(self.id) == bool(self.peer_id):
            raise ValueError("give either id or peer_id")


class ShowHour(Ask, frozen=True, tag="hour"):
    NAME = "showHour"
    METHOD = "GET"
    PATH = "/admin/hour"
    DOC = "Count what happened in each minute of the last hour"
    NOTE = (
        "It is counted from the notices, by the broker that answers: from its start on, and only while notices are on."
    )
    ANSWER = HourPage


class FindPeers(Ask, frozen=True, tag="find-peers"):
    NAME = "findPeers"
    METHOD = "GET"
    PATH = "/admin/peers"
    DOC = "Find peers by their identity"
    NOTE = "The text is looked for in the id and the name of each identity, and at the beginning of each `peer_id`."
    ANSWER = PeerPage

    search: Annotated[
        str,
        Meta(min_length=1, max_length=LONGEST_SEARCH, examples=["user-17"]),
        Must(f"have 1 to {LONGEST_SEARCH} characters"),
    ]
    limit: Annotated[
        int,
        Meta(ge=1, le=MOST_FOUND, description="How many peers to list at most."),
        Must(f"be a number from 1 to {MOST_FOUND}"),
    ] = 20


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


class RevokeUser(NewOrder, frozen=True, tag="revoke-user"):
    NAME = "revokeUser"
    METHOD = "DELETE"
    PATH = "/admin/apps/{app}/users/{id}"
    DOC = "Revoke all tokens of a user issued until now"
    NOTE = (
        "Every gateway refuses them, and the user's peers are removed from their rooms. "
        "409: as many users are revoked as can be."
    )
    ANSWER = UserRevocation

    app: NewApp
    id: KnownUser
    until: Now
    life: Annotated[Number, Place.SERVER] = 0  # how long it has to be remembered, in seconds


class ListRevocations(Ask, frozen=True, tag="revocations"):
    NAME = "listRevocations"
    METHOD = "GET"
    PATH = "/admin/apps/{app}/revocations"
    DOC = "List the users of an app whose tokens were revoked"
    NOTE = "They come in the order of their ids. A page that is empty is the last one."
    ANSWER = RevocationPage

    app: NewApp
    after: Annotated[str, Meta(max_length=LONGEST_IDENTITY, description="The last id of the page before.")] = ""
    limit: Annotated[
        int,
        Meta(ge=1, le=MOST_REVOCATIONS, description="How many users to list at most."),
        Must(f"be a number from 1 to {MOST_REVOCATIONS}"),
    ] = 100


class LiftRevocation(NewOrder, frozen=True, tag="lift-revocation"):
    NAME = "liftRevocation"
    METHOD = "DELETE"
    PATH = "/admin/apps/{app}/revocations/{id}"
    DOC = "Let the revoked tokens of a user be valid again"
    ANSWER = None

    app: NewApp
    id: KnownUser


Question = ListRooms | ShowRoom | ListBans | FindPeers | ShowHour | ListApps | ListRevocations
Command = CloseRoom | SetPolicy | KickPeer | LiftBan | RemovePeer | NoteIssued | RevokeApp | RevokeUser | LiftRevocation
AnyAsk = Question | Command

if _odd := {call for call in CALLS.values() if issubclass(call, Ask)} ^ set(typing.get_args(AnyAsk)):
    raise TypeError(
        f"{', '.join(call.__name__ for call in _odd)}: a question to the authority belongs into Question or Command"
    )


class Answer(msgspec.Struct, frozen=True):
    """``found`` is False when there is no such thing. ``body`` is what the call declares as its ANSWER.

    ``refused`` is a sentence that says why it cannot be done; empty if it is done.
    """

    found: bool
    body: Any = None
    refused: str = ""


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
