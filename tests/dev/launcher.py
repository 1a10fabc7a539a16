"""``make run``, started by a test."""

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dev import ports

READY = "Parley is ready."
Settings = dict[str, str]


class Launcher:
    """A launcher that was started, and what it has said so far."""

    def __init__(self, settings: Settings) -> None:
        environ = {name: value for name, value in os.environ.items() if name not in ("APP_SECRET", "APP_PASS")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "dev.run"],
            env=environ | settings,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.said = ""

    def until(self, text: str) -> str:
        """Read on until ``text`` has been said; return all that was said."""
        assert self.process.stdout
        for line in self.process.stdout:
            self.said += line
            if text in line:
                return self.said
        pytest.fail(f"it ended without saying {text!r}:\n{self.said}")

    def end(self) -> int:
        """Wait for the end; return the exit code."""
        assert self.process.stdout
        self.said += self.process.stdout.read()
        return self.process.wait(10)

    def children(self, module: str) -> list[int]:
        """The processes that run ``module``."""
        table = subprocess.run(["ps", "-A", "-o", "pid=,ppid=,args="], capture_output=True, text=True, check=True)
        rows = [line.split(None, 2) for line in table.stdout.splitlines()]
        return [int(pid) for pid, parent, command in rows if int(parent) == self.process.pid and module in command]

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.end()
        assert self.process.stdout
        self.process.stdout.close()


def settings_in(folder: Path) -> Settings:
    """Settings with free ports, and the data in ``folder``."""
    base = free_block(5)
    return {
        "NATS_PORT": str(base),
        "BROKER_PORT": str(base + 1),
        "AUTH_API_PORT": str(base + 2),
        "GATEWAY_PORT": str(base + 3),
        "DATA_DIR": str(folder / "data"),
    }


def free_block(size: int) -> int:
    """The first of ``size`` ports in a row that nobody listens on."""
    while True:
        base = random.randrange(20000, 30000)
        if not any(ports.is_taken("127.0.0.1", base + offset) for offset in range(size)):
            return base
