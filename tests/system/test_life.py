"""Messages, shared data and presence over real sockets, while clients come and go and processes die."""

import asyncio
import contextlib
import itertools
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.broker.view import View
from tests.broker.world import Told
from tests.conftest import StartSystem
from tests.snippets import snippets
from tests.system.rig.harness import System
from tests.system.rig.node import find_node
from tests.system.rig.peer import Peer
from tests.system.rig.process import ROOT
from tests.system.rig.recorder import OWN_EVENTS
from tests.system.rig.rooms import admit, create, new_name, request, room_of
from tests.system.rig.waiting import until
from tests.system.rig.world import World
from tests.system.test_once import Client

JOIN, SAY, SET, SHOW = "room-join-request", "room-message-request", "room-data-request", "peer-update-request"
EACH = 0.01  # seconds between two of a hundred updates a second


async def three(world: World, **fields: Any) -> tuple[Peer, Peer, Peer, str]:
    """A host, a member and a member on the other gateway, in a room of theirs."""
    peers = [await world.peer(gateway, version=2, **fields) for gateway in (0, 0, 1)]
    return peers[0], peers[1], peers[2], await room_of(*peers)


def bodies(peer: Peer) -> list[Any]:
    return [message["body"] for message in peer.all("room-message")]


# -- each row


async def test_a_message_reaches_all_others_and_is_acknowledged(world: World) -> None:
    ann, ben, cid, room = await three(world)
    answer = await ben.call(SAY, {"room": room, "body": {"text": "héllo", "n": 1.5}, "kind": "poll"})
    told = {"room": room, "id": answer["id"], "peer_id": ben.peer_id, "role": "member", "time": answer["time"]}
    for other in (ann, cid):
        assert await other.expect("room-message") == {**told, "kind": "poll", "body": {"text": "héllo", "n": 1.5}}
    assert bodies(ben) == []


async def test_a_message_is_stamped_with_who_sent_it(world: World) -> None:
    owner, ann = await world.peer(version=2), await world.user("ann", "moderate", gateway=1)
    room = await create(owner)
    assert (await ann.call(JOIN, {"room": room}))["ok"]
    lies = {"identity": {"id": "root", "name": "Root"}, "role": "owner", "peer_id": "", "id": 1, "time": 1}
    assert (await ann.call(SAY, {"room": room, "body": None, **lies}))["ok"]
    told = await owner.expect("room-message")
    assert (told["identity"], told["role"], told["peer_id"]) == ({"id": "ann", "name": "Ann"}, "moderator", ann.peer_id)
    assert told["time"] > 10**12
    assert (told["body"], told["kind"]) == (None, "chat")


async def test_one_and_the_hosts_can_be_written_to_alone(world: World) -> None:
    ann, ben, cid, room = await three(world)
    await ben.call(SAY, {"room": room, "to": cid.peer_id, "body": "psst"})
    assert (await cid.expect("room-message"))["to"] == cid.peer_id
    await ben.call(SAY, {"room": room, "to": "hosts", "body": "help"})
    told = await ann.expect("room-message")
    assert (told["to"], told["body"]) == ("hosts", "help")
    assert (bodies(ann), bodies(cid)) == (["help"], ["psst"])


async def test_a_candidate_may_write_to_the_hosts_alone(world: World) -> None:
    ann, ben, cid, room = await three(world)
    guest = await world.peer(1, version=2)
    await request(ann, guest, room)
    assert (await guest.call(SAY, {"room": room, "to": "hosts", "body": "it is me"}))["ok"]
    assert (await ann.expect("room-message"))["role"] == "candidate"
    for to in ({}, {"to": ann.peer_id}, {"to": ben.peer_id}):
        assert (await guest.call(SAY, {"room": room, "body": "hello", **to}))["code"] == "not-member"
    assert (await guest.call(SET, {"room": room, "set": {"a": 1}}))["code"] == "not-member"
    assert bodies(ben) == bodies(cid) == []


async def test_data_is_told_found_and_guarded(world: World) -> None:
    ann, ben, cid, room = await three(world)
    first = await ben.call(SET, {"room": room, "set": {"slide": 1, f"peer.{ben.peer_id}.hand": True}})
    news = {"room": room, "set": {"slide": 1, f"peer.{ben.peer_id}.hand": True}}
    assert await cid.expect("room-data") == {**news, "version": first["version"], "by": ben.peer_id}
    lost = await cid.call(SET, {"room": room, "set": {"slide": 2}, "if": {"slide": 0, "theme": 0}})
    assert (lost["code"], lost["versions"]) == ("conflict", {"slide": first["version"], "theme": 0})
    rejected = await cid.expect("request-reject")
    assert (rejected["code"], rejected["versions"]) == ("conflict", lost["versions"])
    won = await cid.call(SET, {"room": room, "set": {"slide": 2}, "if": {"slide": first["version"]}})
    assert won["version"] > first["version"]
    for peer, key in ((ben, "host.title"), (ann, f"peer.{ben.peer_id}.hand"), (ann, "peer.x.hand")):
        assert (await peer.call(SET, {"room": room, "set": {key: 1}}))["code"] == "forbidden"
    assert (await ann.call(SET, {"room": room, "set": {"host.title": "tea"}}))["ok"]
    newcomer = await world.peer(0, version=2)
    found = (await admit(ann, newcomer, room))["data"]
    assert found["slide"] == {"value": 2, "version": won["version"], "by": cid.peer_id}
    assert found.keys() == {"slide", "host.title", f"peer.{ben.peer_id}.hand"}
    await ben.call("room-leave-request", {"room": room})
    again = await world.peer(1, version=2)
    assert (await admit(ann, again, room))["data"].keys() == {"slide", "host.title"}


async def test_hands_are_in_the_same_order_for_everybody(world: World) -> None:
    peers = await three(world)
    *people, room = peers
    hands = await asyncio.gather(
        *(peer.call(SET, {"room": room, "set": {f"peer.{peer.peer_id}.hand": True}}) for peer in people)
    )
    order = [peer.peer_id for peer, _ in sorted(zip(people, hands, strict=True), key=lambda one: one[1]["version"])]
    for peer, mine in zip(people, hands, strict=True):
        await until(lambda: len(peer.all("room-data")) == 2, "the others' hands")  # noqa: B023
        versions = {told["by"]: told["version"] for told in peer.all("room-data")} | {peer.peer_id: mine["version"]}
        assert sorted(versions, key=lambda who: versions[who]) == order


async def test_presence_reaches_every_room_and_what_is_said_afterwards(world: World) -> None:
    ann, ben, cid, room = await three(world)
    elsewhere = await world.peer(1, version=2)
    other_room = await create(elsewhere)
    await request(elsewhere, ben, other_room)
    old = await world.peer(0)
    await admit(ann, old, room)
    shown = {"name": "Benjamin", "muted": True}
    assert (await ben.call(SHOW, {"peerinfo": shown}))["ok"]
    for peer, where in ((ann, room), (cid, room), (elsewhere, other_room)):
        assert await peer.expect("room-user-update") == {"room": where, "peer_id": ben.peer_id, "peerinfo": shown}
    for receiver in (cid, old):
        await ben.send("relay-ice-candidate", {"room": room, "to": receiver.peer_id, "ice_candidate": 1})
        assert (await receiver.expect("ice-candidate"))["peerinfo"] == shown
    newcomer = await world.peer(0, version=2)
    assert (await admit(ann, newcomer, room))["peersinfo"][ben.peer_id] == shown
    assert (await ben.call(SHOW, {"peerinfo": None}))["ok"]
    assert (await cid.expect("room-user-update"))["peerinfo"] is None
    assert "room-user-update" not in old.untaken()


async def test_a_renewal_with_another_peerinfo_is_presence_too(world: World) -> None:
    ann, ben, _, room = await three(world)
    await ben.authenticate(version=2, peerinfo={"name": "B."})
    told = {"room": room, "peer_id": ben.peer_id, "peerinfo": {"name": "B."}}
    assert await ann.expect("room-user-update") == told


async def test_clients_of_version_1_hear_nothing_of_it(world: World) -> None:
    ann, ben, _, room = await three(world)
    old = await world.peer(1)
    found = await admit(ann, old, room)
    assert not {"data", "history"} & found.keys()
    await ben.call(SAY, {"room": room, "body": 1})
    await ben.call(SET, {"room": room, "set": {"a": 1}})
    await ben.call(SHOW, {"peerinfo": 1})
    assert (await ben.call(SAY, {"room": room, "to": old.peer_id, "body": 1}))["code"] == "forbidden"
    for event, fields in ((SAY, {"body": 1}), (SET, {"set": {"a": 1}}), (SHOW, {"peerinfo": 1})):
        assert (await old.call(event, {"room": room, **fields}))["code"] == "bad-request"
    await ben.send("relay-ice-candidate", {"room": room, "to": old.peer_id, "ice_candidate": 1})
    await old.expect("ice-candidate")
    assert not {"room-message", "room-data", "room-user-update"} & {told.event for told in old.log}


# -- limits


@pytest.mark.parametrize(
    ("event", "fields", "code"),
    [
        (SAY, {"body": "x" * 4095}, "too-large"),
        (SAY, {}, "bad-request"),
        (SAY, {"body": 1, "kind": "k" * 65}, "bad-request"),
        (SAY, {"body": 1, "kind": ""}, "bad-request"),
        (SAY, {"body": 1, "kind": 7}, "bad-request"),
        (SAY, {"body": 1, "to": ["hosts"]}, "bad-request"),
        (SAY, {"body": 1, "to": "nobody"}, "not-member"),
        (SAY, {"body": 1, "to": "h" * 65}, "bad-request"),
        (SAY, {"body": [[[[]]]] * 20 + [1]}, ""),
        (SET, {"set": {"a": "x" * 16384}}, "too-large"),
        (SET, {"set": {f"k{number}": number for number in range(65)}}, "full"),
        (SET, {"set": {f"k{number}": number for number in range(64)}}, ""),
        (SET, {"set": {}}, "bad-request"),
        (SET, {"set": []}, "bad-request"),
        (SET, {}, "bad-request"),
        (SET, {"set": {"K": 1}}, "bad-request"),
        (SET, {"set": {"k" * 65: 1}}, "bad-request"),
        (SET, {"set": {"a": 1}, "if": {"a": -1}}, "bad-request"),
        (SET, {"set": {"a": 1}, "if": {"A": 1}}, "bad-request"),
        (SET, {"set": {"a": 1}, "if": []}, "bad-request"),
        (SHOW, {"peerinfo": "x" * 4095}, "too-large"),
        (SHOW, {}, "bad-request"),
    ],
    ids=str,
)
async def test_every_size_has_its_refusal(world: World, event: str, fields: dict[str, Any], code: str) -> None:
    owner, member = await world.peer(0, version=2), await world.peer(1, version=2)
    room = await room_of(owner, member)
    answer = await member.call(event, {"room": room, **fields})
    assert answer.get("code", "") == code, answer
    if code:
        assert (await member.expect("request-reject"))["code"] == code
        assert not {"room-message", "room-data", "room-user-update"} & {told.event for told in owner.log}
    assert (await member.call(SAY, {"room": room, "body": "still here"}))["ok"]


async def test_a_room_has_16_kib_of_data(world: World) -> None:
    ann, ben, _, room = await three(world)
    assert (await ann.call(SET, {"room": room, "set": {"a": "x" * 10_000}}))["ok"]
    assert (await ben.call(SET, {"room": room, "set": {"b": "x" * 6384}}))["code"] == "full"
    assert (await ben.call(SET, {"room": room, "set": {"b": "x" * (16384 - 10_006)}}))["ok"]
    assert (await ben.call(SET, {"room": room, "set": {"c": 1}}))["code"] == "full"
    assert (await ben.call(SET, {"room": room, "set": {"c": 1, "a": None}}))["ok"]


async def test_history_is_the_newest_that_fits(world: World) -> None:
    owner = await world.peer(0, version=2)
    room = new_name()
    await owner.call("room-create-request", {"room": room, "policy": {"admission": "open", "history": 50}})
    for number in range(60):
        await owner.call(SAY, {"room": room, "body": [number, "x" * 1000]})
    newcomer = await world.peer(1, version=2)
    shown = [one["body"][0] for one in (await newcomer.call(JOIN, {"room": room}))["history"]]
    assert shown == list(range(60 - len(shown), 60))
    assert 10 <= len(shown) <= 16


async def test_a_flood_is_refused_and_costs_the_others_nothing(start_system: StartSystem) -> None:
    """The least that can be set: a room of two is told 1 MiB at once, and 1 KiB in each second thereafter."""
    system = await start_system(settings={"OUTPUT_PER_SECOND": "1024", "OUTPUT_BURST": "1048576"})
    world = World(system)
    try:
        loud, quiet, other, room = await three(world)
        codes = [(await loud.call(SAY, {"room": room, "body": "x" * 4000})).get("code", "") for _ in range(120)]
        assert codes[0] == ""
        assert codes[-1] == "too-many-requests"
        assert (await quiet.call(SAY, {"room": room, "body": "may I?"}))["ok"]
        assert (await other.expect("room-message", body="may I?"))["peer_id"] == quiet.peer_id
    finally:
        await world.close()


# -- no gap, no overlap


def view_of(*logs: list[Any]) -> View:
    """What a client knows of its rooms after all that it has read."""
    view = View()
    view.take([Told(told.event, told.data) for log in logs for told in log if isinstance(told.data, dict)])
    return view


async def test_newcomers_in_the_middle_of_a_hundred_updates_a_second(world: World) -> None:
    writer, sharer = await world.peer(0, version=2), await world.peer(1, version=2)
    room = new_name()
    await writer.call("room-create-request", {"room": room, "policy": {"admission": "open", "history": 20}})
    await sharer.call(JOIN, {"room": room})
    newcomers: list[Peer] = []
    writing = asyncio.create_task(update_all_the_time(writer, sharer, room))
    for number in range(16):
        await asyncio.sleep(0.2)
        newcomers.append(await world.peer(number % 2, version=2))
        await newcomers[-1].send(JOIN, {"room": room})
    for newcomer, event in itertools.product(newcomers, ("room-message", "room-data", "room-user-update")):
        await newcomer.expect(event)  # it is in, and hears of all three
    writing.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await writing
    last = (await writer.call(SAY, {"room": room, "body": "over"}))["id"]
    for newcomer in newcomers:
        await newcomer.expect("room-message", id=last)
        check_continuous(newcomer, room)
    views = [view_of(newcomer.log).rooms[room] for newcomer in newcomers]
    assert all(view.data == views[0].data for view in views)
    assert all(view.infos[sharer.peer_id] == views[0].infos[sharer.peer_id] for view in views)


async def update_all_the_time(writer: Peer, sharer: Peer, room: str) -> None:
    """Until it is cancelled: one writes, the other moves a cursor and changes what it shows of itself."""
    for number in itertools.count(1):
        await writer.send(SAY, {"room": room, "body": number})
        await sharer.send(SET, {"room": room, "set": {"cursor": number}})
        await sharer.send(SHOW, {"peerinfo": number})
        await asyncio.sleep(EACH)


def check_continuous(newcomer: Peer, room: str) -> None:
    """What it has found and what it was told afterwards are all numbers, each once and in order."""
    [accepted] = newcomer.all("room-join-accept")
    said = [one["body"] for one in (*accepted["history"], *newcomer.all("room-message"))][:-1]
    assert said == list(range(said[0], said[0] + len(said)))
    cursor = [accepted["data"]["cursor"]["value"], *(one["set"]["cursor"] for one in newcomer.all("room-data"))]
    assert cursor == list(range(cursor[0], cursor[0] + len(cursor)))
    sharer = next(iter(newcomer.all("room-user-update")))["peer_id"]
    updates = [one["peerinfo"] for one in newcomer.all("room-user-update")]
    shown = [accepted["peersinfo"][sharer], *updates]
    assert shown == list(range(shown[0], shown[0] + len(shown)))


Gather = Callable[[System, int], Awaitable[tuple[list[Client], str]]]


@pytest.fixture
async def gather(start_system: StartSystem) -> AsyncIterator[Gather]:
    """Lets clients that come back meet in a room; they part before the system is stopped."""
    async with AsyncExitStack() as stack:

        async def company(system: System, size: int) -> tuple[list[Client], str]:
            world = World(system)
            stack.push_async_callback(world.close)
            await system.agreed()
            clients = [await Client(world, f"c{number}").arrive(number % 2) for number in range(size)]
            room = new_name()
            policy = {"admission": "open", "history": 50}
            assert (await clients[0].call("room-create-request", room=room, policy=policy))["ok"]
            for client in clients[1:]:
                assert (await client.call(JOIN, room=room))["ok"]
            return clients, room

        yield company


@pytest.mark.timeout(120)
async def test_nothing_is_lost_repeated_or_out_of_order_whatever_dies(
    start_system: StartSystem, gather: Gather
) -> None:
    system = await start_system(gateways=3, brokers=2)
    clients, room = await gather(system, 4)
    numbers = itertools.count(1)
    said: dict[Client, list[int]] = {client: [] for client in clients}
    for round_ in range(8):
        for client, _ in itertools.product(clients, range(4)):
            said[client].append(next(numbers))
            await client.say(SAY, room=room, body=said[client][-1])
            await client.say(SET, room=room, set={client.name: said[client][-1], "shared": said[client][-1]})
        await lose(system, clients, round_)
    for client in clients:
        for n in list(client.unanswered):
            assert (await client.answer(n, within=20))["ok"]
    for hearer, speaker in itertools.permutations(clients, 2):
        await until(lambda: len(heard(hearer, speaker)) >= len(said[speaker]), "all has come", 20)  # noqa: B023
        assert heard(hearer, speaker) == said[speaker], "each once, and in order"
    await check_all_know_the_same(clients, room)
    await system.ready()


async def lose(system: System, clients: list[Client], round_: int) -> None:
    """A connection, with it the broker, or two gateways with all connections; then those who lost theirs come back."""
    if round_ % 4 == 3:
        for gateway in system.gateways[:2]:
            await gateway.kill()
            gateway.start()
        for client in clients:
            await client.arrive(2)
            assert client.resumed
        await system.ready()
        return
    if round_ % 4 == 2:
        broker = next(broker for broker in system.brokers if broker.running)
        await broker.kill()
        broker.start()
    await clients[round_ % 4].peer.vanish()
    await clients[round_ % 4].arrive((round_ + 1) % 2)
    assert clients[round_ % 4].resumed


def heard(hearer: Client, sender: Client) -> list[int]:
    told = [*hearer.told, *((told.event, told.data) for told in hearer.peer.log)]
    return [data["body"] for event, data in told if event == "room-message" and data["peer_id"] == sender.peer_id]


async def check_all_know_the_same(clients: list[Client], room: str) -> None:
    """Everybody finds the same data, and it is what those knew who were told of the changes."""
    newcomer = await Client(clients[0].world, "new").arrive(1)
    found = (await newcomer.call(JOIN, room=room))["data"]
    for client in clients:
        told = [Told(*one) for one in client.told if one[0] not in OWN_EVENTS]
        view = View()
        view.take([*told, *(Told(one.event, one.data) for one in client.peer.log if one.event not in OWN_EVENTS)])
        theirs = {key: datum for key, datum in found.items() if datum["by"] != client.peer_id}
        known = {key: datum for key, datum in view.rooms[room].data.items() if key in theirs}
        assert known == theirs


@pytest.mark.timeout(60)
async def test_a_thousand_updates_cost_one_who_is_away_nothing(start_system: StartSystem, gather: Gather) -> None:
    system = await start_system()
    (ann, ben, cid), room = await gather(system, 3)
    await ben.peer.vanish()
    for number in range(1000):
        await ann.peer.send(SHOW, {"peerinfo": number})
        await cid.peer.send(SET, {"room": room, "set": {"cursor": number}})
    assert (await ann.call(SHOW, peerinfo="last"))["ok"]
    assert (await cid.call(SET, room=room, set={"cursor": "last"}))["ok"]
    await ben.arrive(0)
    assert ben.resumed
    [found] = ben.peer.all("auth-accept")[0]["rooms"]
    assert found["data"]["cursor"]["value"] == "last"
    assert found["peersinfo"][ann.peer_id] == "last"
    assert (await ann.call(SAY, room=room, body="welcome back"))["ok"]
    await ben.peer.expect("room-message")
    assert not {"room-data", "room-user-update"} & {told.event for told in ben.peer.log}


# -- the programs in PROTOCOL.md

# What a program needs around what is shown there. It does what it reads, and says what it knows.
AROUND = """
import { io } from "socket.io-client";
import { createInterface } from "node:readline";
const [url, token, room] = process.argv.slice(2);
let session, me;
const socket = io(url, { auth: { token }, reconnectionDelay: 100, reconnectionDelayMax: 300 });
socket.on("connect", () => socket.emit("auth-request", { token, version: 2, resumable: true, resume: session }));
socket.on("auth-accept", (accepted) => {
  [session, me] = [accepted.token, accepted.peer_id];
  if (!accepted.resumed) socket.emit("room-join-request", { auth: session, room });
});
const draw = (who, where) => console.log("cursor", who, JSON.stringify(where));
SNIPPETS
socket.on("room-join-accept", () => console.log("in", me));
createInterface({ input: process.stdin }).on("line", (line) => console.log(eval(line) ?? "done"));
"""


class Program:
    """The three programs as one, in a room."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.lines: list[str] = []
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            self.lines.append(line.decode().rstrip())

    async def do(self, code: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{code}\n".encode())
        await self._process.stdin.drain()

    async def says(self, end: str) -> str:
        """The newest line that ends so, once there is one."""
        await until(lambda: any(line.endswith(end) for line in self.lines), f"{end}: {self.lines}", 10)
        return next(line for line in reversed(self.lines) if line.endswith(end))

    async def stop(self) -> None:
        self._process.kill()
        await self._process.wait()
        await self._reading


async def test_the_programs_in_the_document_write_raise_hands_and_show_cursors(
    start_system: StartSystem, tmp_path: Path
) -> None:
    system = await start_system()
    await system.agreed()
    world, room = World(system), new_name()
    ann = await world.peer(0, version=2)
    policy = {"admission": "open", "history": 9}
    await ann.call("room-create-request", {"room": room, "policy": policy})
    await ann.call(SAY, {"room": room, "body": "welcome"})
    (tmp_path / "node_modules").symlink_to(ROOT / "node_modules")
    shown = snippets("PROTOCOL.md")
    program = tmp_path / "life.mjs"
    program.write_text(AROUND.replace("SNIPPETS", "\n".join(shown[name] for name in ("chat", "hands", "cursors"))))
    said = [find_node(), str(program), system.gateways[1].url, await system.app_token(), room]
    ben, cid = [Program(await asyncio.create_subprocess_exec(*said, stdin=PIPE, stdout=PIPE)) for _ in range(2)]
    try:
        await check_programs(system, ann, room, ben, cid)
    finally:
        await ben.stop()
        await cid.stop()
        await world.close()
    await system.ready()


async def check_programs(system: System, ann: Peer, room: str, ben: Program, cid: Program) -> None:
    await ben.says("writes: welcome")
    await cid.says("writes: welcome")
    await ben.do("write('hello')")
    assert (await ann.expect("room-message"))["body"] == "hello"
    await cid.says("writes: hello")
    await ben.says("writes: hello")
    await cid.do("raise(true)")
    first = (await ann.expect("room-data"))["by"]
    await ben.do("raise(true)")
    second = (await ann.expect("room-data"))["by"]
    for program in (ben, cid):
        await ask_until(program, "speakers().join(' ')", f"{first} {second}")
    await system.gateways[1].kill()
    system.gateways[1].start()
    await ann.call(SET, {"room": room, "set": {f"peer.{ann.peer_id}.hand": True}})
    await system.ready()
    for program in (ben, cid):
        await ask_until(program, "speakers().join(' ')", f"{first} {second} {ann.peer_id}")
    await cid.do("raise(false)")
    await ask_until(ben, "speakers().join(' ')", f"{second} {ann.peer_id}")
    await ben.do("for (let x = 0; x < 100; x++) move(x, 7)")
    await cid.says('{"x":99,"y":7}')
    assert len(ann.all("room-data")) < 10


async def ask_until(program: Program, code: str, answer: str) -> None:
    """Ask until the newest answer is this one."""

    async def ask() -> bool:
        await program.do(code)
        await asyncio.sleep(0.05)
        return bool(program.lines) and program.lines[-1] == answer

    async with asyncio.timeout(15):
        while not await ask():
            await asyncio.sleep(0.05)
