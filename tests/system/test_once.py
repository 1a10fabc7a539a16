"""Sent once, done once: clients that send again what was not answered, over sockets, gateways and brokers that die."""

import asyncio
import itertools
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import nats
import pytest

from shared.contract.told import counted_in
from shared.envelopes import subjects
from tests.conftest import StartSystem
from tests.snippets import snippets
from tests.system.rig.harness import System
from tests.system.rig.node import find_node
from tests.system.rig.peer import Peer
from tests.system.rig.process import ROOT
from tests.system.rig.rooms import new_name
from tests.system.rig.waiting import until
from tests.system.rig.world import World

Sent = tuple[str, dict[str, Any]]
COUNTED = counted_in(2)


class Client:
    """A client of version 2 over all its sockets. It counts what it receives, and sends again what was not answered.

    ``told`` is what it has received, in order; ``answers`` are by number.
    """

    def __init__(self, world: World, name: str) -> None:
        self.world = world
        self.name = name
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.answers: dict[int, list[dict[str, Any]]] = {}
        self.unanswered: dict[int, Sent] = {}
        self.resumed = False
        self.shown: object = {"name": name}
        self._numbers = itertools.count(1)
        self._peer: Peer | None = None
        self._asked: list[tuple[int, asyncio.Queue[Any]]] = []

    @property
    def peer(self) -> Peer:
        assert self._peer is not None
        return self._peer

    @property
    def peer_id(self) -> str:
        return self.peer.peer_id

    async def arrive(self, gateway: int) -> "Client":
        """Come, or come back, and send again what was not answered."""
        before, self._peer = self._peer, await self.world.connected(gateway)
        resume: dict[str, Any] = {}
        if before is not None:
            self._collect(before)
            counted = [told for told in before.log if told.event in COUNTED]
            resume = {"resume": before.token, "received": len(counted)}
        accepted = await self.peer.authenticate(self.shown, resumable=True, version=2, **resume)
        self.resumed = accepted["resumed"]
        for n in list(self.unanswered):
            await self.send(n)
        return self

    async def say(self, event: str, **fields: Any) -> int:
        """Something new; returns its number."""
        n = fields.pop("n", None) or next(self._numbers)
        self.unanswered[n] = event, fields
        if event == "peer-update-request":
            self.shown = fields["peerinfo"]  # what it shows again when it comes back
        await self.send(n)
        return int(n)

    async def send(self, n: int) -> None:
        event, fields = self.unanswered[n]
        self._asked.append((n, await self.peer.ask(event, {**fields, "n": n})))

    async def answer(self, n: int, within: float = 10.0) -> dict[str, Any]:
        """The newest answer to a number."""
        await until(lambda: self._is_answered(n), f"{self.name} is answered {n}; {self.peer.story()}", within)
        return self.answers[n][-1]

    async def again(self, n: int, sent: Sent) -> dict[str, Any]:
        """What is answered when something comes once more."""
        before = len(self.answers.get(n, []))
        self.unanswered[n] = sent
        await self.send(n)
        await until(lambda: self._is_answered(n) and len(self.answers[n]) > before, f"{n} is answered again")
        return self.answers[n][-1]

    async def call(self, event: str, **fields: Any) -> dict[str, Any]:
        return await self.answer(await self.say(event, **fields))

    def heard(self, event: str, field: str) -> list[Any]:
        """That field of all such events, over all sockets."""
        now = [(told.event, told.data) for told in self.peer.log]
        return [data[field] for name, data in (*self.told, *now) if name == event]

    def _is_answered(self, n: int) -> bool:
        for number, queue in self._asked:
            while not queue.empty():
                self.answers.setdefault(number, []).append(queue.get_nowait())
                self.unanswered.pop(number, None)
        return n in self.answers and n not in self.unanswered

    def _collect(self, peer: Peer) -> None:
        self.told += [(told.event, told.data) for told in peer.log]


@asynccontextmanager
async def log_of(system: System) -> AsyncIterator[Any]:
    """Tells how many messages the log has had."""
    nc = await nats.connect(f"nats://127.0.0.1:{system.nats_port}")
    js = nc.jetstream()

    async def length() -> int:
        return (await js.stream_info(subjects.EVENT_STREAM)).state.last_seq

    yield length
    await nc.close()


@asynccontextmanager
async def unanswered(system: System) -> AsyncIterator[None]:
    """Leave the context when what was said in it is in the log, and no broker has read it: all are frozen."""
    running = [broker for broker in system.brokers if broker.running]
    async with log_of(system) as length:
        before = await length()
        for broker in running:
            broker.signal(signal.SIGSTOP)
        yield
        async with asyncio.timeout(5):
            while await length() == before:
                await asyncio.sleep(0.01)


def thaw(system: System) -> None:
    for broker in system.brokers:
        if broker.running:
            broker.signal(signal.SIGCONT)


Couple = tuple[Client, Client, str]
Meet = Callable[[System], Awaitable[Couple]]


@pytest.fixture
async def meet(start_system: StartSystem) -> AsyncIterator[Meet]:
    """Lets a couple meet; they part before the system is stopped."""
    async with AsyncExitStack() as stack:

        async def couple(system: System) -> Couple:
            world = World(system)
            stack.push_async_callback(world.close)
            await system.agreed()
            return await _couple(world)

        yield couple


async def _couple(world: World) -> Couple:
    """A host on the first gateway, a member on the second, and their room."""
    ann, ben = await Client(world, "ann").arrive(0), await Client(world, "ben").arrive(1)
    room = new_name()
    assert (await ann.call("room-create-request", room=room))["ok"]
    asking = await ben.say("room-join-request", room=room)
    await ann.peer.expect("room-join-request")
    assert (await ann.call("room-join-accept", room=room, peer_id=ben.peer_id))["ok"]
    assert (await ben.answer(asking))["ok"]
    return ann, ben, room


async def relay(sender: Client, receiver: Client, room: str, body: int, **fields: Any) -> int:
    return await sender.say("relay-ice-candidate", room=room, to=receiver.peer_id, ice_candidate=body, **fields)


@pytest.mark.parametrize("killed", ["connection", "gateway", "broker", "gateway and broker", "nats"])
async def test_what_was_not_answered_is_sent_again_and_done_once(
    start_system: StartSystem, meet: Meet, killed: str
) -> None:
    system = await start_system(gateways=3, brokers=2)
    ann, ben, room = await meet(system)
    before = await ben.answer(await relay(ben, ann, room, 1))
    async with unanswered(system):
        numbers = [await relay(ben, ann, room, body) for body in range(2, 8)]
        message = await ben.say("room-message-request", room=room, body="hello")
        change = await ben.say("room-data-request", room=room, set={"slide": 1}, **{"if": {"slide": 0}})
        update = await ben.say("peer-update-request", peerinfo={"name": "Benjamin"})
        unnamed = await ben.say("room-create-request", payload="mine")
        leaving = await ben.say("room-leave-request", room=room)
    if killed == "connection":
        await ben.peer.vanish()
    if "gateway" in killed:
        await system.gateways[1].kill()
    if "broker" in killed:
        await system.brokers[0].kill()
    if killed == "nats":
        await system.nats.kill()
        system.nats.start()
    thaw(system)
    await ben.arrive(2)
    assert ben.resumed
    answers = [await ben.answer(n) for n in numbers]
    assert answers == [before] * len(numbers)
    assert (await ben.answer(message))["id"] == (await ann.peer.expect("room-message", body="hello"))["id"]
    assert (await ben.answer(change))["version"] == (await ann.peer.expect("room-data", set={"slide": 1}))["version"]
    assert await ben.answer(update) == {"ok": True}
    created = await ben.answer(unnamed)
    assert (created["ok"], created["payload"]) == (True, "mine")
    assert await ben.answer(leaving) == {"ok": True, "room": room}
    assert await ben.call("room-join-request", room=created["room"]) != {}, "it is there, once"
    await ann.peer.expect("room-user-leave", peer_id=ben.peer_id)
    assert ann.heard("ice-candidate", "ice_candidate") == list(range(1, 8))
    for event in ("room-message", "room-data", "room-user-update", "room-user-leave"):
        assert len(ann.heard(event, "room")) == 1, event


async def test_two_who_lose_everything_all_the_time_tell_each_other_everything_once(
    start_system: StartSystem, meet: Meet
) -> None:
    system = await start_system(gateways=3, brokers=2)
    ann, ben, room = await meet(system)
    bodies = itertools.count(1)
    said: dict[Client, list[int]] = {ann: [], ben: []}
    for round_ in range(9):
        for sender, receiver in ((ann, ben), (ben, ann)):
            for _ in range(5):
                body = next(bodies)
                said[sender].append(body)
                await relay(sender, receiver, room, body)
        victim = (ann, ben)[round_ % 2]
        if round_ % 3 == 2:
            broker = next(broker for broker in system.brokers if broker.running)
            await broker.kill()
            broker.start()
        await victim.peer.vanish()
        await victim.arrive(round_ % 3)
        assert victim.resumed
    for client in (ann, ben):
        for n in list(client.unanswered):
            assert (await client.answer(n))["ok"]
    await until(lambda: ann.heard("ice-candidate", "ice_candidate") == said[ben], "all that ben said, once, in order")
    await until(lambda: ben.heard("ice-candidate", "ice_candidate") == said[ann], "all that ann said, once, in order")
    await system.ready()


async def test_a_rejection_that_was_lost_is_told_again(start_system: StartSystem, meet: Meet) -> None:
    system = await start_system()
    ann, ben, room = await meet(system)
    cid = await Client(ann.world, "cid").arrive(1)
    asking = await cid.say("room-join-request", room=room)
    await ann.peer.expect("room-join-request", peer_id=cid.peer_id)
    async with unanswered(system):
        await ann.say("room-join-reject", room=room, peer_id=cid.peer_id)
    await system.gateways[1].kill()  # the rejection will be on its way to a gateway that is no more
    system.gateways[1].start()
    thaw(system)
    await cid.arrive(0)
    answer = await cid.answer(asking)
    assert (answer["ok"], answer["code"]) == (False, "rejected")
    assert len(cid.heard("room-join-reject", "code")) >= 1
    assert len(ann.heard("room-join-request", "peer_id")) == 2, "there was no new request"
    assert ben.unanswered == {}
    await system.ready()


async def test_a_request_that_waits_is_answered_on_the_newest_socket(start_system: StartSystem, meet: Meet) -> None:
    system = await start_system()
    ann, _, room = await meet(system)
    cid = await Client(ann.world, "cid").arrive(1)
    asking = await cid.say("room-join-request", room=room)
    await ann.peer.expect("room-join-request", peer_id=cid.peer_id)
    first = cid.peer
    await cid.arrive(0)  # and the first socket is still open
    await first.expect("disconnect")
    await cid.peer.expect("room-join-wait")
    assert (await ann.call("room-join-accept", room=room, peer_id=cid.peer_id))["ok"]
    answer = await cid.answer(asking)
    assert answer == {"ok": True, **(await cid.peer.expect("room-join-accept"))}
    assert len(cid.answers[asking]) == 1
    assert len(ann.heard("room-join-request", "peer_id")) == 2


@pytest.fixture
async def couple(system: System, meet: Meet) -> Couple:
    return await meet(system)


async def test_64_numbers_are_remembered_and_older_ones_are_stale(couple: Couple) -> None:
    ann, ben, room = couple
    say: dict[str, Any] = {"room": room, "to": ann.peer_id, "ice_candidate": 0}
    first = await ben.call("room-message-request", room=room, body=1, n=1000)
    assert await ben.again(1000, ("room-message-request", {"room": room, "body": 2})) == first
    assert ann.heard("room-message", "id") == [first["id"]]
    for n in range(1001, 1066):
        assert (await ben.answer(await ben.say("relay-ice-candidate", n=n, **say)))["ok"]
    assert (await ben.again(1002, ("relay-ice-candidate", say)))["ok"] is True
    assert (await ben.again(1001, ("relay-ice-candidate", say)))["code"] == "stale"
    assert (await ben.again(5, ("relay-ice-candidate", say)))["code"] == "stale"
    assert len(ann.heard("ice-candidate", "ice_candidate")) == 65


async def test_numbers_may_come_in_any_order(couple: Couple) -> None:
    ann, ben, room = couple
    order = [2**53 - 1, 500, 100, 1000, 700]
    for n in (*order, *order):
        ben.answers.pop(n, None)
        await relay(ben, ann, room, n, n=n)
        assert (await ben.answer(n))["ok"]
    assert ann.heard("ice-candidate", "ice_candidate") == order


@pytest.mark.parametrize("n", [-1, 1.5, "7", [7], {}, True, 2**53, 10**400])
async def test_what_is_no_number_is_refused(couple: Couple, n: Any) -> None:
    ann, ben, room = couple
    said = {"room": room, "to": ann.peer_id, "ice_candidate": 1}
    assert (await ben.peer.call("relay-ice-candidate", {**said, "n": n}))["code"] == "bad-request"
    assert (await ben.call("relay-ice-candidate", **said))["ok"]
    assert len(ann.heard("ice-candidate", "ice_candidate")) == 1


async def test_a_number_takes_an_acknowledgement(couple: Couple) -> None:
    ann, ben, room = couple
    await ben.peer.send("relay-ice-candidate", {"room": room, "to": ann.peer_id, "ice_candidate": 1, "n": 900})
    assert (await ben.peer.expect("request-reject"))["code"] == "bad-request"
    assert (await ben.call("relay-ice-candidate", room=room, to=ann.peer_id, ice_candidate=2, n=900))["ok"]
    assert ann.heard("ice-candidate", "ice_candidate") == [2]


async def test_what_a_gateway_refused_has_used_no_number_up(couple: Couple) -> None:
    ann, ben, room = couple
    refused = await ben.call("relay-ice-candidate", room=room, to=ann.peer_id, ice_candidate="x" * 5000, n=900)
    assert refused["code"] == "too-large"
    assert (await ben.call("relay-ice-candidate", room=room, to=ann.peer_id, ice_candidate="x", n=900))["ok"]
    assert ann.heard("ice-candidate", "ice_candidate") == ["x"]


async def test_other_words_under_the_same_number_are_not_said_and_another_event_is_refused(couple: Couple) -> None:
    ann, ben, room = couple
    assert (await ben.call("relay-ice-candidate", room=room, to=ann.peer_id, ice_candidate=1, n=900))["ok"]
    assert (await ben.call("relay-ice-candidate", room=room, to=ann.peer_id, ice_candidate=2, n=900))["ok"]
    assert (await ben.call("room-leave-request", room=room, n=900))["code"] == "bad-request"
    assert (await ben.call("relay-ice-candidate", room=room, to=ann.peer_id, ice_candidate=3, n=901))["ok"]
    assert ann.heard("ice-candidate", "ice_candidate") == [1, 3]


async def test_clients_of_version_1_notice_nothing_of_it(world: World) -> None:
    ann, ben = await world.peers(0, 1)
    room = new_name()
    for n in (1, 1, 0):
        assert (await ann.call("room-create-request", {"room": room, "n": n}))["ok"]
    await ben.send("room-join-request", {"room": room, "n": -5})
    await ann.expect("room-join-request")
    for _ in range(2):
        await ann.send("room-join-accept", {"room": room, "peer_id": ben.peer_id, "n": 1})
    assert (await ann.expect("request-reject"))["code"] == "not-pending"


# What a program needs around the part that PROTOCOL.md shows: it tells one peer all numbers, one after the other.
AROUND = """
import { io } from "socket.io-client";
const [url, token, room, to, count] = process.argv.slice(2);
let session, fresh;
const socket = io(url, { auth: { token }, reconnectionDelay: 100, reconnectionDelayMax: 300 });
socket.on("connect", () => {
  fresh = true;
  const resume = session ? { resume: session } : {};
  socket.emit("auth-request", { token, version: 2, resumable: true, ...resume });
});
socket.on("auth-accept", (me) => {
  session = me.token;
  if (fresh) { fresh = false; admitted(me); }
});
let answered = 0;
say("room-join-request", { room }, () => {
  let body = 0;
  const speaking = setInterval(() => {
    say("relay-ice-candidate", { room, to, ice_candidate: ++body }, (answer) => {
      if (answer.ok && ++answered === +count) process.exit(0);
    });
    if (body === +count) clearInterval(speaking);
  }, 5);
});
"""


async def test_the_program_in_the_document_says_everything_once(
    start_system: StartSystem, meet: Meet, tmp_path: Path
) -> None:
    system = await start_system()
    ann, _, room = await meet(system)
    (tmp_path / "node_modules").symlink_to(ROOT / "node_modules")
    program = tmp_path / "again.mjs"
    program.write_text(AROUND.replace("let answered", snippets("PROTOCOL.md")["again"] + "let answered"))
    said = [system.gateways[1].url, await system.app_token(), room, ann.peer_id, "400"]
    process = await asyncio.create_subprocess_exec(find_node(), str(program), *said)
    await until(lambda: len(ann.heard("room-join-request", "peer_id")) == 2, "it asks")
    await ann.call("room-join-accept", room=room, peer_id=ann.heard("room-join-request", "peer_id")[-1])
    for heard in (50, 200):
        await until(lambda: len(ann.heard("ice-candidate", "ice_candidate")) >= heard, f"{heard} have come")  # noqa: B023
        await system.gateways[1].kill()
        system.gateways[1].start()
        await system.ready()
    async with asyncio.timeout(30):
        assert await process.wait() == 0
    await until(lambda: len(ann.heard("ice-candidate", "ice_candidate")) >= 400, "all have come")
    assert ann.heard("ice-candidate", "ice_candidate") == list(range(1, 401))
    await system.ready()
