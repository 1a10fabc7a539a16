import re
import stat
import subprocess
from pathlib import Path

import pytest

from dev.secrets_file import complete
from dev.trouble import Trouble

NAMES = ["APP_SECRET", "APP_PASS"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "kept" / "secrets.env"


def test_missing_secrets_are_made_long_enough_and_differ(path: Path) -> None:
    made = complete(NAMES, path, {})
    assert set(made) == set(NAMES)
    assert all(len(value.encode()) >= 32 for value in made.values())
    assert made["APP_SECRET"] != made["APP_PASS"]


def test_they_are_the_same_the_next_time(path: Path) -> None:
    assert complete(NAMES, path, {}) == complete(NAMES, path, {})


def test_only_the_owner_can_read_them(path: Path) -> None:
    complete(NAMES, path, {})
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_the_environment_wins_and_is_not_written_down(path: Path) -> None:
    found = complete(NAMES, path, {"APP_SECRET": "from outside", "APP_PASS": "this too"})
    assert found == {"APP_SECRET": "from outside", "APP_PASS": "this too"}
    assert not path.exists()


def test_what_the_environment_lacks_is_made_beside_what_is_kept(path: Path) -> None:
    complete(["APP_SECRET"], path, {})
    kept = path.read_text()
    complete(NAMES, path, {"APP_SECRET": ""})
    assert path.read_text().startswith(kept)
    assert "APP_PASS=" in path.read_text()


def test_a_shell_can_read_the_file(path: Path) -> None:
    made = complete(NAMES, path, {})
    shell = subprocess.run(["sh", "-c", f'. {path}; printf %s "$APP_PASS"'], capture_output=True, text=True, check=True)
    assert shell.stdout == made["APP_PASS"]


def test_a_file_that_is_none_of_ours_is_named_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "secrets.env"
    path.write_bytes(b"APP_SECRET=\xe6")
    with pytest.raises(Trouble, match=re.escape(f"{path} is no text")):
        complete(NAMES, path, {})
    assert path.read_bytes() == b"APP_SECRET=\xe6"
