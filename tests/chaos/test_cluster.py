"""Three hosts: one is cut off, one frozen, one killed. ``python -m tests.chaos.cluster`` does all that to each."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.chaos.rig import hosts
from tests.deploy.tool import missing
from tests.system.rig.process import ROOT


@pytest.mark.timeout(300)
def test_clients_lose_nothing_when_a_whole_host_is_gone(tmp_path: Path) -> None:
    if trouble := hosts.why_not():
        missing(trouble)
    command = [sys.executable, "-m", "tests.chaos.cluster", "--short", "--seconds", "6", "--folder", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 of 3 faults, 0 promises broken" in done.stdout
