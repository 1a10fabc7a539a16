"""The file of keys is read again when it changes, and what is wrong with it leaves the keys as they were."""

import asyncio
import json
import logging
import os
import pathlib

import pytest

from gateway.incoming import user_keys
from gateway.incoming.user_keys import UserKeys
from shared.process.settings import SettingError

OURS = ("s" * 32,)


def key(kid: str) -> dict[str, str]:
    return {"kty": "oct", "k": "aGhoaGhoaGhoaGhoaGhoaGhoaGhoaGhoaGhoaGhoaGg", "kid": kid, "alg": "HS256", "app": "chat"}


def write(path: pathlib.Path, *kids: str) -> None:
    """As tools do that replace a file: it has another inode, whatever its size and time are."""
    new = path.with_suffix(".new")
    new.write_text(json.dumps({"keys": [key(kid) for kid in kids]}))
    new.replace(path)


@pytest.fixture
def path(tmp_path: pathlib.Path) -> pathlib.Path:
    path = tmp_path / "keys.json"
    write(path, "k1")
    return path


def test_without_a_file_there_are_no_keys() -> None:
    assert UserKeys("", OURS).keys == {}


def test_a_file_that_cannot_be_used_ends_the_start(path: pathlib.Path) -> None:
    with pytest.raises(SettingError, match=r"USER_KEYS: cannot be used: No such file"):
        UserKeys(str(path) + "x", OURS)
    path.write_text("{}")
    with pytest.raises(SettingError, match="USER_KEYS: cannot be used: it is not a JWKS file"):
        UserKeys(str(path), OURS)


def test_the_same_file_is_read_once(path: pathlib.Path) -> None:
    keys = UserKeys(str(path), OURS)
    known = keys.keys
    assert not keys.look()
    assert keys.keys is known


def test_another_file_brings_other_keys(path: pathlib.Path) -> None:
    keys = UserKeys(str(path), OURS)
    write(path, "k2", "k3")
    assert keys.look()
    assert set(keys.keys) == {"k2", "k3"}
    os.utime(path, (1, 1))
    assert keys.look(), "a file that says it is older is another one too"


def test_a_broken_file_changes_nothing_and_is_logged_once(path: pathlib.Path, caplog: pytest.LogCaptureFixture) -> None:
    keys = UserKeys(str(path), OURS)
    path.write_text("{")
    with caplog.at_level(logging.ERROR):
        assert not keys.look()
        assert not keys.look()
        path.unlink()
        assert not keys.look()
        assert not keys.look()
    assert set(keys.keys) == {"k1"}
    assert len(caplog.records) == 2, "once for what is wrong with it, once for its being gone"
    write(path, "k1", "k2")
    assert keys.look()
    assert set(keys.keys) == {"k1", "k2"}


async def test_whoever_watches_is_told(path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(user_keys, "LOOK_INTERVAL", 0.01)
    keys, changed = UserKeys(str(path), OURS), asyncio.Event()
    watching = asyncio.create_task(keys.watch(changed.set))
    write(path, "k2")
    async with asyncio.timeout(10):
        await changed.wait()
    assert set(keys.keys) == {"k2"}
    watching.cancel()
