"""Gateways are killed, frozen, and partitioned from NATS."""

import signal
import time
from pathlib import Path
from typing import Any

from tests.chaos.conftest import StartCompany
from tests.chaos.rig.company import heard, id_of, numbers, relay, relayed, told
from tests.chaos.rig.proxy import Proxy
from tests.chaos.rig.story import OK
from tests.system.rig.harness import System
from tests.system.rig.ports import free_port
from tests.system.rig.waiting import until


async def test_a_gateway_is_killed(start_company: StartCompany) -> None:
    company = await start_company(gateways=3)
    ann, ben = await company.visitor(0), await company.visitor(1)
    guest = await company.visitor(0, resumable=False)
    room = await company.room(ann, ben, guest)
    before, lost = id_of(ann), id_of(guest)
    assert await relay(ben, ann, room) == OK
    await company.system.gateways[0].kill()
    killed = time.monotonic()
    for _ in range(10):
        assert await relay(ben, ann, room) == OK
    await told(ben, "room-user-leave", within=10, peer=lost)
    assert time.monotonic() - killed < 5
    assert await company.come(ann, 2)
    assert (id_of(ann), ann.rooms[room].owner) == (before, before)
    await until(lambda: relayed(ann) == numbers(ben.story), "all it missed, in order, and once")
    assert not heard(ben, "room-user-leave", peer=before)
    assert not heard(ben, "room-owner")
    assert await relay(ann, ben, room) == OK
    assert await company.faults() == []


async def test_a_gateway_wakes_up_after_it_was_given_up(start_company: StartCompany) -> None:
    company = await start_company(gateways=2, settings={"GATEWAY_TIMEOUT": "1.5"})
    ann, ben = await company.visitor(0), await company.visitor(1)
    guest = await company.visitor(0, resumable=False)
    room = await company.room(ann, ben, guest)
    frozen, before, old = company.system.gateways[0], id_of(ann), ann.line
    frozen.signal(signal.SIGSTOP)
    guest.send("relay-session-description", room, id_of(ben), session_description="too late")
    await told(ben, "room-user-leave", peer=id_of(guest))
    ann.line = None  # still open, and nobody reads it
    assert await company.come(ann, 1)
    assert id_of(ann) == before
    frozen.signal(signal.SIGCONT)
    lines = [old, guest.line]
    await until(lambda: all(line and line.down.is_set() for line in lines), "the sockets are closed", within=3)
    assert await relay(ann, ben, room) == OK
    await until(lambda: relayed(ben) == numbers(ann.story), "nothing of the guest's has arrived")
    assert guest.story.sent()[-1].answer is None
    await frozen.ready()
    assert await company.come(guest, 0)


class SystemWithProxy(System):
    """Its first gateway reaches NATS through a connection that can be cut."""

    def __init__(self, folder: Path, **options: Any) -> None:
        port = free_port()
        super().__init__(folder, **options, overrides={"gateway-0": {"NATS_URL": f"nats://127.0.0.1:{port}"}})
        self.proxy = Proxy(port, self.nats_port)

    async def abandon(self) -> None:
        await super().abandon()
        await self.proxy.cut()


async def test_a_gateway_that_was_partitioned_lets_its_clients_go(start_company: StartCompany, tmp_path: Path) -> None:
    system = SystemWithProxy(tmp_path, gateways=2, settings={"GATEWAY_TIMEOUT": "1.5"})
    await system.proxy.mend()
    company = await start_company(system)
    ann, ben = await company.visitor(0), await company.visitor(1)
    guest = await company.visitor(0, resumable=False)
    room = await company.room(ann, ben, guest)
    before = id_of(ann)
    await system.proxy.cut()
    guest.send("relay-session-description", room, id_of(ben), session_description="too late")
    await told(ben, "room-user-leave", peer=id_of(guest))
    assert await relay(ben, ann, room) == OK
    await system.proxy.mend()
    lines = [ann.line, guest.line]
    await until(lambda: all(line and line.down.is_set() for line in lines), "the sockets are closed", within=3)
    await company.system.gateways[0].ready()
    assert await company.come(ann, 0)
    assert id_of(ann) == before
    await until(lambda: relayed(ann) == numbers(ben.story), "what it missed")
    assert await relay(ann, ben, room) == OK
    await until(lambda: relayed(ben) == numbers(ann.story), "nothing of the guest's has arrived")
    assert not heard(ben, "room-user-leave", peer=before)
    assert await company.faults() == []


async def test_a_gateway_dies_while_there_is_no_broker(start_company: StartCompany) -> None:
    company = await start_company(gateways=2)
    ann, ben = await company.visitor(0), await company.visitor(1)
    room, broker = await company.room(ann, ben), company.system.brokers[0]
    for _ in range(300):  # more than is kept for one who is absent
        ben.send("relay-session-description", room, id_of(ann), session_description="offer")
    await until(lambda: len(relayed(ann)) == 300, "all relays have arrived")
    before = id_of(ann)
    await broker.kill()
    await company.system.gateways[0].kill()
    for _ in range(3):
        ben.send("relay-session-description", room, before, session_description="offer")
    broker.start()
    await until(ben.all_answered, "the broker is back", within=20)
    await until(lambda: "gateway lost" in broker.text(), "the gateway is given up")
    assert await company.come(ann, 1)
    assert id_of(ann) == before
    await until(lambda: relayed(ann) == numbers(ben.story), "what it missed, in order and once")
    assert await company.faults() == []
