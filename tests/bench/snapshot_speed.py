"""What a snapshot of very many peers costs the process that takes it, and the one that reads it."""

import gc
import itertools
import subprocess
import sys
import time

import msgspec

from broker.core.limits import Limits
from broker.core.machine import Core
from broker.storage.encoding import Encoding
from broker.storage.image import Name, decode
from shared.envelopes.entries import Batch, GatewayUp
from tests.bench.meter import resident_bytes
from tests.bench.multitude import IN_A_ROOM, ROOMS_AT_ONCE, entries_of
from tests.bench.samples import MIB
from tests.system.rig.process import ROOT


class SnapshotSpeed(msgspec.Struct):
    """Seconds: in which nothing takes effect as one is begun, of the longest slice, of all slices, and of reading.

    ``size`` and ``memory`` are in bytes; ``memory`` is all of the process before a snapshot is begun.
    """

    begin: float
    slice: float
    all_slices: float
    end: float
    read: float
    size: int
    memory: int

    @property
    def longest(self) -> float:
        return max(self.begin, self.slice, self.end)

    def text(self) -> str:
        standing = f"begun in {self.begin * 1e3:.1f} ms, longest slice {self.slice * 1e3:.1f}, end {self.end * 1e3:.1f}"
        work = f"{self.all_slices:.2f} s of work, {self.size / MIB:.0f} MiB, read again in {self.read:.2f} s"
        return f"a core alone, {self.memory / MIB:,.0f} MiB: {standing}; {work}"


def measure(peers: int) -> SnapshotSpeed:
    """Fill a core, and take one snapshot of it, by this thread's own time: what else the machine does is not in it."""
    core = _filled(peers)
    gc.collect()
    gc.freeze()
    gc.disable()
    memory = resident_bytes("self")
    clock = time.thread_time
    moments = [clock()]
    name = Name.of(core)
    with Encoding("log", core.state) as encoding:
        moments.append(clock())
        for _ in encoding.steps():
            moments.append(clock())
        moments.append(clock())
        encoded = encoding.result()
    moments.append(clock())
    data = encoded.whole
    began = clock()
    assert len(decode("log", data).peers) == peers
    read = clock() - began
    assert name.position == core.state.position
    begin, *slices, end = (after - before for before, after in itertools.pairwise(moments))
    return SnapshotSpeed(begin, max(slices), sum(slices), end, read, len(data), memory)


def in_a_process_of_its_own(peers: int) -> SnapshotSpeed:
    """The same, with no other memory around."""
    ran = subprocess.run(
        [sys.executable, "-m", "tests.bench.snapshot_speed", str(peers)], cwd=ROOT, capture_output=True, check=True
    )
    return msgspec.json.decode(ran.stdout, type=SnapshotSpeed)


def _filled(peers: int) -> Core:
    core = Core(Limits())
    core.apply(1, 1.0, Batch("g", 1, [GatewayUp("multitude")]))
    for number, start in enumerate(range(0, peers, ROOMS_AT_ONCE * IN_A_ROOM), 2):
        entries = entries_of(range(start, min(peers, start + ROOMS_AT_ONCE * IN_A_ROOM)))
        core.apply(number, float(number), Batch("g", number, list(entries)))
    return core


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(measure(int(sys.argv[1]))))
