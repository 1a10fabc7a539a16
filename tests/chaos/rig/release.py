"""The last release: its code in a folder, beside which the present code has to work."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.system.rig.process import ROOT

COMMIT = (ROOT / "tests" / "chaos" / "last-release").read_text().strip()
PACKAGES = ("broker", "gateway", "shared")


def unpack(folder: Path) -> None:
    """Put the code of the last release into a folder. Skips the test if this clone has no history."""
    if subprocess.run(["git", "cat-file", "-e", f"{COMMIT}^{{commit}}"], cwd=ROOT, capture_output=True).returncode:
        missing = f"the last release, commit {COMMIT}, is not in this clone: its history has been cut off"
        assert not os.environ.get("CI"), missing
        pytest.skip(missing)
    archive = subprocess.run(["git", "archive", COMMIT, *PACKAGES], cwd=ROOT, check=True, capture_output=True)
    subprocess.run(["tar", "-x", "-C", folder], input=archive.stdout, check=True)
