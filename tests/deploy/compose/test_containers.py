"""What the containers may do, and what becomes of one that ends."""

import json
import time

import pytest

from tests.deploy.compose.stack import Stack

pytestmark = pytest.mark.timeout(600)


def test_no_process_is_root(stack: Stack) -> None:
    for container in stack.containers():
        owners = stack.owners(container)
        assert owners
        assert "0" not in owners, container


def test_every_container_is_kept_to_its_limits(stack: Stack) -> None:
    what = "{{.HostConfig.Memory}} {{.HostConfig.PidsLimit}} {{json .HostConfig.Ulimits}}"
    for limits in stack.run("docker", "inspect", "--format", what, *stack.containers()).splitlines():
        memory, processes, others = limits.split()
        assert int(memory) >= 256 * 1024**2
        assert int(processes) == 512
        assert json.loads(others) == [{"Name": "core", "Hard": 0, "Soft": 0}]


@pytest.mark.parametrize(
    ("what", "value"),
    [
        ("HostConfig.ReadonlyRootfs", "true"),
        ("HostConfig.CapDrop", "[ALL]"),
        ("HostConfig.SecurityOpt", "[no-new-privileges:true]"),
        ("HostConfig.Privileged", "false"),
        ("HostConfig.RestartPolicy.Name", "unless-stopped"),
        ("State.Health.Status", "healthy"),
    ],
)
def test_every_container_is(stack: Stack, what: str, value: str) -> None:
    found = stack.run("docker", "inspect", "--format", f"{{{{.{what}}}}}", *stack.containers())
    assert set(found.splitlines()) == {value}


def test_the_passwords_reach_who_needs_them(stack: Stack) -> None:
    environment = stack.run("docker", "inspect", "--format", "{{.Config.Env}}", *stack.containers("broker"))
    assert stack.secrets["NATS_BROKER_PASSWORD"] in environment
    assert stack.secrets["APP_SECRET"] not in environment


def test_a_process_that_ends_is_started_again(stack: Stack) -> None:
    (container,) = stack.containers("auth_api")
    stack.run("docker", "exec", container, "python", "-c", "import os; os.kill(1, 15)")
    wanted = ["docker", "inspect", "--format", "{{.RestartCount}} {{.State.Health.Status}}", container]
    deadline = time.monotonic() + 30
    while (now := stack.run(*wanted).strip()) != "1 healthy":
        assert time.monotonic() < deadline, now
        time.sleep(0.2)
