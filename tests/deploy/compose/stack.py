"""The compose file on a real Docker engine, under a project name and on ports of its own."""

import json
import os
import re
import secrets
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from tests.system.rig.ports import free_port
from tests.system.rig.process import ROOT

PROJECT = "parley-test"
SECRETS = (
    "APP_SECRET",
    "APP_PASS",
    "NATS_GATEWAY_PASSWORD",
    "NATS_BROKER_PASSWORD",
    "NATS_AUTH_API_PASSWORD",
    "TURN_SECRET",
    "ADMIN_TOKEN",
)


class Stack:
    """``compose`` runs docker compose on it, ``run`` any program with the same environment."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self._ports = {name: free_port() for name in ("HTTP_PORT", "HTTPS_PORT", "OPERATORS_PORT", "PROMETHEUS_PORT")}
        self.secrets = {name: secrets.token_hex(32) for name in SECRETS}
        self.url = f"http://127.0.0.1:{self._ports['HTTP_PORT']}"
        self.tls_url = f"https://127.0.0.1:{self._ports['HTTPS_PORT']}"
        self.operators = f"http://127.0.0.1:{self._ports['OPERATORS_PORT']}"
        self.prometheus = f"http://127.0.0.1:{self._ports['PROMETHEUS_PORT']}"
        self._env_file = folder / "stack.env"
        self._environ = {**os.environ, "COMPOSE_PROJECT_NAME": PROJECT, "COMPOSE_ENV_FILES": str(self._env_file)}
        self.set(**{name: str(port) for name, port in self._ports.items()}, **self.secrets, **settings)

    def compose(self, *args: str) -> str:
        return self.run("docker", "compose", *args)

    def run(self, *argv: str) -> str:
        done = self._run(*argv)
        state = self._run("docker", "compose", "ps", "--all").stdout if done.returncode else ""
        assert done.returncode == 0, f"{' '.join(argv)}:\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}\n{state}"
        return done.stdout

    def attempt(self, *argv: str) -> str:
        """All that a program says, whether or not it fails."""
        done = self._run(*argv)
        return done.stdout + done.stderr

    def set(self, **settings: str) -> None:
        """More settings for the next ``compose up``."""
        with self._env_file.open("a") as file:
            file.writelines(f"{name}={value}\n" for name, value in settings.items())

    def containers(self, *services: str) -> list[str]:
        return self.compose("ps", "--quiet", *services).split()

    def owners(self, container: str) -> list[str]:
        """The user ids of its processes."""
        rows = self.run("docker", "top", container, "-eo", "uid,pid").splitlines()[1:]
        return [row.split()[0] for row in rows]

    def logs(self, *services: str) -> list[dict[str, Any]]:
        """The lines of Parley's processes."""
        return [json.loads(line) for container in self.containers(*services) for line in _log(container)]

    def status(self, path: str) -> int:
        """What the load balancer answers to a GET from outside."""
        return fetch(self.url + path)[0]

    def app_token(self) -> str:
        form = f"app=tests&password={self.secrets['APP_PASS']}"
        status, body = fetch(f"{self.url}/app", form.encode())
        assert status == 200, body
        return str(json.loads(body)["response"]["token"])

    def gateways_up(self) -> int:
        """How many gateways the load balancer sends new clients to."""
        return len(self._of_gateways("status", 'state="UP"', "1"))

    def clients_given(self) -> dict[str, int]:
        """How many clients or their requests each gateway's place at the load balancer has been given."""
        return {name: int(given) for name, given in self._of_gateways("sessions_total", "", r"\d+")}

    def _of_gateways(self, metric: str, labels: str, value: str) -> list[tuple[str, str]]:
        """What the load balancer tells of gateways: their names and values."""
        text = fetch(f"{self.operators}/metrics")[1]
        line = rf'^haproxy_server_{metric}{{proxy="gateways",server="(\w+)",?{labels}}} ({value})$'
        return re.findall(line, text, re.MULTILINE)

    def wait_for_gateways(self, count: int, within: float) -> None:
        deadline = time.monotonic() + within
        while (up := self.gateways_up()) != count:
            assert time.monotonic() < deadline, f"{up} gateways are up, not {count}"
            time.sleep(0.1)

    def _run(self, *argv: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(argv, cwd=ROOT, env=self._environ, capture_output=True, text=True)


def _log(container: str) -> list[str]:
    done = subprocess.run(["docker", "logs", container], capture_output=True, text=True, check=True)
    return (done.stdout + done.stderr).splitlines()


def fetch(url: str, data: bytes | None = None) -> tuple[int, str]:
    """Status and body of a GET, or of a POST if there is data."""
    try:
        with urllib.request.urlopen(url, data, timeout=10) as answer:  # noqa: S310 - our own server
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as answer:
        return answer.code, answer.read().decode()
