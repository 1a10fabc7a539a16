"""``make run`` as a person meets it: the real processes, their output, their end."""

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from dev import ports
from tests.dev.launcher import READY, Launcher, Settings, free_block, settings_in


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_in(tmp_path)


@pytest.fixture
def launcher(settings: Settings) -> Iterator[Launcher]:
    with contextlib.closing(Launcher(settings)) as launcher:
        yield launcher


def test_it_says_how_to_get_a_token_and_stops_in_time(launcher: Launcher, settings: Settings) -> None:
    needs("curl")
    said = launcher.until("Ctrl-C stops everything.")
    command = re.search(r"^ +(\(.*/app \))$", said, re.MULTILINE)
    assert command
    answer = subprocess.run(["sh", "-c", command[1]], capture_output=True, text=True, check=True)
    assert json.loads(answer.stdout)["response"]["token"].count(".") == 2

    started = time.monotonic()
    launcher.process.send_signal(signal.SIGINT)
    assert launcher.end() == 0
    assert time.monotonic() - started < 5
    assert "Traceback" not in launcher.said
    assert_nothing_left(settings)


def test_a_taken_port_is_named(settings: Settings) -> None:
    taken = int(settings["GATEWAY_PORT"]) + 1
    with socket.create_server(("127.0.0.1", taken)), contextlib.closing(Launcher(settings)) as launcher:
        assert launcher.end() == 1
    assert f"Port {taken}, for gateway-2, is taken" in launcher.said
    assert "GATEWAY_PORT=" in launcher.said


@pytest.mark.parametrize("module", ["gateway", "broker", "auth_api", "nats-server"])
def test_a_process_that_dies_is_started_again(launcher: Launcher, settings: Settings, module: str) -> None:
    launcher.until(READY)
    killed = launcher.children(module)[0]
    os.kill(killed, signal.SIGKILL)
    launcher.until("ended with signal 9 (SIGKILL): starting it again")
    assert killed not in launcher.children(module)
    launcher.process.send_signal(signal.SIGINT)
    assert launcher.end() == 0
    assert_nothing_left(settings)


def test_the_demo_can_kill_a_gateway_that_is_started_again(launcher: Launcher, settings: Settings) -> None:
    launcher.until(READY)
    page = f"http://localhost:{settings['AUTH_API_PORT']}"
    switch = str(demo_config(page)["kill_switch"])
    host, _, port = switch.removeprefix("http://").rpartition(":")
    assert host == "127.0.0.1"
    assert not [address for address in others_of_this_machine() if ports.is_taken(address, int(port))]
    killed = launcher.children("gateway")[0]
    body = json.dumps({"url": f"http://localhost:{settings['GATEWAY_PORT']}"}).encode()
    headers = {"Origin": page, "Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(f"{switch}/gateway", body, headers)) as answer:  # noqa: S310
        assert json.load(answer) == {"killed": "gateway-1"}
    launcher.until("gateway-1 ended with signal 9 (SIGKILL): starting it again")
    assert killed not in launcher.children("gateway")


def test_the_kill_switch_can_be_left_out(settings: Settings) -> None:
    with contextlib.closing(Launcher(settings | {"KILL_SWITCH": "off"})) as launcher:
        launcher.until(READY)
        assert demo_config(f"http://localhost:{settings['AUTH_API_PORT']}")["kill_switch"] == ""


def demo_config(page: str) -> dict[str, object]:
    with urllib.request.urlopen(f"{page}/demo/config.json") as answer:  # noqa: S310
        config: dict[str, object] = json.load(answer)
    return config


def others_of_this_machine() -> set[str]:
    """Addresses of this machine but the loopback one."""
    return {str(info[4][0]) for info in socket.getaddrinfo(socket.gethostname(), None)} - {"127.0.0.1", "::1"}


def test_a_second_system_in_the_same_folder_is_told_who_holds_it(launcher: Launcher, settings: Settings) -> None:
    launcher.until(READY)
    with contextlib.closing(Launcher(elsewhere(settings))) as second:
        assert second.end() == 1
    assert f"Parley runs in {settings['DATA_DIR']} already, as process {launcher.process.pid}." in second.said
    assert len(second.said.splitlines()) == 1


def test_what_outlives_its_launcher_keeps_others_out_of_the_folder(launcher: Launcher, settings: Settings) -> None:
    launcher.until(READY)
    (nats,) = launcher.children("nats-server")
    others = [pid for module in ("gateway", "broker", "auth_api") for pid in launcher.children(f"-m {module}")]
    for pid in (*launcher.children("dev.guard"), launcher.process.pid, *others):
        os.kill(pid, signal.SIGKILL)
    try:
        launcher.process.wait()
        with contextlib.closing(Launcher(elsewhere(settings))) as second:
            assert second.end() == 1
        assert "has not ended yet" in second.said
    finally:
        os.kill(nats, signal.SIGKILL)


def test_a_system_ends_when_its_folder_is_removed(launcher: Launcher, settings: Settings) -> None:
    launcher.until(READY)
    shutil.rmtree(settings["DATA_DIR"])
    assert launcher.end() == 1
    assert f"{settings['DATA_DIR']} was removed while Parley ran in it." in launcher.said
    assert_nothing_left(settings)


def test_a_folder_that_cannot_be_written_is_told(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with contextlib.closing(Launcher(settings | {"DATA_DIR": str(tmp_path / "file" / "data")})) as launcher:
        assert launcher.end() == 1
    assert "DATA_DIR: " in launcher.said
    assert len(launcher.said.splitlines()) == 1


def test_its_help_needs_nothing_that_is_to_be_installed(tmp_path: Path) -> None:
    needs("make")
    shutil.copy("Makefile", tmp_path)
    plan = subprocess.run(
        ["make", "-n", "run", "ARGS=--help"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert "dev.run --help" in plan.stdout
    assert "install" not in plan.stdout
    bare = [sys.executable, "-S", "-m", "dev.run", "--help"]
    assert "GATEWAY_PORT" in subprocess.run(bare, capture_output=True, text=True, check=True).stdout


def test_nothing_is_left_of_a_launcher_that_is_killed(launcher: Launcher, settings: Settings) -> None:
    launcher.until(READY)
    launcher.process.kill()
    launcher.process.wait()
    assert_nothing_left(settings, within=6)


def needs(program: str) -> None:
    """Skip the test on a newcomer's machine that lacks the program; CI must have it."""
    if shutil.which(program) is None:
        give_up = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        give_up(f"{program} is not installed")


def elsewhere(settings: Settings) -> Settings:
    """The same settings, with other ports."""
    moved = free_block(5) - int(settings["NATS_PORT"])
    return {name: str(int(value) + moved) if "PORT" in name else value for name, value in settings.items()}


def assert_nothing_left(settings: Settings, within: float = 0) -> None:
    base = int(settings["NATS_PORT"])
    deadline = time.monotonic() + within
    while taken := [port for port in range(base, base + 5) if ports.is_taken("127.0.0.1", port)]:
        assert time.monotonic() < deadline, f"somebody still listens on {taken}"
        time.sleep(0.1)
