"""Somebody has got one password of NATS: what that one process may do is all that it is good for."""

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import NamedTuple

import pytest
import pytest_asyncio
from nats.errors import NoRespondersError
from nats.js.errors import APIError

from auth_api.notices import Reader
from auth_api.webhooks.turn import Turn
from broker.speaking.lease import KEY
from shared.envelopes import subjects
from shared.envelopes.admin import ListRooms, RevokeApp, pack, unpack_answer
from shared.envelopes.deliveries import Beat, pack_beat
from shared.envelopes.entries import (
    AppRevoked,
    Authenticated,
    Batch,
    Closed,
    Entry,
    GatewayLost,
    GatewayUp,
    PeerRemoved,
    RoomClosed,
    Said,
    Speaking,
    pack_batch,
)
from shared.envelopes.notices import decode_notice
from shared.messaging.nats import Client
from shared.process import world as around
from tests.chaos.rig.faults import speaker
from tests.deploy.guarded import Guarded
from tests.system.rig.client import Client as Peer
from tests.system.rig.rooms import room_of
from tests.system.rig.waiting import until
from tests.system.rig.world import World

SECRET_ID = "g" + "0123456789abcdef" * 2
# Where JetStream would do something with an answer, or a broker would read it.
HARMFUL = [
    "$JS.API.STREAM.PURGE.parley-events",
    "$JS.API.STREAM.DELETE.parley-events",
    "$JS.API.STREAM.MSG.DELETE.parley-events",
    "$JS.API.STREAM.PURGE.OBJ_parley-snapshots",
    "$KV.parley-lease.speaker",
    "$O.parley-snapshots.M.x",
    "$O.parley-snapshots.C.x",
    "$JS.FC.parley-events.x.y",
    "parley.events.broker",
    "parley.admin",
    "parley.beats",
    "parley.presence.x",
    "_INBOX_broker.x",
]
HEADERS = [
    "Nats-Rollup: all",
    "Nats-Rollup: sub",
    "Nats-TTL: 1s",
    "Nats-Expected-Last-Sequence: 1",
    "Nats-Schedule: @every 1s\r\nNats-Schedule-Target: parley.events.broker",
    "Nats-Batch-Id: x\r\nNats-Batch-Sequence: 1",
    "Nats-Incr: +1",
]


class Scene(NamedTuple):
    """Two peers in a room, each on a gateway of its own."""

    system: Guarded
    ann: Peer
    bob: Peer
    room: str
    term: float

    async def check(self) -> None:
        """Both are still there, hear each other, and the same broker speaks."""
        for number, (sender, receiver) in enumerate([(self.ann, self.bob), (self.bob, self.ann)]):
            candidate = {"candidate": f"{self.room} {number}"}
            fields = {"room": self.room, "to": receiver.peer_id, "ice_candidate": candidate}
            await sender.send("relay-ice-candidate", fields)
            await receiver.expect("ice-candidate", room=self.room, peer_id=sender.peer_id, ice_candidate=candidate)
            for event in ("disconnect", "room-closed", "room-user-leave", "room-owner"):
                assert not receiver.all(event)
        assert await self.system.figure("parley_broker_speaking") == 1
        assert await self.system.figure("parley_broker_term") == self.term


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Guarded]:
    system = Guarded(tmp_path_factory.mktemp("guarded"))
    await system.start()
    yield system
    await system.stop()


@pytest.fixture
async def scene(running: Guarded) -> AsyncIterator[Scene]:
    world = World(running)
    ann, bob = await world.peers(0, 1)
    yield Scene(running, ann, bob, await room_of(ann, bob), await running.figure("parley_broker_term"))
    await world.close()
    complaints = running.new_complaints()
    assert not complaints, "\n\n".join(complaints)


Login = Callable[[str], Awaitable[Client]]


@pytest.fixture
async def login(running: Guarded) -> AsyncIterator[Login]:
    opened: list[Client] = []

    async def login(user: str) -> Client:
        opened.append(await running.login(user))
        return opened[-1]

    yield login
    for client in opened:
        await client.close()


@pytest.fixture
async def rogue(login: Login) -> Client:
    return await login("gateway")


@pytest.fixture
async def broker(login: Login) -> Client:
    return await login("broker")


async def last_position(broker: Client) -> int:
    return (await broker.jetstream().stream_info(subjects.EVENT_STREAM)).state.last_seq


async def stored(client: Client, subject: str, data: bytes, header: str = "") -> bytes:
    """What JetStream says to a message of a rogue."""
    answers: list[bytes] = []
    inbox = client.new_inbox()
    subscription = await client.subscribe_straight(inbox, lambda _s, _r, data: answers.append(data))
    client.publish_now(subject, data, inbox, f"NATS/1.0\r\n{header}\r\n\r\n".encode() if header else b"")
    await until(lambda: answers, "JetStream answers")
    await subscription.unsubscribe()
    return answers[0]


async def read_by_the_broker(scene: Scene, broker: Client) -> None:
    position = await last_position(broker)
    async with asyncio.timeout(10):
        while await scene.system.figure("parley_broker_position") < position:
            await asyncio.sleep(0.02)


async def refused(client: Client, act: Callable[[], Awaitable[object]]) -> bool:
    """Whether NATS says that this user may not do it."""
    errors: list[str] = []

    async def on_error(error: Exception) -> None:
        errors.append(str(error).lower())

    client._error_cb = on_error
    await act()
    await client.flush()
    await client.flush()
    return any("permissions violation" in error for error in errors)


@pytest.mark.parametrize("how", ["as a broker", "as a gateway"])
async def test_a_gateway_gives_no_orders_and_begins_no_term(
    scene: Scene, rogue: Client, broker: Client, how: str
) -> None:
    orders: list[Entry] = [
        Speaking(2**64 - 1),
        Speaking(2**53),
        RoomClosed(scene.room),
        PeerRemoved(scene.ann.peer_id),
        AppRevoked("tests", 2**53),
        GatewayLost(2**53, SECRET_ID, 0),
    ]
    passed_over = await scene.system.figure("parley_broker_passed_over_total")
    writer, number = ("b1", 0) if how == "as a broker" else (SECRET_ID, 1)
    data = pack_batch(Batch(writer, number, orders if number == 0 else [GatewayUp("rogue"), *orders]))
    assert b'"seq"' in await stored(rogue, subjects.gateway_events(writer), data)
    assert await stored(rogue, subjects.OLD_EVENTS, data) == b"", "a new log takes nothing from the version before"
    await read_by_the_broker(scene, broker)
    assert await scene.system.figure("parley_broker_passed_over_total") > passed_over
    await scene.check()


async def test_a_gateway_cannot_do_anything_to_the_peers_of_another(
    scene: Scene, rogue: Client, broker: Client
) -> None:
    subject = subjects.gateway_events(SECRET_ID)
    entries: list[Entry] = [GatewayUp("rogue")]
    for victim in (scene.ann.peer_id, scene.bob.peer_id):
        entries += [
            Said("room-leave-request", victim, None, scene.room, "", b""),
            Said("relay-ice-candidate", victim, None, scene.room, scene.bob.peer_id, b"41"),
            Closed(victim, 0, "closed", True),
            Authenticated(victim, None, "tests", b'"changed"', False, "", 0, b"", None),
            Authenticated("new", None, "tests", b"", True, victim, 1, b"", None, b"", "a guess"),
        ]
    await stored(rogue, subject, pack_batch(Batch(SECRET_ID, 1, entries)))
    await read_by_the_broker(scene, broker)
    await scene.check()


async def test_a_gateway_does_not_learn_the_ids_of_others(scene: Scene, rogue: Client, broker: Client) -> None:
    seen: list[bytes] = []
    for subject in ("parley.deliver.*", "_INBOX_gateway.>"):
        await rogue.subscribe_straight(
            subject, lambda subject, reply, data: seen.append(f"{subject} {reply} ".encode() + data)
        )
    await rogue.flush()
    await scene.check()
    names = set()
    for position in range(1, await last_position(broker) + 1):
        subject = (await broker.jetstream().get_msg(subjects.EVENT_STREAM, seq=position)).subject or ""
        names |= {subject.removeprefix(subjects.GATEWAY_EVENTS)} - {SECRET_ID, subject}
    names = {name for name in names if len(name) == len(SECRET_ID)}
    assert len(names) == 2
    assert seen
    for name in names:
        assert [each for each in seen if name.encode() in each] == []
        assert all(name not in process.text() for process in scene.system.processes)


async def test_beats_do_not_make_a_broker_say_anything_else(scene: Scene, rogue: Client, broker: Client) -> None:
    before = await last_position(broker)
    crlf = "x 1\r\n1\r\nPUB parley.events.broker 1\r\n1\r\nPUB x"
    for name in (crlf, crlf[:60], "a.b", "*", ">", "y" * 65, ""):
        await rogue.publish(subjects.BEATS, pack_beat(Beat(name, 0, gap=True)))
    await rogue.publish(subjects.BEATS, b"junk")
    await rogue.flush()
    await scene.check()
    subject = (await broker.jetstream().get_msg(subjects.EVENT_STREAM, seq=before + 1)).subject
    assert subject != subjects.BROKER_EVENTS


@pytest.mark.parametrize("reply", HARMFUL)
async def test_the_acknowledgement_of_the_log_cannot_be_sent_where_it_does_harm(
    scene: Scene, rogue: Client, broker: Client, reply: str
) -> None:
    heard: list[str] = []
    await broker.subscribe_straight("parley.admin", lambda subject, _r, _d: heard.append(subject))
    await broker.subscribe_straight("parley.beats", lambda _s, reply, _d: heard.append(reply) if reply else None)
    await broker.flush()
    first = (await broker.jetstream().stream_info(subjects.EVENT_STREAM)).state.first_seq
    for number in range(10):
        rogue.publish_now(subjects.gateway_events(SECRET_ID), b"x%d" % number, reply)
    await stored(rogue, subjects.gateway_events(SECRET_ID), b"x")
    await read_by_the_broker(scene, broker)
    await scene.check()
    info = await broker.jetstream().stream_info(subjects.EVENT_STREAM)
    assert info.state.first_seq == first
    last = [await broker.jetstream().get_msg(subjects.EVENT_STREAM, seq=info.state.last_seq - n) for n in range(12)]
    assert not any(message.subject == subjects.BROKER_EVENTS for message in last)
    assert heard == []


async def test_an_acknowledgement_sent_to_another_gateway_is_not_taken_for_a_delivery(
    scene: Scene, rogue: Client, broker: Client
) -> None:
    found: list[str] = []
    await rogue.subscribe_straight("parley.deliver.*", lambda subject, _r, _d: found.append(subject))
    await rogue.flush()
    await scene.check()
    assert found
    for subject in set(found):
        rogue.publish_now(subjects.gateway_events(SECRET_ID), b"x", subject)
    await stored(rogue, subjects.gateway_events(SECRET_ID), b"x")
    await read_by_the_broker(scene, broker)
    await scene.check()


@pytest.mark.parametrize("header", HEADERS)
async def test_the_log_takes_no_message_that_would_change_what_it_holds(
    scene: Scene, rogue: Client, header: str
) -> None:
    assert b'"error"' in await stored(rogue, subjects.gateway_events(SECRET_ID), b"x", header)
    await scene.check()


@pytest.mark.parametrize(
    "asked",
    [
        "$KV.parley-webhooks.sender",
        "$JS.API.STREAM.INFO.KV_parley-webhooks",
        "$JS.API.STREAM.MSG.GET.KV_parley-webhooks",
    ],
)
async def test_what_auth_api_asks_of_its_bucket_cannot_be_answered_where_it_does_harm(
    scene: Scene, login: Login, broker: Client, asked: str
) -> None:
    """But for its own calls, which it may make anyway."""
    rogue = await login("auth_api")
    before = await last_position(broker)
    for reply in HARMFUL:
        rogue.publish_now(asked, b"", reply)
    async with asyncio.timeout(5):
        while (await broker.jetstream().stream_info("KV_parley-webhooks")).state.messages < 1:
            await stored(rogue, "$KV.parley-webhooks.sender", b"{}")
    await scene.check()
    subjects_since = [
        (await broker.jetstream().get_msg(subjects.EVENT_STREAM, seq=position)).subject
        for position in range(before + 1, await last_position(broker) + 1)
    ]
    assert subjects.BROKER_EVENTS not in subjects_since


NOTICE_STREAM = subjects.NOTICE_STREAM
MAY = {
    "gateway": (
        {"parley.events.gateway.x", "parley.events", "parley.beats"},
        {"parley.deliver.x", "parley.deliver.*", "_INBOX_gateway.>"},
    ),
    "auth_api": (
        {
            "parley.admin",
            "$KV.parley-webhooks.sender",
            "$JS.API.STREAM.INFO.KV_parley-webhooks",
            f"$JS.API.STREAM.INFO.{NOTICE_STREAM}",
            f"$JS.API.STREAM.MSG.GET.{NOTICE_STREAM}",
            "$JS.API.STREAM.MSG.GET.KV_parley-webhooks",
            "parley.js.STREAM.INFO.KV_parley-webhooks",
            "parley.js.STREAM.MSG.GET.KV_parley-webhooks",
            f"parley.js.STREAM.INFO.{NOTICE_STREAM}",
            f"parley.js.STREAM.MSG.GET.{NOTICE_STREAM}",
        },
        {"parley.noticed", "_INBOX_auth_api.>"},
    ),
    "broker": (
        {"parley.events.broker", "parley.events", "parley.deliver.x", "$KV.parley-lease.x", "$O.parley-snapshots.C.x"}
        | {"parley.presence.x", "_INBOX_broker.x", "parley.notices.x", "parley.noticed"}
        | {f"$JS.API.STREAM.{verb}.KV_parley-webhooks" for verb in ("CREATE", "INFO", "PURGE")}
        | {"$JS.API.STREAM.MSG.GET.KV_parley-webhooks"}
        | {f"$JS.API.STREAM.INFO.{NOTICE_STREAM}", f"$JS.API.STREAM.MSG.GET.{NOTICE_STREAM}"},
        {"parley.beats", "parley.admin", "parley.presence.*", "parley.noticed", "_INBOX_broker.>"},
    ),
}
PUBLISHED = {subject for may, _ in MAY.values() for subject in may} | {
    "parley.events.gateway.x.y",
    "$JS.API.STREAM.DELETE.parley-events",
    "$JS.API.STREAM.DELETE.parley-notices",
    "$JS.API.STREAM.UPDATE.KV_parley-lease",
    "$JS.API.STREAM.UPDATE.KV_parley-webhooks",
    "$JS.API.STREAM.CREATE.KV_parley-webhooks",
    "$JS.API.STREAM.PURGE.KV_parley-webhooks",
    "$KV.parley-webhooks.other",
    "$JS.ACK.parley-events.x.1.1.1.1.1",
    "_INBOX_gateway.x",
    "_INBOX_auth_api.x",
    "parley.other",
}
SUBSCRIBED = {subject for _, may in MAY.values() for subject in may} | {
    ">",
    "parley.>",
    "parley.events.>",
    "parley.events.gateway.*",
    "$KV.>",
    "$JS.EVENT.>",
    "$SYS.>",
}


@pytest.mark.parametrize("user", MAY)
async def test_each_user_publishes_and_hears_what_its_process_does_and_nothing_else(
    scene: Scene, login: Login, user: str
) -> None:
    published, subscribed = set(), set()
    for subject in PUBLISHED:
        client = await login(user)
        if not await refused(client, lambda: client.publish(subject, b"junk")):  # noqa: B023
            published.add(subject)
    for subject in SUBSCRIBED:
        client = await login(user)
        if not await refused(client, lambda: client.subscribe(subject)):  # noqa: B023
            subscribed.add(subject)
    assert (published, subscribed) == MAY[user]
    await scene.check()


async def test_no_gateway_makes_brokers_take_over_from_each_other(
    tmp_path: Path,
) -> None:
    """It can neither ask a broker, nor answer in its place, nor keep it from being asked."""
    system = Guarded(tmp_path, brokers=2)
    await system.start()
    try:
        speaking = speaker(system)
        name = await holder(system)
        for user in ("gateway", "auth_api"):
            rogue = await system.login(user)
            with pytest.raises((NoRespondersError, TimeoutError)):
                await rogue.request(subjects.presence(name), b"", timeout=0.5)
            assert await refused(rogue, lambda: rogue.subscribe(subjects.presence(name)))  # noqa: B023
            await rogue.close()
        speaking.signal(signal.SIGKILL)
        standby = next(broker for broker in system.brokers if broker is not speaking)
        await until(lambda: "taking over from a speaker that is gone" in standby.text(), "the standby takes over")
        await until(lambda: speaker(system) is standby, "the standby speaks")
    finally:
        await system.abandon()


async def holder(system: Guarded) -> str:
    """The broker that has the lease."""
    nc = await system.login("broker")
    held = await (await nc.jetstream().key_value(subjects.LEASE_BUCKET)).get(KEY)
    await nc.close()
    return (held.value or b"").decode()


async def test_only_brokers_ask_jetstream_but_for_notices(scene: Scene, login: Login) -> None:
    for user in ("gateway", "auth_api"):
        client = await login(user)
        with pytest.raises((APIError, TimeoutError)):
            await client.jetstream(timeout=0.3).stream_info(subjects.EVENT_STREAM)
    await scene.check()


async def test_auth_api_reads_notices_as_they_come(scene: Scene, login: Login) -> None:
    client = await login("auth_api")
    reader = Reader(lambda: client, around.World())
    newest = None
    while known := await reader.read(newest):
        newest = known[-1].id
    waiting = asyncio.create_task(reader.read(newest, wait=10))
    await asyncio.sleep(0.05)
    await scene.ann.send("room-create-request", {"room": f"{scene.room} again"})
    [told, *_] = await waiting
    assert decode_notice(told.data).room == f"{scene.room} again"
    await scene.check()


async def test_auth_api_notes_which_webhooks_are_delivered(scene: Scene, login: Login) -> None:
    client = await login("auth_api")
    turn = Turn(lambda: client, "rogue", around.World().monotonic)
    async with asyncio.timeout(10):
        await turn.take()
        await turn.note("log-7-0", "")
        await turn.release()
        await turn.take()
    assert turn.record.delivered == "log-7-0"
    await turn.release()
    await scene.check()


@pytest.mark.parametrize("reply", [*HARMFUL, "parley.deliver.x", "_INBOX_broker.x", "_R_.x.y", ""])
async def test_auth_api_cannot_have_itself_answered_where_it_does_harm(
    scene: Scene, login: Login, broker: Client, reply: str
) -> None:
    client = await login("auth_api")
    before = await broker.jetstream().stream_info(subjects.EVENT_STREAM)
    client.publish_now(subjects.ADMIN, pack(ListRooms()), reply)
    answer = unpack_answer((await (await login("auth_api")).request(subjects.ADMIN, pack(ListRooms()), 5)).data)
    assert answer.found
    await scene.check()
    after = await broker.jetstream().stream_info(subjects.EVENT_STREAM)
    assert after.state.first_seq == before.state.first_seq
    assert after.state.last_seq >= before.state.last_seq


@pytest.mark.parametrize("until", [2**53, -1, 4_000_000_000])
async def test_auth_api_revokes_no_tokens_of_the_future(scene: Scene, login: Login, until: int) -> None:
    client = await login("auth_api")
    with pytest.raises(TimeoutError):
        await client.request(subjects.ADMIN, pack(RevokeApp("tests", until)), 0.5)
    await scene.check()
