"""The profiles of the compose file: a TURN server, and monitoring. There is no stand-in for Grafana's image."""

import asyncio
import json
import re
import time
import urllib.parse
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from tests.deploy.compose.conftest import TURN_URL
from tests.deploy.compose.stack import Stack, fetch
from tests.system.rig.peer import Peer
from tests.system.rig.process import ROOT

pytestmark = pytest.mark.timeout(600)

ALLOCATED, REFUSED = "Received relay addr", "Cannot complete Allocation"
DEPLOY = ROOT / "deploy"
METRIC = re.compile(r"\b(?:parley|haproxy|process)_[a-z_]+")


@pytest.fixture(scope="module")
def turn(stack: Stack) -> Iterator[Stack]:
    stack.compose("--profile", "turn", "up", "--detach", "--no-deps", "coturn")
    yield stack
    stack.compose("--profile", "turn", "rm", "--force", "--stop", "coturn")


async def test_the_turn_server_takes_what_the_gateways_hand_out(turn: Stack) -> None:
    peer = Peer("peer", turn.url, turn.app_token())
    await peer.connect()
    (server,) = (await peer.authenticate())["ice_servers"]
    await peer.close()
    assert server["urls"] == [TURN_URL]
    async with asyncio.timeout(30):
        while ALLOCATED not in (said := await allocate(turn, server["username"], server["credential"])):
            assert REFUSED not in said
    # and it does not lead inside
    assert "403 (Forbidden IP)" in said


async def test_the_turn_server_refuses_whoever_has_nothing_from_a_gateway(turn: Stack) -> None:
    async with asyncio.timeout(30):
        while REFUSED not in (said := await allocate(turn, f"{int(time.time()) + 600}:peer", "wrong")):
            assert ALLOCATED not in said


async def allocate(stack: Stack, username: str, credential: str) -> str:
    """What coturn's own client says when it asks for a relay to this machine."""
    command = ["turnutils_uclient", "-v", "-u", username, "-w", credential, "-y", "-n", "1", "127.0.0.1"]
    whole = ["docker", "compose", "--profile", "turn", "exec", "--no-TTY", "coturn", *command]
    return await asyncio.to_thread(stack.attempt, *whole)


def test_the_turn_server_is_not_root(turn: Stack) -> None:
    (container,) = turn.containers("coturn")
    assert "0" not in turn.owners(container)


@pytest.fixture(scope="module")
def monitored(stack: Stack) -> Iterator[Stack]:
    stack.compose("--profile", "monitoring", "up", "--detach", "--no-deps", "--wait", "prometheus")
    yield stack
    stack.compose("--profile", "monitoring", "rm", "--force", "--stop", "prometheus")


def test_prometheus_sees_every_process(monitored: Stack) -> None:
    wait_for_targets(monitored, gateway=len(monitored.containers("gateway")), broker=2, auth_api=1, haproxy=1)
    monitored.compose("up", "--detach", "--scale", "gateway=3", "--scale", "broker=3")
    wait_for_targets(monitored, gateway=3, broker=3, auth_api=1, haproxy=1)


def wait_for_targets(stack: Stack, **expected: int) -> None:
    """Wait until so many answer of each, and none does not."""
    deadline = time.monotonic() + 30
    while (seen := targets(stack)) != {(job, "1"): count for job, count in expected.items()}:
        assert time.monotonic() < deadline, seen
        time.sleep(0.5)


def targets(stack: Stack) -> Counter[tuple[str, str]]:
    """How many processes of a kind answer (1) or do not (0)."""
    found = ask(stack, f"query?{urllib.parse.urlencode({'query': 'up'})}")["result"]
    return Counter((each["metric"]["job"], each["value"][1]) for each in found)


def ask(stack: Stack, what: str) -> Any:
    """What Prometheus answers."""
    status, body = fetch(f"{stack.prometheus}/api/v1/{what}")
    assert status == 200, body
    return json.loads(body)["data"]


def test_prometheus_works_the_alerts_out(monitored: Stack) -> None:
    deadline = time.monotonic() + 30
    while "unknown" in (health := [rule["health"] for rule in rules(monitored)]):
        assert time.monotonic() < deadline
        time.sleep(0.5)
    assert set(health) == {"ok"}
    assert [rule["name"] for rule in rules(monitored) if rule["state"] == "firing"] == []


def rules(stack: Stack) -> list[dict[str, Any]]:
    """The alert rules and how they are."""
    return [rule for group in ask(stack, "rules")["groups"] for rule in group["rules"]]


@pytest.mark.parametrize("path", ["alerts.yml", "grafana/dashboards/parley.json"])
def test_every_metric_looked_at_is_scraped(monitored: Stack, path: str) -> None:
    looked_at = {re.sub("_(bucket|sum|count)$", "", name) for name in METRIC.findall((DEPLOY / path).read_text())}
    assert looked_at
    deadline = time.monotonic() + 30
    while missing := looked_at - ask(monitored, "metadata").keys():
        assert time.monotonic() < deadline, missing
        time.sleep(0.5)
