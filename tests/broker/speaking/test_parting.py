from collections.abc import AsyncIterator

import pytest

from broker.core.limits import Limits
from broker.core.machine import Core
from broker.settings import Settings
from broker.speaking.lease import Lease
from broker.speaking.parting import Parting
from broker.storage.stream import EventLog
from shared.envelopes.deliveries import Beat
from shared.envelopes.entries import Authenticated, Batch, Entry, GatewayLost, GatewayUp, PeerRemoved, unpack_batch
from shared.messaging.nats import Client
from shared.process.world import World
from tests.system.rig.waiting import until

PEERS = {"g1": ["a", "b"], "g2": ["c"]}


class Scene:
    """A log of two messages, each of which brought up a gateway with its peers; the broker has read both."""

    def __init__(self, nc: Client) -> None:
        self.core, self.log = Core(Limits()), EventLog(nc, Settings(), World())
        lease = Lease(nc, "broker", 1, lambda: self.core.state.term, World().monotonic)
        lease.term = 1
        self.parting = Parting(self.log, self.core, lease, "broker", World())

    async def begin(self) -> None:
        await self.log.open()
        for position, (gateway, peers) in enumerate(PEERS.items(), 1):
            batch = Batch(gateway, 1, [GatewayUp("name"), *map(arrival, peers)], position / 8)
            await self.log.append(gateway, list(batch.entries))
            self.core.apply(position, 1.0, batch)
            self.log.marks.note(position, batch.taken)

    async def said(self) -> list[Entry]:
        """What was appended since."""
        last = (await self.log.extent()).last
        messages = [await self.log.message(position) for position in range(3, last + 1)]
        return [entry for message in messages if message for entry in unpack_batch(message.data).entries]

    async def settled(self) -> None:
        await until(lambda: not self.parting._tasks, "nothing more is looked at")


def arrival(conn: str) -> Authenticated:
    return Authenticated(conn, None, "tests", b"", True, "", 0, b"", None)


@pytest.fixture
async def scene(nc: Client) -> AsyncIterator[Scene]:
    scene = Scene(nc)
    await scene.begin()
    yield scene
    await scene.settled()


@pytest.mark.parametrize("beat", [Beat("g1", 0, False), Beat("g1", 0, False, False, 1, 1 / 8)])
async def test_a_gateway_that_knows_what_the_log_holds_stays(scene: Scene, beat: Beat) -> None:
    assert not scene.parting.is_due(beat)
    await scene.settled()
    assert await scene.said() == []


async def test_a_gateway_that_knows_something_else_goes_with_all_its_peers_and_no_others(scene: Scene) -> None:
    assert scene.parting.is_due(Beat("g1", 0, False, False, 2, 0.5))
    await scene.settled()
    assert await scene.said() == [GatewayLost(1, "g1", -1), PeerRemoved("a"), PeerRemoved("b")]


async def test_many_peers_go_in_several_messages(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("broker.speaking.parting.ENTRIES", 2)
    assert scene.parting.is_due(Beat("g1", 0, False, False, 2, 0.5))
    await scene.settled()
    assert (await scene.log.extent()).last == 4
    assert await scene.said() == [GatewayLost(1, "g1", -1), PeerRemoved("a"), PeerRemoved("b")]


async def test_a_gateway_that_knows_of_a_place_behind_the_end_of_the_log_goes(scene: Scene) -> None:
    assert not scene.parting.is_due(Beat("g2", 0, False, False, 1000, 0.5))
    await scene.settled()
    assert await scene.said() == [GatewayLost(1, "g2", -1), PeerRemoved("c")]


async def test_a_gateway_that_has_heard_sooner_than_the_broker_stays(scene: Scene) -> None:
    position = await scene.log.append("g2", [PeerRemoved("nobody")])
    assert not scene.parting.is_due(Beat("g2", 0, False, False, position, 0.5))
    await scene.settled()
    assert await scene.said() == [PeerRemoved("nobody")]


async def test_it_is_said_once_however_often_the_gateway_beats(scene: Scene) -> None:
    for _ in range(5):
        assert scene.parting.is_due(Beat("g1", 0, False, False, 2, 0.5))
    await scene.settled()
    assert len(await scene.said()) == 3


async def test_a_gateway_goes_if_something_else_is_written_where_it_knows_of_a_place(scene: Scene) -> None:
    assert not scene.parting.is_due(Beat("g1", 0, False, False, 3, 0.5))
    assert scene.parting.is_looking("g1")
    batch = Batch("g2", 2, [], 0.625)
    await scene.log.append("g2", [])
    scene.core.apply(3, 1.0, batch)
    scene.log.marks.note(3, batch.taken)
    await scene.settled()
    assert not scene.parting.is_looking("g1")
    assert (await scene.said())[:1] == [GatewayLost(1, "g1", -1)]


async def test_all_who_are_known_from_a_part_of_the_log_go_and_no_newcomers(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("broker.speaking.parting.ENTRIES", 2)
    assert scene.parting.distrusted() == []
    scene.parting.distrust()
    newcomer = Batch("g3", 1, [GatewayUp("name"), arrival("d")], 0.5)
    scene.core.apply(3, 1.0, newcomer)
    said = []
    for position in range(4, 8):
        entries = scene.parting.distrusted()
        assert len(entries) <= 2
        said += entries
        scene.core.apply(position, 1.0, Batch("broker", 0, entries))
    gone = [GatewayLost(1, "g1", -1), GatewayLost(1, "g2", -1), PeerRemoved("a"), PeerRemoved("b"), PeerRemoved("c")]
    assert [entry for entry in said if isinstance(entry, GatewayLost)] == gone[:2]
    assert scene.core.state.gateways.keys() == {"g3"}
    assert scene.core.state.peers.keys() == {"d"}
