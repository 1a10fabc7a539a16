"""The embedded NATS server: the same program as in production, from a Python package."""

import re
import shutil
import sys
from pathlib import Path

from dev.trouble import Trouble
from shared.envelopes.subjects import MAX_MESSAGE

SELDOM = "2m"  # what NATS does by default
_SCRIPT = Path(__file__).parents[1] / "deploy" / "nats.sh"


def command(folder: Path, port: int, sync: str = SELDOM) -> list[str]:
    """Write the server's configuration into ``folder``, and return the command that runs it there."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    config = folder / "nats.conf"
    config.write_text(_config(folder / "nats", port, sync), encoding="utf-8")
    return running(config)


def running(config: Path) -> list[str]:
    """The command that runs the server with a configuration."""
    return ["sh", str(_SCRIPT), program(), "--config", str(config)]


def _config(store: Path, port: int, sync: str) -> str:
    return f"""# Written by dev/nats.py at each start.
listen: "127.0.0.1:{port}"
max_payload: {MAX_MESSAGE}
jetstream {{ store_dir: {_quoted(str(store))}, sync_interval: {_quoted(sync)} }}
"""


def _quoted(text: str) -> str:
    """A text as NATS reads it: it takes any letter as it is, and does not know how JSON would write it."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + re.sub(r"[\x00-\x1f]", lambda found: f"\\x{ord(found[0]):02x}", escaped) + '"'


def program() -> str:
    """Where the server is. Raises Trouble."""
    beside_python = Path(sys.executable).parent / "nats-server"
    found = str(beside_python) if beside_python.exists() else shutil.which("nats-server")
    if not found:
        raise Trouble("nats-server is not installed. Install it with: make setup")
    return found
