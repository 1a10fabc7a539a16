"""The compose file on a real engine: scaled and restarted under load, and seen from outside."""

import datetime
import json
import ssl
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.load import Load
from tests.deploy.stack import Stack, fetch
from tests.system.peer import Peer

pytestmark = pytest.mark.timeout(600)

ROOMS = 4
TURN_URL = "turn:127.0.0.1:3478"
PROCESSES = ("gateway", "broker", "auth_api")


def has_engine() -> bool:
    try:
        return all(
            subprocess.run(["docker", *what], capture_output=True).returncode == 0
            for what in (["info"], ["compose", "version"])
        )
    except FileNotFoundError:
        return False


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    if not has_engine():
        pytest.skip("there is no Docker engine with compose here")
    stack = Stack(tmp_path_factory.mktemp("stack"), GATEWAYS="1", DRAIN_SECONDS="4", TURN_URLS=TURN_URL)
    try:
        stack.compose("up", "--detach", "--build", "--wait")
        yield stack
    finally:
        stack.compose("--profile", "*", "down", "--volumes", "--timeout", "1")


@pytest.fixture
def load(stack: Stack) -> Iterator[Load]:
    load = Load(stack.url, stack.app_token(), ROOMS)
    yield load
    load.close()


def test_nothing_is_lost_when_everything_is_scaled_and_restarted(stack: Stack, load: Load) -> None:
    stack.compose("up", "--detach", "--scale", "gateway=4")
    stack.wait_for_gateways(4, within=30)
    seen = time.time()
    assert seen - newest_gateway(stack) < 3
    stack.compose("up", "--detach", "--scale", "gateway=2")
    stack.wait_for_gateways(2, within=10)
    before = stack.containers()
    stack.run("sh", "deploy/roll.sh")
    assert not set(before) & set(stack.containers())
    assert len(stack.containers("gateway")) == 2
    judge(load.finish())


def judge(report: dict[str, Any]) -> None:
    wrongs = {name: report[name] for name in ("missing", "doubled", "disordered", "departures", "strangers")}
    assert not any(wrongs.values()), wrongs
    assert report["failed_visits"] == []
    assert report["heard"] > 1000
    # each restart sends everybody elsewhere, and all came back as who they were
    assert report["returns"] >= 2 * 3 * ROOMS
    # that connections broke costs some answers, never refusals
    assert report["refused"].keys() <= {"unanswered"}


def newest_gateway(stack: Stack) -> float:
    """When the newest gateway began to serve."""
    ups = [line["time"] for line in stack.logs("gateway") if line["message"] == "gateway up"]
    return datetime.datetime.fromisoformat(max(ups)).timestamp()


@pytest.mark.parametrize(
    "path",
    [
        "/livez",
        "/readyz",
        "/metrics",
        "/admin",
        "/admin/rooms",
        "/%6detrics",
        "/%61dmin/rooms",
        "/socket.io/../metrics",
    ],
)
def test_the_inside_is_not_reachable_from_outside(stack: Stack, path: str) -> None:
    assert stack.status(path) == 404


@pytest.mark.parametrize(
    "path", ["/demo", "/demo/socket.io.js", "/openapi.json", "/socket.io/?EIO=4&transport=polling"]
)
def test_what_is_for_clients_is_reachable(stack: Stack, path: str) -> None:
    assert stack.status(path) == 200


def test_operators_reach_the_admin_calls_on_their_own_port(stack: Stack) -> None:
    assert fetch(f"{stack.operators}/admin/rooms")[0] == 401


def test_only_the_load_balancer_is_published(stack: Stack) -> None:
    ports = stack.run("docker", "inspect", "--format", "{{json .HostConfig.PortBindings}}", *stack.containers())
    published = [port for line in ports.splitlines() for port in json.loads(line) or ()]
    assert sorted(published) == ["8080/tcp", "8404/tcp", "8443/tcp"]


def test_no_process_is_root(stack: Stack) -> None:
    for container in stack.containers():
        rows = stack.run("docker", "top", container, "-eo", "uid,pid,args").splitlines()[1:]
        assert rows
        assert all(row.split()[0] != "0" for row in rows), rows


def test_no_file_system_can_be_written(stack: Stack) -> None:
    readonly = stack.run("docker", "inspect", "--format", "{{.HostConfig.ReadonlyRootfs}}", *stack.containers())
    assert set(readonly.split()) == {"true"}


def test_the_passwords_reach_who_needs_them(stack: Stack) -> None:
    environment = stack.run("docker", "inspect", "--format", "{{.Config.Env}}", *stack.containers("broker"))
    assert stack.secrets["NATS_BROKER_PASSWORD"] in environment
    assert stack.secrets["APP_SECRET"] not in environment


def test_nobody_wants_more_of_nats_than_it_may(stack: Stack) -> None:
    assert "Violation" not in stack.compose("logs", "nats")


def test_no_log_has_an_error(stack: Stack) -> None:
    bad = [line for line in stack.logs(*PROCESSES) if line["level"] == "error" or "exception" in line]
    assert bad == []


def test_the_monitoring_files_are_right(stack: Stack) -> None:
    check = ["run", "--rm", "--no-deps", "--entrypoint", "promtool", "prometheus", "check"]
    stack.compose("--profile", "monitoring", *check, "config", "/etc/prometheus/prometheus.yml")


async def test_the_turn_server_takes_what_the_gateways_hand_out(stack: Stack) -> None:
    stack.compose("--profile", "turn", "up", "--detach", "--no-deps", "coturn")
    peer = Peer("peer", stack.url, stack.app_token())
    await peer.connect()
    (server,) = (await peer.authenticate())["ice_servers"]
    await peer.close()
    assert server["urls"] == [TURN_URL]
    refused = "Cannot complete Allocation"
    assert refused not in allocate(stack, server["username"], server["credential"])
    assert refused in allocate(stack, server["username"], "wrong")


def allocate(stack: Stack, username: str, credential: str) -> str:
    command = ["turnutils_uclient", "-u", username, "-w", credential, "-y", "-n", "1", "127.0.0.1"]
    return stack.attempt("docker", "compose", "--profile", "turn", "exec", "--no-TTY", "coturn", *command)


def test_with_a_certificate_it_speaks_tls(stack: Stack, tmp_path: Path) -> None:
    key, certificate, both = (tmp_path / name for name in ("key.pem", "certificate.pem", "both.pem"))
    new = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost"]
    stack.run(*new, "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate))
    both.write_text(key.read_text() + certificate.read_text())
    stack.set(TLS_CERTIFICATE=str(both))
    stack.compose("up", "--detach", "--no-deps", "--wait", "haproxy")
    trust = ssl.create_default_context(cafile=certificate)
    # follows the redirect from HTTP
    with urllib.request.urlopen(f"{stack.url}/demo", timeout=10, context=trust) as answer:  # noqa: S310 - our own server
        assert answer.url == f"{stack.tls_url}/demo"
        assert answer.status == 200
