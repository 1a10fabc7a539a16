"""The guest for Node in PROTOCOL.md, run as it says there; and whether every snippet is run by some test."""

import asyncio
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Self

import pytest

from tests.conftest import StartSystem
from tests.snippets import moved, snippets
from tests.system.rig.harness import System
from tests.system.rig.node import find_node
from tests.system.rig.process import ROOT
from tests.system.rig.rooms import admit, create, new_name
from tests.system.rig.tokens import forged
from tests.system.rig.world import World

DOCUMENTS = ("README.md", "PROTOCOL.md")


class Guest:
    """The program in PROTOCOL.md, on the first gateway of a system."""

    def __init__(self, system: System, folder: Path, token: str, room: str) -> None:
        self._program = folder / "guest.mjs"
        self._arguments = (token, room)
        self._text = moved(snippets("PROTOCOL.md")["guest.mjs"], {"http://localhost:5000": system.gateways[0].url})
        self.said: list[str] = []

    async def __aenter__(self) -> Self:
        self._program.write_text(self._text)
        modules = self._program.parent / "node_modules"
        modules.symlink_to(ROOT / "node_modules")
        self._process = await asyncio.create_subprocess_exec(
            find_node(), str(self._program), *self._arguments, stdout=PIPE, stderr=STDOUT
        )
        return self

    async def __aexit__(self, *error: object) -> None:
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()

    async def says(self, line: str, within: float = 10.0) -> None:
        """Return when the next line has come, which must be this one."""
        assert self._process.stdout is not None
        async with asyncio.timeout(within):
            self.said.append((await self._process.stdout.readline()).decode().rstrip("\n"))
        assert self.said[-1] == line, "\n".join(self.said)

    async def exit_code(self, within: float = 10.0) -> int:
        async with asyncio.timeout(within):
            return await self._process.wait()


Invite = Callable[[System, str, str], Awaitable[Guest]]


@pytest.fixture
async def invite(tmp_path: Path) -> AsyncIterator[Invite]:
    async with AsyncExitStack() as stack:

        async def start(system: System, token: str, room: str) -> Guest:
            return await stack.enter_async_context(Guest(system, tmp_path, token, room))

        yield start


def test_the_snippets_are_those_that_are_run() -> None:
    """``call.html`` and ``token`` in the browser, ``guest.mjs`` here."""
    marks = {name for document in DOCUMENTS for name in snippets(document)}
    assert marks == {"token", "call.html", "guest.mjs"}
    assert sum((ROOT / document).read_text().count("<!-- snippet:") for document in DOCUMENTS) == len(marks)


async def test_the_guest_keeps_its_place_when_its_gateway_fails(start_system: StartSystem, invite: Invite) -> None:
    system = await start_system()
    world = World(system)
    owner, ben, cleo = await world.peers(1, 1, 1)
    room = await create(owner)
    guest = await invite(system, await system.app_token(), room)
    await guest.says("Connected.")
    peer_id = (await owner.expect("room-join-request", room=room))["peer_id"]
    await owner.send("room-join-accept", {"room": room, "peer_id": peer_id})
    await guest.says("In the room. Others here: 1")
    await admit(owner, ben, room)
    await guest.says(f"{ben.name} joined.")

    await system.gateways[0].kill()
    await guest.says("Disconnected: transport close")
    await ben.send("room-leave-request", {"room": room})
    await ben.expect("room-leave-accept", room=room)
    system.gateways[0].start()
    await system.ready()
    missed = f"{ben.name} left: left"
    await guest.says("Resumed.", within=20)
    await guest.says(missed)
    await guest.says("In the room. Others here: 1")  # it has asked again
    await admit(owner, cleo, room)
    await guest.says(f"{cleo.name} joined.")
    assert [left["peer_id"] for left in owner.all("room-user-leave")] == [ben.peer_id]
    await world.close()


async def test_a_guest_that_is_refused_says_why_and_ends(system: System, world: World, invite: Invite) -> None:
    owner = await world.peer()
    room = await create(owner)
    guest = await invite(system, await system.app_token(), room)
    await guest.says("Connected.")
    peer_id = (await owner.expect("room-join-request", room=room))["peer_id"]
    await owner.send("room-join-reject", {"room": room, "peer_id": peer_id})
    await guest.says("Room owner rejected your request")
    assert await guest.exit_code() == 1


async def test_a_guest_without_a_good_token_says_so_and_ends(system: System, invite: Invite) -> None:
    guest = await invite(system, forged(await system.app_token()), new_name())
    await guest.says("Token is not valid")
    assert await guest.exit_code() == 1
