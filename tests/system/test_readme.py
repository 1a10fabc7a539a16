"""The programs of README.md and PROTOCOL.md, run as it says there; and whether every snippet is run by some test."""

import asyncio
import json
import subprocess
import sys
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Self

import pytest
import socketio

from tests.conftest import StartSystem
from tests.snippets import moved, snippets
from tests.system.rig.harness import APP_PASS, System
from tests.system.rig.node import find_node
from tests.system.rig.peer import Peer
from tests.system.rig.process import ROOT
from tests.system.rig.rooms import admit, create, new_name
from tests.system.rig.tokens import forged
from tests.system.rig.world import World

BACKEND = ("user-keys", "user_token.py", "user-token.mjs")
LIFE = ("chat", "hands", "cursors")  # test_life.py
DOCUMENTS = ("README.md", "PROTOCOL.md", "client/README.md")


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
    """``call.html``, ``tea.html`` and ``token`` in the browser, ``echo.mjs`` with the package, the others here."""
    marks = {name for document in DOCUMENTS for name in snippets(document)}
    assert marks == {"token", "call.html", "tea.html", "guest.mjs", "echo.mjs", "again", "user", *BACKEND, *LIFE}
    assert sum((ROOT / document).read_text().count("<!-- snippet:") for document in DOCUMENTS) == len(marks)


async def test_the_guest_keeps_its_place_whenever_its_gateway_fails(start_system: StartSystem, invite: Invite) -> None:
    system = await start_system()
    world = World(system)
    owner, *visitors = await world.peers(1, 1, 1)
    room = await create(owner)
    guest = await invite(system, await system.app_token(), room)
    await guest.says("Connected.")
    peer_id = (await owner.expect("room-join-request", room=room))["peer_id"]
    await owner.send("room-join-accept", {"room": room, "peer_id": peer_id})
    await guest.says("In the room. Others here: 1")
    for visitor in visitors:
        await admit(owner, visitor, room)
        await guest.says(f"{visitor.name} joined.")
        await system.gateways[0].kill()
        await guest.says("Disconnected: transport close")
        await visitor.send("room-leave-request", {"room": room})
        await visitor.expect("room-leave-accept", room=room)
        system.gateways[0].start()
        await system.ready()
        await guest.says("Resumed.", within=20)
        await guest.says(f"{visitor.name} left: left")
        await guest.says("In the room. Others here: 1")  # it has asked again
    left = [told["peer_id"] for told in owner.all("room-user-leave")]
    assert left == [visitor.peer_id for visitor in visitors]
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


def run(folder: Path, *command: str) -> str:
    """What a program says, which must end well."""
    done = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def signed(folder: Path) -> list[str]:
    """The tokens of a backend in each language that README.md shows."""
    readme = snippets("README.md")
    run(folder, "sh", "-ec", readme["user-keys"])
    for name in ("user_token.py", "user-token.mjs"):
        (folder / name).write_text(readme[name])
    (folder / "node_modules").symlink_to(ROOT / "node_modules")
    return [run(folder, sys.executable, "user_token.py"), run(folder, find_node("jose"), "user-token.mjs")]


def asked_for(system: System, folder: Path) -> str:
    """The token that auth_api makes when it is asked as README.md does."""
    (folder / ".parley").mkdir()
    (folder / ".parley/secrets.env").write_text(f"APP_PASS={APP_PASS}\n")
    command = moved(snippets("README.md")["user"], {"localhost:8000": system.auth.url})
    return str(json.loads(run(folder, "sh", "-ec", command))["response"]["token"])


async def test_user_tokens_made_in_each_way_say_who_a_peer_is(start_system: StartSystem, tmp_path: Path) -> None:
    tokens = signed(tmp_path)
    settings = {"USER_KEYS": str(tmp_path / "user-keys.json"), "ANONYMOUS": "off"}
    system = await start_system(overrides={"gateway-0": settings, "gateway-1": settings})
    tokens.append(asked_for(system, tmp_path))
    world = World(system)
    await world.system.agreed()
    host = await user(world, 0, tokens[0])
    await host.call("room-create-request", {"room": "tea"})
    for number, token in enumerate(tokens[1:]):
        again = await user(world, number, token)
        accepted = await again.call("room-join-request", {"room": "tea"})
        assert accepted["identities"][host.peer_id] == {"id": "user-17", "name": "Ann"}
        assert accepted["roles"][host.peer_id] == "owner"
        assert accepted["roles"][again.peer_id] == "moderator"
        assert (await again.call("room-create-request", {"room": "coffee"}))["code"] == "forbidden"
    stranger = await world.stranger()
    with pytest.raises(socketio.exceptions.ConnectionError):
        await stranger.connect()
    await world.close()


async def user(world: World, gateway: int, token: str) -> Peer:
    peer = await world.stranger(gateway)
    peer.app_token = token
    await peer.connect()
    await peer.authenticate(version=2)
    return peer
