"""Programs that tests here use from outside. Without one its test is skipped, but fails in CI."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import pytest


def tool(name: str) -> str:
    """Where a program is."""
    beside = Path(sys.executable).parent / name
    return str(beside) if beside.exists() else shutil.which(name) or missing(f"{name} is not installed")


def docker() -> str:
    """Where docker is, which has compose and an engine behind it."""
    found = tool("docker")
    for what in (["info"], ["compose", "version"]):
        if subprocess.run([found, *what], capture_output=True).returncode:
            missing("there is no Docker engine with compose here")
    return found


def missing(what: str) -> NoReturn:
    """End the test."""
    (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(what)
