"""The system of some worktree, started by its own code, so that two commits can be measured in alternation."""

import asyncio
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from tests.bench.client import Fault
from tests.bench.target import Target
from tests.system.rig.process import ROOT

HERE = ROOT

# Runs in the worktree: starts its system, says where it is, and stops it when nobody listens any more.
_SERVE = """
import asyncio, json, sys, tempfile
from pathlib import Path
sys.path.insert(0, ".")
try:
    from tests.system.rig.harness import APP_PASS, System
except ImportError:  # where it used to be
    from tests.system.harness import APP_PASS, System

async def serve(gateways):
    with tempfile.TemporaryDirectory(prefix="parley-bench-") as folder:
        system = System(Path(folder), gateways=gateways)
        await system.start()
        try:
            urls, pids = [gateway.url for gateway in system.gateways], {one.name: one.pid for one in system.processes}
            print(json.dumps({"app": system.auth.url, "urls": urls, "password": APP_PASS, "pids": pids}), flush=True)
            await asyncio.to_thread(sys.stdin.read)
        finally:
            await system.abandon()

asyncio.run(serve(int(sys.argv[1])))
"""


class _Where(msgspec.Struct):
    app: str
    urls: list[str]
    password: str
    pids: dict[str, int]


@asynccontextmanager
async def serving(tree: Path, gateways: int) -> AsyncIterator[Target]:
    """The system of a worktree, for as long as the context lasts. Raises Fault when it does not start."""
    command = [sys.executable, "-c", _SERVE, str(gateways)]
    process = await asyncio.create_subprocess_exec(*command, cwd=tree, stdin=PIPE, stdout=PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        line = await process.stdout.readline()
        if not line:
            raise Fault(f"the system in {tree} does not start")
        where = msgspec.json.decode(line, type=_Where)
        yield Target(tree.name, where.app, where.urls, where.password, where.pids)
    finally:
        process.stdin.close()
        await process.wait()
