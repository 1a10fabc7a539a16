"""The stack, and what uses it."""

from collections.abc import Iterator

import pytest

from tests.deploy.compose.load import Load
from tests.deploy.compose.stack import Stack
from tests.deploy.tool import docker

ROOMS = 4
TURN_URL = "turn:127.0.0.1:3478"


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    docker()
    stack = Stack(tmp_path_factory.mktemp("stack"), GATEWAYS="1", DRAIN_SECONDS="4", TURN_URLS=TURN_URL, DEMO="true")
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
