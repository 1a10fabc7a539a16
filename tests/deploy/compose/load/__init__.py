"""The load as a process."""

import json
import subprocess
from pathlib import Path
from typing import Any

from tests.system.rig.process import ROOT

SCRIPT = Path(__file__).parent / "main.mjs"


class Load:
    """Three official clients a room: one with WebSocket, one with the default way, one with polling alone."""

    def __init__(self, url: str, token: str, rooms: int) -> None:
        argv = ["node", str(SCRIPT), url, token, str(rooms)]
        self._child = subprocess.Popen(argv, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._read() == {"ready": True}

    def finish(self) -> Any:
        """End the load; returns its report."""
        assert self._child.stdin is not None
        self._child.stdin.close()
        report = self._read()
        self._child.wait(30)
        return report

    def close(self) -> None:
        """End it in any case."""
        with self._child:
            self._child.kill()

    def _read(self) -> Any:
        assert self._child.stdout is not None
        return json.loads(self._child.stdout.readline())
