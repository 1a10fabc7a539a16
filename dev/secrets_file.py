"""Secrets for the local system: made once, kept in a file that only its owner can read."""

import os
import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path

from dev.trouble import Trouble


def complete(names: Iterable[str], path: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """A value for each name: from the environment, else from the file, else made now and kept in the file.

    Raises OSError, and Trouble when the file is none of ours.
    """
    kept = _read(path)
    found = {name: environ.get(name) or kept.get(name) for name in names}
    made = {name: secrets.token_hex(32) for name, value in found.items() if not value}
    if made:
        _write(path, kept | made)
    return {name: value for name, value in found.items() if value} | made


def _read(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    try:
        lines = path.read_text().splitlines()
    except UnicodeError:
        raise Trouble(f"{path} is no text. Remove it, and new secrets are made") from None
    pairs = (line.partition("=") for line in lines if "=" in line)
    return {name: value for name, _, value in pairs}


def _write(path: Path, values: Mapping[str, str]) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Beside the old file and then in its place: never half written, never readable by others.
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.writelines(f"{name}={value}\n" for name, value in values.items())
    fresh.replace(path)
