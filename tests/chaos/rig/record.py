"""A record of what went over NATS: the log, and the parcels that were sent because of it."""

import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec
import nats
from nats.aio.client import Client
from nats.aio.msg import Msg

from shared.envelopes import subjects
from shared.envelopes.deliveries import Parcel, unpack_message

Message = tuple[int, float, str, bytes]  # position, time, subject and data
REPLAYING = Path(__file__).parent / "replaying.py"


class Sent(NamedTuple):
    """A parcel: where it went, its number and its bytes."""

    subject: str
    number: int
    data: bytes


class Record:
    """What is heard while ``recording``: each parcel as often as it was sent."""

    def __init__(self) -> None:
        self.sent: list[Sent] = []
        self.log: list[Message] = []

    @asynccontextmanager
    async def recording(self, url: str) -> AsyncIterator[None]:
        client = await nats.connect(url)
        try:
            await client.subscribe("parley.deliver.*", cb=self._hear, pending_msgs_limit=-1, pending_bytes_limit=-1)
            yield
            await client.flush()
            self.log = await _read(client)
        finally:
            await client.close()

    async def _hear(self, message: Msg) -> None:
        read = unpack_message(message.data)
        if isinstance(read, Parcel):
            self.sent.append(Sent(message.subject, read.number, message.data))


def replay(log: list[Message], code: Path, folder: Path) -> list[Sent]:
    """The parcels that follow from a log by the code in a folder; ``folder`` is for files."""
    recorded, said = folder / "recorded", folder / "said"
    recorded.write_bytes(msgspec.msgpack.encode(log))
    # as a command, the script is not found beside this one: it finds the modules of the folder that it runs in
    subprocess.run([sys.executable, "-c", REPLAYING.read_text(), recorded, said], cwd=code, check=True)
    return msgspec.msgpack.decode(said.read_bytes(), type=list[Sent])


async def _read(client: Client) -> list[Message]:
    """The whole log, which must not have been trimmed."""
    js = client.jetstream()
    state = (await js.stream_info(subjects.EVENT_STREAM)).state
    assert state.first_seq == 1, "the log has been trimmed"
    found: list[Message] = []
    for position in range(1, state.last_seq + 1):
        message = await js.get_msg(subjects.EVENT_STREAM, seq=position)
        assert message.time is not None
        found.append((position, message.time.timestamp(), message.subject or "", message.data or b""))
    return found
