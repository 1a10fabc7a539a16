"""The embedded NATS server, for real."""

import os
import subprocess
import sys
from pathlib import Path

import nats
import nats.js.api
import pytest

from dev import nats as dev_nats
from dev.processes import Processes, Program
from shared.envelopes.subjects import MAX_MESSAGE
from tests.system.rig.ports import free_port


async def test_it_serves_a_file_stream_and_takes_our_largest_message(tmp_path: Path) -> None:
    port = free_port()
    folder = tmp_path / 'a "folder"\tof J\u00fcrgen\\\u5f20'
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


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has it")
def test_go_may_sleep_for_a_millisecond_and_has_one_core(tmp_path: Path) -> None:
    config = tmp_path / "nats.conf"
    config.touch()
    script, *_ = running = dev_nats.running(config)
    assert script == "sh"
    said = subprocess.run([*running[:2], "cat", "/proc/self/timerslack_ns"], check=True, capture_output=True, env={})
    assert said.stdout == b"1000000\n"
    cores = [*running[:2], "sh", "-c", "echo $GOMAXPROCS"]
    assert subprocess.run(cores, check=True, capture_output=True, env={}).stdout == b"1\n"
    assert subprocess.run(cores, check=True, capture_output=True, env={"GOMAXPROCS": "3"}).stdout == b"3\n"
