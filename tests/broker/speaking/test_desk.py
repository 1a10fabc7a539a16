"""The desk answers auth_api, and nobody else through it."""

import time
import typing
from collections.abc import Callable

import msgspec
import pytest
from nats.aio.msg import Msg

from broker.core.limits import Limits
from broker.core.machine import Core
from broker.core.state import KnownApp, Member, Peer, Room
from broker.settings import Settings
from broker.speaking.desk import Desk, _ask
from broker.speaking.lease import Lease
from broker.speaking.log_clock import LogClock
from broker.storage.stream import EventLog
from shared.envelopes.admin import (
    Answer,
    AnyAsk,
    CloseRoom,
    ListApps,
    ListRooms,
    NoteIssued,
    RemovePeer,
    RevokeApp,
    ShowRoom,
    pack,
    unpack_answer,
    unpack_ask,
)
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
    return Desk(nc, event_log, core, lease, clock, "broker", World())


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
    NoteIssued("chat", NOW),
    RevokeApp("chat", NOW),
]


@pytest.mark.parametrize("ask", EXAMPLES, ids=lambda ask: type(ask).__name__)
async def test_what_is_answered_is_what_the_call_declares(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, ask: AnyAsk
) -> None:
    state = desk._core.state
    state.peers["ann"] = Peer("ann", "chat", "c", "g", b"", True)
    state.rooms["tea"] = Room("tea", "tea", "ann", float(NOW), {"ann": Member(float(NOW))})
    state.apps["chat"] = KnownApp(NOW)
    monkeypatch.setattr(desk, "_order", lambda order, found: answered_at_once(found))
    answer = unpack_answer(pack(await desk._do(ask)))
    assert answer.found
    if type(ask) not in MADE_BY_AUTH_API:
        assert msgspec.to_builtins(msgspec.convert(answer.body, ask.ANSWER)) == answer.body


async def answered_at_once(found: bool) -> Answer:
    return Answer(found)


# auth_api has the secret that tokens are signed with, and answers these itself once the order has taken effect.
MADE_BY_AUTH_API = (NoteIssued, RevokeApp)


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
