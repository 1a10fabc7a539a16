"""An old broker on a newer log."""

from pathlib import Path

import nats

from broker.__main__ import TOO_OLD
from shared.envelopes import levels, subjects
from shared.envelopes.entries import Batch, LevelRaised, pack_batch
from tests.system.rig.harness import System


async def test_a_broker_that_meets_a_level_it_does_not_know_says_what_to_do(tmp_path: Path) -> None:
    system = System(tmp_path, gateways=1, brokers=1)
    await system.start()
    try:
        client = await nats.connect(f"nats://127.0.0.1:{system.nats_port}")
        raised = pack_batch(Batch("later", 0, [LevelRaised(2**32, levels.LEVEL + 1)]))
        await client.jetstream().publish(subjects.BROKER_EVENTS, raised)
        await client.close()
        [broker] = system.brokers
        for _ in range(2):
            assert await broker.exit_code(within=20) == TOO_OLD  # it has to start first
            broker.start()  # as a supervisor does: it ends again, and never speaks
        assert await broker.exit_code(within=20) == TOO_OLD
        assert broker.text().count("start the one that wrote it, or a later one") == 3
        assert "giving up" not in broker.text()
        assert broker.new_complaints() == []
        await system.stop()
    finally:
        await system.abandon()
