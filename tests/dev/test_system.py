from pathlib import Path

import pytest

from dev import ports, system
from dev.processes import Program
from dev.settings import Settings
from dev.trouble import Trouble
from shared.process.settings import read


@pytest.fixture
def folder(tmp_path: Path) -> str:
    return str(tmp_path)


def started(folder: str, **environ: str) -> dict[str, Program]:
    settings = read(Settings, {"DATA_DIR": folder, **environ})
    return {program.name: program for program in system.programs(settings, environ)}


def test_nats_comes_first_and_each_process_has_a_name(folder: str) -> None:
    programs = started(folder, GATEWAYS="3", BROKERS="2")
    assert list(programs) == ["nats", "broker-1", "broker-2", "gateway-1", "gateway-2", "gateway-3", "auth_api"]


def test_no_two_processes_listen_on_one_port_by_default() -> None:
    wanted = [port.number for port in system.ports(read(Settings, {}))]
    assert sorted(wanted) == [4222, 5000, 5001, 8000, 9000]


def test_each_port_can_be_moved_by_the_setting_that_is_told() -> None:
    names = {port.setting for port in system.ports(read(Settings, {}))}
    moved = read(Settings, dict.fromkeys(names, "7000"))
    with pytest.raises(Trouble, match="Port 7000 is wanted by"):
        ports.check(system.ports(moved))


def test_processes_are_told_where_the_others_are(folder: str) -> None:
    programs = started(folder, NATS_PORT="4333", GATEWAY_PORT="5100", NATS_URL="nats://elsewhere", APP_PORT="1")
    assert programs["gateway-2"].environ["APP_PORT"] == "5101"
    assert {program.environ["NATS_URL"] for program in programs.values() if program.name != "nats"} == {
        "nats://127.0.0.1:4333"
    }
    assert programs["auth_api"].environ["GATEWAY_URL"] == "http://localhost:5100,http://localhost:5101"


def test_other_variables_are_passed_on_and_win_over_our_defaults(folder: str) -> None:
    programs = started(folder, ROOM_SCOPE="app", LOG_FORMAT="json")
    assert programs["gateway-1"].environ["ROOM_SCOPE"] == "app"
    assert programs["gateway-1"].environ["LOG_FORMAT"] == "json"
    assert programs["gateway-1"].environ["DRAIN_SECONDS"] == "0"


@pytest.mark.parametrize(
    ("app_host", "address", "url"),
    [
        ("127.0.0.1", "127.0.0.1", "http://localhost:5000"),
        ("0.0.0.0", "127.0.0.1", "http://localhost:5000"),
        ("::", "::1", "http://[::1]:5000"),
        ("192.0.2.7", "192.0.2.7", "http://192.0.2.7:5000"),
    ],
)
def test_where_processes_are_reached(app_host: str, address: str, url: str) -> None:
    services = {service.name: service for service in system.services(read(Settings, {"APP_HOST": app_host}))}
    assert services["gateway-1"].address == (address, 5000)
    assert services["gateway-1"].url == url
