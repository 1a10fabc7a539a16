"""The desk answers auth_api, and nobody else through it."""

import time
from collections.abc import Callable

import msgspec
import pytest
from nats.aio.msg import Msg

from broker.core.limits import Limits
from broker.core.machine import Core
from broker.settings import Settings
from broker.speaking.desk import Desk, _ask
from broker.speaking.lease import Lease
from broker.speaking.log_clock import LogClock
from broker.storage.stream import EventLog
from shared.envelopes.admin import CloseRoom, ListRooms, NoteIssued, RemovePeer, RevokeApp, pack, unpack_ask
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
