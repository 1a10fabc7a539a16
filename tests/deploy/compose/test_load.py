"""Scaled and restarted under load."""

import time
from typing import Any

import pytest

from tests.deploy.compose.conftest import ROOMS
from tests.deploy.compose.load import Load
from tests.deploy.compose.stack import Stack

pytestmark = pytest.mark.timeout(600)

PROCESSES = ("gateway", "broker", "auth_api")


def test_nothing_is_lost_when_everything_is_scaled_and_restarted(stack: Stack, load: Load) -> None:
    given, running = stack.clients_given(), stack.containers()
    stack.compose("up", "--detach", "--scale", "gateway=4")
    wait_for_traffic(stack, given, 4, within=30)
    stack.wait_for_gateways(4, within=30)
    assert set(running) < set(stack.containers())
    stack.compose("up", "--detach", "--scale", "gateway=2")
    stack.wait_for_gateways(2, within=30)
    before = stack.containers()
    stack.run("sh", "deploy/roll.sh")
    assert not set(before) & set(stack.containers())
    assert len(stack.containers("gateway")) == 2
    judge(load.finish())


def wait_for_traffic(stack: Stack, before: dict[str, int], count: int, within: float) -> None:
    """Wait until so many gateways have been given clients since."""
    deadline = time.monotonic() + within
    while (taking := sum(now > before[name] for name, now in stack.clients_given().items())) < count:
        assert time.monotonic() < deadline, f"{taking} gateways take traffic, not {count}"
        time.sleep(0.1)


def judge(report: dict[str, Any]) -> None:
    wrongs = {name: report[name] for name in ("missing", "doubled", "disordered", "departures", "strangers")}
    assert not any(wrongs.values()), wrongs
    assert report["failed_visits"] == []
    assert report["heard"] > 1000
    # each restart sends everybody elsewhere, and all came back as who they were
    assert report["returns"] >= 2 * 3 * ROOMS
    # that connections broke costs some answers, never refusals
    assert report["refused"].keys() <= {"unanswered"}


def test_nobody_wants_more_of_nats_than_it_may(stack: Stack) -> None:
    assert "Violation" not in stack.compose("logs", "nats")


def test_no_log_has_an_error(stack: Stack) -> None:
    bad = [line for line in stack.logs(*PROCESSES) if line["level"] == "error" or "exception" in line]
    assert bad == []
