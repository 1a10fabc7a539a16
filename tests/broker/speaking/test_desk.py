"""The desk answers auth_api, and nobody else through it."""

import time
import typing
from collections.abc import Callable

import msgspec
import pytest
from nats.aio.msg import Msg

from broker.core import users
from broker.core.bans import MOST_BANS
from broker.core.limits import Limits
from broker.core.machine import Core
from broker.core.state import Ban, KnownApp, Member, Peer, Pending, RevokedUser, Room, State
from broker.core.users import revoke
from broker.settings import Settings
from broker.speaking.desk import Desk, _ask
from broker.speaking.hour import Hour
from broker.speaking.lease import Lease
from broker.speaking.log_clock import LogClock
from broker.storage.stream import EventLog
from shared.envelopes.admin import (
    Answer,
    AnyAsk,
    BanLine,
    CandidateLine,
    CloseRoom,
    FindPeers,
    KickPeer,
    LiftBan,
    LiftRevocation,
    ListApps,
    ListBans,
    ListRevocations,
    ListRooms,
    MemberLine,
    NoteIssued,
    RemovePeer,
    RevocationLine,
    RevokeApp,
    RevokeUser,
    SetPolicy,
    ShowHour,
    ShowRoom,
    UserLine,
    pack,
    unpack_answer,
    unpack_ask,
)
from shared.envelopes.entries import (
    BanLifted,
    Ordered,
    PeerKicked,
    PolicySet,
    UserRestored,
    UserRevoked,
)
from shared.envelopes.notices import NoticeId
from shared.envelopes.policy import Policy
from shared.envelopes.users import User
from shared.messaging.nats import Client
from shared.process.world import World

NOW = int(time.time())


@pytest.fixture
async def desk(nc: Client) -> Desk:
    """One that is asked while its broker speaks."""
    event_log, core = EventLog(nc, Settings(), World()), Core(Limits())
    await event_log.open()
    lease = Lease(nc, "broker", 1, lambda: 0, World().monotonic)
    lease.term = 1
    clock = LogClock()
    clock.set(NOW, time.monotonic())
    return Desk(nc, event_log, core, lease, clock, lambda: NoticeId("log", 7, 1), Hour(), "broker", World())


async def answered(nc: Client, desk: Desk, reply: str, data: bytes) -> bool:
    heard: list[bytes] = []
    subscription = await nc.subscribe_straight(reply or "_INBOX_auth_api.x", lambda _s, _r, data: heard.append(data))
    await desk._answer(Msg(nc, subject="parley.admin", reply=reply, data=data))
    await nc.flush()
    await subscription.unsubscribe()
    return bool(heard)


@pytest.mark.parametrize("reply", ["", "$JS.API.STREAM.PURGE.parley-events", "parley.deliver.x", "_INBOX_broker.x"])
async def test_nothing_is_answered_anywhere_but_at_auth_api(nc: Client, desk: Desk, reply: str) -> None:
    assert not await answered(nc, desk, reply, pack(ListRooms()))
    for inbox in ("_INBOX_auth_api.x", "_R_.x"):
        assert await answered(nc, desk, inbox, pack(ListRooms()))


@pytest.mark.parametrize("order", [lambda at: RevokeApp("app", at), lambda at: NoteIssued("app", at)])
async def test_an_order_about_tokens_of_the_future_is_not_taken(
    nc: Client, desk: Desk, order: Callable[[int], RevokeApp | NoteIssued]
) -> None:
    assert not await answered(nc, desk, "_INBOX_auth_api.x", pack(order(NOW + 3600)))
    assert (await desk._log.extent()).last == 0


EXAMPLES: list[AnyAsk] = [
    ListRooms(),
    ShowRoom("tea"),
    CloseRoom("tea"),
    RemovePeer("ann"),
    ListApps(),
    FindPeers("ann"),
    ShowHour(),
    NoteIssued("chat", NOW),
    RevokeApp("chat", NOW),
    SetPolicy("tea", admission="open"),
    KickPeer("tea", "ann", ban=60),
    ListBans("tea"),
    LiftBan("tea", id="bob"),
    RevokeUser("chat", "ann", NOW, 60),
    ListRevocations("chat"),
    LiftRevocation("chat", "bob"),
]


@pytest.mark.parametrize("ask", EXAMPLES, ids=lambda ask: type(ask).__name__)
async def test_what_is_answered_is_what_the_call_declares(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, ask: AnyAsk
) -> None:
    furnish(desk._core.state)
    monkeypatch.setattr(desk, "_order", answered_at_once)
    answer = unpack_answer(pack(await desk._do(ask)))
    assert answer.found
    if type(ask) not in MADE_BY_AUTH_API:
        assert msgspec.to_builtins(msgspec.convert(answer.body, ask.ANSWER)) == answer.body


def furnish(state: State) -> None:
    """A room with its owner in it, who is a user, one who waits for it, and bans."""
    state.peers["ann"] = Peer("ann", "chat", "c", "g", b"", True, user=User("ann", "Ann", NOW, NOW + 60))
    state.peers["cleo"] = Peer("cleo", "chat", "", "", b"", True)
    state.rooms["tea"] = Room("tea", "tea", "ann", float(NOW), {"ann": Member(float(NOW))})
    state.rooms["tea"].pending["cleo"] = Pending(b"", [])
    state.rooms["tea"].bans = {
        "chat\nbob": Ban(None, True, "bob", "Bob"),
        "\np": Ban(float(NOW + 60), False, peer_id="p"),
        "\nover": Ban(float(NOW), False, peer_id="over"),
    }
    state.apps["chat"] = KnownApp(NOW)
    state.revoked_users["chat\nbob"] = RevokedUser("chat", "bob", NOW, NOW + 60.0)
    state.revoked_users["chat\nover"] = RevokedUser("chat", "over", NOW, float(NOW))
    state.revoked_users["mail\nann"] = RevokedUser("mail", "ann", NOW, NOW + 60.0)
    state.now, state.position = float(NOW), 7


async def answered_at_once(order: object) -> Answer:
    return Answer(True)


ABSENT: list[AnyAsk] = [
    ShowRoom("none"),
    CloseRoom("none"),
    RemovePeer("none"),
    SetPolicy("none", admission="open"),
    KickPeer("none", "ann"),
    KickPeer("tea", "none"),
    ListBans("none"),
    LiftBan("none", id="bob"),
    LiftBan("tea", id="ann"),
    LiftBan("tea", peer_id="over"),
    LiftRevocation("chat", "ann"),
    LiftRevocation("chat", "over"),
]


@pytest.mark.parametrize("ask", ABSENT, ids=str)
async def test_what_is_not_there_is_not_found_and_puts_nothing_into_the_log(desk: Desk, ask: AnyAsk) -> None:
    furnish(desk._core.state)
    assert not (await desk._do(ask)).found
    assert (await desk._log.extent()).last == 0


async def test_who_is_in_a_room_and_who_waits_is_shown_with_identity_and_role(desk: Desk) -> None:
    furnish(desk._core.state)
    room = (await desk._do(ShowRoom("tea"))).body
    ann = MemberLine("ann", "chat", False, UserLine("ann", "Ann"), "owner", float(NOW))
    assert (room.members, room.candidates) == ([ann], [CandidateLine("cleo", "chat", True, None)])
    assert (room.pending, room.bans, room.position) == (1, 2, 7)
    assert (room.policy.admission, room.policy.max_peers) == ("ask", Limits().peers_per_room)
    page = (await desk._do(ListRooms())).body
    assert (page.position, [line.room for line in page.rooms]) == (7, ["tea"])


async def test_bans_and_revocations_are_listed_as_long_as_they_hold(desk: Desk) -> None:
    furnish(desk._core.state)
    assert (await desk._do(ListBans("tea"))).body.bans == [
        BanLine(None, True, UserLine("bob", "Bob"), None),
        BanLine(float(NOW + 60), False, None, "p"),
    ]
    page = (await desk._do(ListRevocations("chat"))).body
    assert page.revocations == [RevocationLine("bob", NOW, NOW + 60.0)]


async def test_revocations_come_in_pages(desk: Desk) -> None:
    for number in range(25):
        revoke(desk._core.state, RevokedUser("chat", f"{number:02}", NOW, NOW + 60.0))
    desk._core.state.now = float(NOW)
    seen: list[str] = []
    while page := (await desk._do(ListRevocations("chat", seen[-1] if seen else "", 10))).body.revocations:
        seen += [line.id for line in page]
    assert seen == [f"{number:02}" for number in range(25)]


async def test_an_answer_fits_into_a_message_whatever_people_are_called(desk: Desk) -> None:
    state = desk._core.state
    furnish(state)
    room = state.rooms["tea"]
    for number in range(2000):
        name = f"{number:04}" + "\U0001f600" * 60
        peer = state.peers[name] = Peer(name, "chat", "c", "g", b"", True)
        peer.user = User("\U0001f600" * 128, "\U0001f600" * 128, NOW, NOW + 60)
        if number % 2:
            room.members[name] = Member(float(NOW))
        else:
            room.pending[name] = Pending(b"", [])
        revoke(state, RevokedUser("chat", f"{number:04}" + "\U0001f600" * 124, NOW, NOW + 60.0))
        state.rooms[name * 15] = Room(
            name * 15, name * 15, "ann", 0.0, room.members, policy=Policy(waiting_text=name * 4)
        )
    for ask in (ShowRoom("tea"), ListRooms(limit=500), ListRevocations("chat", limit=1000)):
        size = len(pack(await desk._do(ask)))
        assert 300 * 1024 < size < 1024 * 1024, ask


async def test_what_an_order_cannot_do_is_refused_with_a_sentence_before_it_is_in_the_log(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = desk._core.state
    furnish(state)
    bans = state.rooms["tea"].bans
    bans.update({f"\n{number}": Ban(None, False, peer_id=str(number)) for number in range(MOST_BANS - 2)})
    monkeypatch.setattr(users, "MOST_REVOKED", 2)
    del state.revoked_users["chat\nover"]
    for ask in (KickPeer("tea", "cleo", ban=True), RevokeUser("chat", "ann", NOW, 60)):
        assert (await desk._do(ask)).refused
    assert (await desk._log.extent()).last == 0
    monkeypatch.setattr(desk, "_order", answered_at_once)
    # these take no new place
    for ask in (KickPeer("tea", "cleo"), RevokeUser("chat", "bob", NOW, 60)):
        assert not (await desk._do(ask)).refused


ORDERED: list[tuple[AnyAsk, Ordered]] = [
    (SetPolicy("tea", admission="open", max_peers=None), PolicySet("tea", b'{"admission":"open","max_peers":null}')),
    (KickPeer("tea", "ann", text="bye"), PeerKicked("tea", "ann", 0, "bye")),
    (KickPeer("tea", "ann", ban=1), PeerKicked("tea", "ann", 1, "")),
    (KickPeer("tea", "cleo", ban=True), PeerKicked("tea", "cleo", -1, "")),
    (LiftBan("tea", id="bob"), BanLifted("tea", "bob", "")),
    (LiftBan("tea", peer_id="p"), BanLifted("tea", "", "p")),
    (RevokeUser("chat", "ann", NOW, 60), UserRevoked("chat", "ann", NOW, 60)),
    (LiftRevocation("chat", "bob"), UserRestored("chat", "bob")),
]


@pytest.mark.parametrize(("ask", "order"), ORDERED, ids=str)
async def test_each_call_puts_its_order_into_the_log(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, ask: AnyAsk, order: Ordered
) -> None:
    furnish(desk._core.state)
    ordered: list[object] = []

    async def note(order: object) -> Answer:
        ordered.append(order)
        return Answer(True)

    monkeypatch.setattr(desk, "_order", note)
    assert (await desk._do(ask)).found
    assert ordered == [order]


# auth_api has the secret that tokens are signed with, and answers these itself once the order has taken effect.
MADE_BY_AUTH_API = (NoteIssued, RevokeApp, RevokeUser)


def test_every_question_is_among_the_examples() -> None:
    assert {type(ask) for ask in EXAMPLES} == set(typing.get_args(AnyAsk)), "give the new question an example"


@pytest.mark.parametrize("ahead", [-86400.0, 86400.0])
async def test_what_the_future_is_follows_from_the_log_and_not_from_the_clock_of_the_broker(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, ahead: float
) -> None:
    monkeypatch.setattr(time, "time", lambda: NOW + ahead)
    now = desk._clock.read(time.monotonic())
    assert _ask(pack(RevokeApp("app", NOW)), now) == RevokeApp("app", NOW)
    with pytest.raises(ValueError, match="future"):
        _ask(pack(RevokeApp("app", NOW + 3600)), now)


@pytest.mark.parametrize(
    "ask",
    [
        ListRooms(limit=501),
        ListRooms(limit=0),
        CloseRoom("r" * 1025),
        CloseRoom("r", "a" * 129),
        RemovePeer("p" * 65),
        RemovePeer(""),
        KickPeer("r", ""),
        KickPeer("r", "p", ban=-1),
        KickPeer("r", "p", ban=0),
        KickPeer("r", "p", ban=2**40),
        KickPeer("r", "p", text="t" * 257),
        SetPolicy("r", max_peers=1),
        SetPolicy("r", history=51),
        {"ask": "lift-ban", "room": "r"},
        {"ask": "lift-ban", "room": "r", "id": "a", "peer_id": "b"},
        RevokeUser("app", "", 1),
        RevokeUser("app", "u" * 129, 1),
        ListRevocations("app", limit=1001),
        RevokeApp("app", -1),
        RevokeApp("app", 2**53 + 1),
        NoteIssued("app", 2**64 - 1),
        b"junk",
        b"{}",
    ],
    ids=str,
)
def test_a_question_with_a_value_that_cannot_be_right_is_none(ask: object) -> None:
    data = ask if isinstance(ask, bytes) else msgspec.msgpack.encode(ask)
    with pytest.raises(msgspec.MsgspecError):
        unpack_ask(data)


async def test_an_order_that_is_refused_is_answered_so_by_every_call(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    furnish(desk._core.state)

    async def refuse(order: object) -> Answer:
        return Answer(True, refused="not now")

    monkeypatch.setattr(desk, "_order", refuse)
    for ask, _ in ORDERED:
        assert (await desk._do(ask)).refused == "not now"
