"""What can be reached from outside, and what cannot."""

import json

import pytest

from tests.deploy.compose.stack import Stack, fetch

pytestmark = pytest.mark.timeout(600)


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
        "/admin/rooms/%zz",
        "/demo/%2e%2e/admin/rooms",
        "/demo/../admin/rooms",
        "//admin/rooms",
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
