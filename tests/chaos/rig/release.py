"""Releases before this one: their code in a folder, beside which the present code has to work."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.system.rig.process import ROOT

COMMITS = (ROOT / "tests" / "chaos" / "last-release").read_text().split()  # one of each level that may be in use
PACKAGES = ("broker", "gateway", "shared")


def is_here(commit: str) -> bool:
    """Whether this clone's history goes back to a release."""
    look = ["git", "cat-file", "-e", f"{commit}^{{commit}}"]
    return subprocess.run(look, cwd=ROOT, capture_output=True).returncode == 0


def unpack(commit: str, folder: Path) -> None:
    """Put the code of a release into a folder. Skips the test if this clone has no history."""
    if not is_here(commit):
        missing = f"the last release, commit {commit}, is not in this clone: its history has been cut off"
        assert not os.environ.get("CI"), missing
        pytest.skip(missing)
    archive = subprocess.run(["git", "archive", commit, *PACKAGES], cwd=ROOT, check=True, capture_output=True)
    subprocess.run(["tar", "-x", "-C", folder], input=archive.stdout, check=True)
