"""What the servers' processes have used, as the kernel counts it."""

import os
import time
from collections.abc import Mapping
from pathlib import Path

# The clock of another process is numbered as clock_getcpuclockid(3) of Linux does; /proc counts in ticks of 10 ms only.
PROCESS_CLOCK = 2


class Meter:
    """CPU time of processes since the meter was made, or since ``restart``. ``pids`` has them by name."""

    def __init__(self, pids: Mapping[str, int]) -> None:
        self._pids = dict(pids)
        self.restart()

    def restart(self) -> None:
        """Count from now on."""
        self._before = self._used()

    def read(self) -> dict[str, float]:
        """CPU seconds of each process, user and system together."""
        return {name: used - self._before[name] for name, used in self._used().items()}

    def _used(self) -> dict[str, float]:
        return {name: cpu_seconds(pid) for name, pid in self._pids.items()}


def cpu_seconds(pid: int) -> float:
    """CPU time of a process so far, all its threads together, to the microsecond. Raises OSError when it is gone."""
    return time.clock_gettime(~pid << 3 | PROCESS_CLOCK)


def resident_bytes(pid: int | str) -> int:
    """Memory of a process that is in RAM."""
    status = Path(f"/proc/{pid}/status").read_text()
    row = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(row.split()[1]) * 1024


def cpu_model() -> str:
    """The processor of this machine and how many of it there are."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown CPU")
    return f"{os.cpu_count()} CPUs, {model}"
