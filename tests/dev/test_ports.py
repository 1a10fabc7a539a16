import socket
from collections.abc import Iterator

import pytest

from dev.ports import Port, check
from dev.trouble import Trouble
from tests.system.rig.ports import free_port

HOST = "127.0.0.1"


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server((HOST, 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def free() -> int:
    return free_port()


def test_free_ports_pass(free: int) -> None:
    check([Port(free, HOST, "auth_api", "AUTH_API_PORT")])


def test_a_taken_port_is_told_with_the_setting_that_moves_it(taken: int) -> None:
    with pytest.raises(Trouble, match=rf"Port {taken}, for auth_api, is taken.*AUTH_API_PORT=\d+ make run"):
        check([Port(taken, HOST, "auth_api", "AUTH_API_PORT")])


def test_a_port_taken_on_another_address_is_told(taken: int) -> None:
    with pytest.raises(Trouble, match="is taken"):
        check([Port(taken, "0.0.0.0", "gateway-1", "GATEWAY_PORT")])


def test_a_port_wanted_twice_is_told(free: int) -> None:
    gateway = Port(free, HOST, "gateway-2", "GATEWAY_PORT")
    broker = Port(free, HOST, "broker-1", "BROKER_PORT")
    with pytest.raises(Trouble, match="wanted by gateway-2 and broker-1"):
        check([gateway, broker])


def test_every_problem_is_told_at_once(taken: int, free: int) -> None:
    with pytest.raises(Trouble) as told:
        check(
            [
                Port(taken, HOST, "nats", "NATS_PORT"),
                Port(free, HOST, "gateway-1", "GATEWAY_PORT"),
                Port(free, HOST, "broker-1", "BROKER_PORT"),
            ]
        )
    assert len(str(told.value).splitlines()) == 2


def test_a_connection_that_is_just_closing_does_not_take_its_port() -> None:
    with socket.create_server((HOST, 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection((HOST, port)) as client:
            accepted, _ = server.accept()
            accepted.close()  # the server's side closes first, and lingers
            client.recv(1)
    check([Port(port, HOST, "nats", "NATS_PORT")])
