"""Histories of the cluster: a few of them in each run of the tests, and what a history promises about itself."""

import os
import subprocess
import sys

import pytest

from tests.sim.history import play
from tests.sim.seeds import SEEDS
from tests.sim.trace import Trace
from tests.system.rig.process import ROOT

FIRST, COUNT = 1000, 12


@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: f"{seed}: {SEEDS[seed]}")
def test_what_found_a_fault_once_finds_none(seed: int) -> None:
    assert play(seed).faults == []


@pytest.mark.parametrize("seed", range(FIRST, FIRST + COUNT))
def test_whatever_happens_the_promises_are_kept(seed: int) -> None:
    assert play(seed).faults == []


def test_a_history_can_be_played_again_wherever_objects_lie_in_memory() -> None:
    command = [sys.executable, "-c", "from tests.sim.history import play; print(play(7).hash)"]
    hashes = {
        subprocess.run(
            command, cwd=ROOT, env={**os.environ, "PYTHONHASHSEED": seed}, check=True, capture_output=True, text=True
        ).stdout
        for seed in ("1", "2")
    }
    assert hashes == {play(7).hash + "\n"}


def test_a_history_can_be_read() -> None:
    lines: list[str] = []
    play(7, Trace(lines.append, ("party-1-1",)))
    assert any("room-join-request" in line for line in lines)
    assert not any("party-0-1" in line and "party-1-1" not in line for line in lines)
