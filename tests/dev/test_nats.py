"""The embedded NATS server, for real."""

import os
import socket
from pathlib import Path

import nats
import nats.js.api

from dev import nats as dev_nats
from dev.processes import Processes, Program
from shared.subjects import MAX_MESSAGE


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


async def test_it_serves_a_file_stream_and_takes_our_largest_message(tmp_path: Path) -> None:
    port = free_port()
    folder = tmp_path / "a folder"
    async with Processes(lambda *_: None) as running:
        await running.start(Program("nats", dev_nats.command(folder, port), os.environ))
        client = await nats.connect(f"nats://127.0.0.1:{port}", max_reconnect_attempts=50, reconnect_time_wait=0.1)
        try:
            assert client.max_payload == MAX_MESSAGE
            log = client.jetstream()
            await log.add_stream(name="test", subjects=["test"], storage=nats.js.api.StorageType.FILE)
            assert (await log.publish("test", b"hello")).seq == 1
        finally:
            await client.close()
    assert (folder / "nats" / "jetstream").is_dir()
