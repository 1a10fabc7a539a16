"""What is published: its size, its types, and that it works where it is used."""

import asyncio
import gzip
import json
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

from dev.documents import ROOT
from tests.client.rig.package import BUNDLE, BUNDLER, COMPILER, node, pack
from tests.client.test_rooms import entering
from tests.snippets import moved, snippets
from tests.system.rig.harness import System
from tests.system.rig.node import find_node
from tests.system.rig.rooms import create
from tests.system.rig.world import World

MOST_BYTES = 7 * 1024  # of our own code, minified and gzipped

IN_NODE = """
import { connect } from "parley-client";
import { connect as bundled } from "parley-client/bundle";
import { io } from "socket.io-client";
import { connect as without } from "parley-client/connect";

const { urls, token, room } = JSON.parse(process.argv[2]);
const people = [connect, bundled, without].map((connect) => connect({ io, urls, getToken: () => token }));
const [owner, ...guests] = people;
const tea = await owner.join(room, { create: true });
tea.on("pending", (all) => all.forEach(({ peer_id }) => tea.accept(peer_id).catch(() => {})));
const rooms = await Promise.all(guests.map((guest) => guest.join(room)));
console.log(JSON.stringify([...rooms, tea].map(({ owner, members }) => members.get(owner).role)));
people.forEach((parley) => parley.close());
"""
# Wrong uses, each of which the types must find.
IN_TYPESCRIPT = """
import { connect, Refusal, type Room } from "parley-client";

const parley = connect({ urls: "http://localhost:5000", getToken: async () => "token", peerinfo: { name: "Ann" } });
parley.on("state", (state) => state === "online");
const room: Room = await parley.join("tea", { create: true, waiting: (text) => text.trim() });
room.on("leave", ({ peer_id, reason }) => room.members.get(peer_id)?.role ?? reason.trim());
try {
  await room.setPolicy({ admission: "open" });
} catch (error) {
  if (error instanceof Refusal) console.log(error.code.trim());
}
const { rtt } = await room.call().peers.get("x")!.stats();
// @ts-expect-error
rtt.toFixed();
// @ts-expect-error
await room.setRole("x", "king");
// @ts-expect-error
room.on("nothing", () => {});
// @ts-expect-error
room.enter({});
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pack(tmp_path_factory.mktemp("package"))


def test_its_own_code_is_small(tmp_path: Path) -> None:
    made = tmp_path / "own.js"
    node(ROOT / "client", BUNDLER, *BUNDLE, "--external:socket.io-client", f"--outfile={made}")
    assert len(gzip.compress(made.read_bytes(), 9)) <= MOST_BYTES


def test_it_needs_nothing_but_socket_io_client() -> None:
    described = json.loads((ROOT / "client/package.json").read_text())
    assert list(described["dependencies"]) == ["socket.io-client"]


def test_the_page_about_it_is_what_the_types_say() -> None:
    node(ROOT / "client", "api.mjs", "--check")


async def test_it_works_in_node_however_it_is_imported(system: System, project: Path) -> None:
    (project / "program.mjs").write_text(IN_NODE)
    said = await asyncio.to_thread(node, project, "program.mjs", json.dumps(await entering(system)))
    assert json.loads(said) == ["owner"] * 3


async def test_the_guest_in_the_readme_chats_until_the_room_is_closed(
    system: System, world: World, project: Path
) -> None:
    given = await entering(system)
    owner = await world.peer(name="Ann", version=2)
    room = await create(owner, given["room"])
    places = {
        "http://localhost:5000": given["urls"][0],
        "http://localhost:5001": given["urls"][1],
        '"tea"': f'"{room}"',
    }
    token = {"process.env.TOKEN": json.dumps(await system.app_token())}
    (project / "echo.mjs").write_text(moved(snippets("client/README.md")["echo.mjs"], {**places, **token}))
    guest = await asyncio.create_subprocess_exec(find_node(), "echo.mjs", cwd=project, stdout=PIPE)
    try:
        asked = await owner.expect("room-join-request", room=room)
        await owner.send("room-join-accept", {"room": room, "peer_id": asked["peer_id"]})
        await owner.expect("room-user-join", room=room)
        await owner.send("room-message-request", {"room": room, "kind": "chat", "body": {"text": "Hello"}})
        answer = await owner.expect("room-message", room=room)
        assert answer["body"] == {"text": "Ann said: Hello"}
        await owner.send("room-close-request", {"room": room})
        assert guest.stdout is not None
        said = await asyncio.wait_for(guest.stdout.read(), 10)
        assert said.splitlines()[-1] == b"ended closed"
    finally:
        if guest.returncode is None:
            guest.kill()
        await guest.wait()


def test_its_types_let_the_right_pass_and_find_the_wrong(project: Path) -> None:
    (project / "program.mts").write_text(IN_TYPESCRIPT)
    options = ("--noEmit", "--strict", "--skipLibCheck", "--target", "es2022", "--module", "nodenext")
    node(project, COMPILER, *options, "--types", "", "program.mts")


def test_it_has_what_is_needed_and_no_more(project: Path) -> None:
    package = project / "node_modules/parley-client"
    documents = {"API.md", "LICENSE", "README.md", "events.d.ts", "package.json"}
    assert {path.name for path in package.iterdir()} == {*documents, "dist", "src", "types"}
    assert (package / "types/index.d.ts").exists()
