"""Certificates for tests, made by the script of the repository."""

import os
import subprocess
from pathlib import Path

from tests.deploy.tool import tool
from tests.system.rig.process import ROOT

SCRIPT = ROOT / "deploy" / "cluster" / "certificates.sh"


def make(folder: Path, *hosts: str) -> subprocess.CompletedProcess[str]:
    """Run the script. A host is given as the script wants it: ``one=localhost,127.0.0.1``."""
    tool("openssl")
    command = ["sh", str(SCRIPT), str(folder), *hosts]
    return subprocess.run(command, cwd=ROOT, env={"PATH": os.environ["PATH"]}, capture_output=True, text=True)


def made(folder: Path, *hosts: str) -> Path:
    """The folder, with certificates in it."""
    done = make(folder, *hosts)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder
