"""The connection to NATS."""

from pathlib import Path

from dev import nats
from shared.envelopes.subjects import LEAST_PAYLOAD
from shared.messaging.connection import connect
from shared.process.stop import Stop
from tests.system.rig.ports import free_port
from tests.system.rig.process import Process
from tests.system.rig.waiting import until


async def test_a_server_that_takes_too_little_is_refused_and_the_setting_named(tmp_path: Path) -> None:
    port, config = free_port(), tmp_path / "nats.conf"
    config.write_text(f"host: 127.0.0.1\nport: {port}\nmax_payload: {LEAST_PAYLOAD - 1}\n")
    server = Process("nats", nats.running(config), {}, port, tmp_path)
    server.start()
    try:
        await until(lambda: "Server is ready" in server.text(), "the server is ready")
        stop = Stop()
        client = await connect(f"nats://127.0.0.1:{port}", "test", stop)
        assert stop.is_set()
        assert f"max_payload to {LEAST_PAYLOAD} or more" in stop.why
        await client.close()
    finally:
        await server.kill()
