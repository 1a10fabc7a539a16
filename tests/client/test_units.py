"""The parts of the package by themselves: tests in JavaScript, run by Node's test runner."""

import subprocess
from pathlib import Path

import pytest

from tests.system.rig.node import find_node

UNITS = Path(__file__).parent / "unit"


@pytest.mark.parametrize("name", sorted(path.name for path in UNITS.glob("*.test.mjs")))
def test_unit(name: str) -> None:
    done = subprocess.run([find_node(), "--test", name], cwd=UNITS, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
