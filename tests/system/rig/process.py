"""One process of the system under test: started, watched, stopped or killed."""

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import aiohttp

ROOT = Path(__file__).parents[3]
READY = 60.0  # seconds; four of them were seen to take more than twenty to start on two cores that had other work

COMPLAINTS = (
    "Traceback (most recent call last)",
    "exception was never retrieved",
    "was destroyed but it is pending",
)


class Process:
    """A child process, its probe port and its log. It keeps both over restarts. ``code`` is the folder it runs in."""

    def __init__(
        self, name: str, argv: Sequence[str], env: Mapping[str, str], port: int, folder: Path, code: Path = ROOT
    ) -> None:
        self.name = name
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.log = folder / f"{name}.log"
        self.argv = list(argv)
        self._code = code
        self.env = {**_inherited(), **env}
        self._child: subprocess.Popen[bytes] | None = None
        self._read = 0

    @property
    def running(self) -> bool:
        return self._child is not None and self._child.poll() is None

    @property
    def pid(self) -> int:
        assert self._child is not None, f"{self.name} was not started"
        return self._child.pid

    def start(self) -> None:
        assert not self.running, f"{self.name} runs already"
        with self.log.open("ab") as log:
            self._child = subprocess.Popen(self.argv, cwd=self._code, env=self.env, stdout=log, stderr=log)

    def signal(self, number: int) -> None:
        os.kill(self.pid, number)

    async def kill(self) -> None:
        self.signal(signal.SIGKILL)
        await self.exit_code()

    async def stop(self, within: float = 5.0) -> None:
        """Ask for the end with SIGTERM; it must come in time, with code 0."""
        self.signal(signal.SIGTERM)
        code = await self.exit_code(within)
        assert code == 0, f"{self.name} ended with {code} on SIGTERM:\n{self.text()[-4000:]}"

    async def exit_code(self, within: float = 5.0) -> int:
        """The code that the process ends with. A process that does not end in time is killed, and that is a failure."""
        assert self._child is not None, f"{self.name} was not started"
        try:
            return await asyncio.to_thread(self._child.wait, within)
        except subprocess.TimeoutExpired:
            self._child.kill()
            await asyncio.to_thread(self._child.wait)
            raise AssertionError(f"{self.name} did not end in {within:g} s:\n{self.text()[-4000:]}") from None

    async def ready(self, within: float = READY, path: str = "/readyz") -> None:
        """Return when the probe answers 200."""
        await self.answers(200, within, path)

    async def answers(self, status: int, within: float = READY, path: str = "/readyz") -> None:
        """Return when the probe answers so."""
        deadline = time.monotonic() + within
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as http:
            while (got := await probe(http, self.url + path)) != status:
                assert self.running, f"{self.name} has ended:\n{self.text()[-4000:]}"
                assert time.monotonic() < deadline, f"{self.name} answers {got}:\n{self.text()[-4000:]}"
                await asyncio.sleep(0.05)

    def text(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def lines(self) -> list[str]:
        return self.text().splitlines()

    def new_complaints(self) -> list[str]:
        """What the log holds since the last call that no log may hold, with what stands around it."""
        fresh = self.text()[self._read :]
        self._read += len(fresh)
        return [f"{self.name}:\n{_around(fresh, words)}" for words in COMPLAINTS if words in fresh]

    def memory(self) -> int:
        """Resident bytes."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        row = next(line for line in status.splitlines() if line.startswith("VmRSS"))
        return int(row.split()[1]) * 1024

    def open_files(self) -> int:
        return len(os.listdir(f"/proc/{self.pid}/fd"))


async def probe(http: aiohttp.ClientSession, url: str) -> int:
    """The status of a GET, 0 if there is no answer."""
    try:
        async with http.get(url) as answer:
            return answer.status
    except (aiohttp.ClientError, OSError, TimeoutError):
        return 0


def _inherited() -> dict[str, str]:
    # only what a program needs to run: a setting in the caller's environment must not leak into the system
    return {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}


def _around(text: str, words: str) -> str:
    at = text.index(words)
    return text[max(0, at - 1000) : at + 3000]
