"""Users whose tokens an app's own backend signs, at real gateways: who gets in, and in which words others do not."""

import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import socketio

from shared.contract.tokens import Session, make_app_token, make_session_token
from shared.contract.user_tokens import make_user_token
from shared.envelopes.users import User
from tests import keyring
from tests.system.rig.harness import APP_SECRET, System
from tests.system.rig.peer import Peer
from tests.system.rig.world import World

APP = "tests"
DAY = 86400
NOW = int(time.time())  # when this is imported, which may be an hour before it is used
ANOTHER_SECRET = "another-secret-" * 4


def token(alg: str = "EdDSA", header: dict[str, Any] | None = None, **changed: Any) -> str:
    return keyring.signed(NOW, APP, alg, header, **changed)


def fresh(alg: str = "EdDSA", **changed: Any) -> str:
    """A good one."""
    return keyring.signed(int(time.time()), APP, alg, **changed)


def ours(app: str, secret: str = APP_SECRET) -> str:
    """As auth_api makes them."""
    return make_user_token(secret, app, User("ann", "Ann", NOW, NOW + 60, {}, ""))


FORGED = {
    "an unknown key": (token(header={"kid": "gone"}), "Token names a key that is not known here"),
    "another signer": (keyring.signed_by_a_stranger(APP), "Token is not signed with the key that it names"),
    "a public key as a secret": (
        keyring.signed_with_a_public_key(APP),
        "Token is signed by another algorithm than its key is for",
    ),
    "no signature": (keyring.unsigned(APP), "Token is signed by another algorithm than its key is for"),
    "another algorithm": (
        token("HS256", {"kid": "EdDSA"}),
        "Token is signed by another algorithm than its key is for",
    ),
    "a foreign iss": (token(iss="elsewhere"), "Token is for another app than its key"),
    "the key of another app": (token("HS256", {"kid": "theirs"}), "Token is for another app than its key"),
    "no aud": (token(aud=None), "Token has a claim that is missing or wrong: Object missing required field `aud`"),
    "another aud": (token(aud="else"), 'Token is not meant for this server: its aud is not "parley"'),
    "an end that has come": (token(iat=NOW - DAY, exp=NOW - 60), "Token has expired"),
    "a begin that has not": (token(iat=NOW + DAY, exp=NOW + 2 * DAY), "Token is not valid yet"),
    "too long a life": (
        token(exp=NOW + 31 * DAY),
        "Token lives too long: at most 2592000 seconds from iat to exp",
    ),
    "a right that there is not": (
        token(rooms={"tea": "rule"}),
        "Token has a claim that is missing or wrong: Invalid enum value 'rule' - at `$.rooms[...]`",
    ),
    "a session token": (make_session_token(APP_SECRET, Session(APP, "ann", 1, NOW + DAY)), "Token is not valid"),
    "our form, another secret": (ours(APP, ANOTHER_SECRET), "Token is not valid"),
    "an app token of another secret": (make_app_token(ANOTHER_SECRET, APP, NOW), "Token is not valid"),
}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def keyed(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[System]:
    """Two gateways that know an app's keys. No log of theirs may have a token in it."""
    folder = tmp_path_factory.mktemp("keyed")
    (folder / "keys.json").write_bytes(keyring.key_file(APP, "other"))
    system = System(folder, settings={"USER_KEYS": str(folder / "keys.json"), "LOG_LEVEL": "debug"})
    await system.start()
    yield system
    logs = "".join(process.text() for process in system.processes)
    await system.stop()
    assert not [name for name, (forged, _) in FORGED.items() if forged in logs or forged.split(".")[1] in logs]


@pytest.fixture
async def world(keyed: System) -> AsyncIterator[World]:
    world = World(keyed)
    yield world
    await world.close()


async def shown_at_the_door(world: World, gateway: int, shown: str) -> Peer:
    peer = await world.stranger(gateway)
    peer.app_token = shown
    return peer


@pytest.mark.parametrize("gateway", [0, 1])
@pytest.mark.parametrize("alg", keyring.PRIVATE)
async def test_who_has_a_token_of_its_apps_backend_gets_in(world: World, alg: str, gateway: int) -> None:
    await world.system.agreed()
    peer = await shown_at_the_door(world, gateway, fresh(alg, rooms={f"{alg} {gateway}": "create"}))
    await peer.connect()
    await peer.authenticate(version=2)
    made = await peer.call("room-create-request", {"room": f"{alg} {gateway}"})
    assert made["ok"], made
    assert (await peer.call("room-create-request", {"room": "of nobody"}))["code"] == "forbidden"


@pytest.mark.parametrize("gateway", [0, 1])
@pytest.mark.parametrize("what", FORGED)
async def test_a_forged_token_is_refused_at_both_doors_with_its_sentence(world: World, what: str, gateway: int) -> None:
    shown, sentence = FORGED[what]
    stranger = await shown_at_the_door(world, gateway, shown)
    with pytest.raises(socketio.exceptions.ConnectionError):
        await stranger.connect()
    refused = await stranger.expect("connect_error")
    assert (refused["data"]["code"], refused["message"]) == ("unauthorized", sentence)
    connected = await world.connected(gateway)
    answer = await connected.call_bare("auth-request", {"token": shown})
    assert (answer["ok"], answer["code"], answer["message"]) == (False, "unauthorized", sentence)


async def test_a_user_token_is_no_session_token(world: World) -> None:
    await world.system.agreed()
    peer = await shown_at_the_door(world, 0, fresh(sub="bob", rooms={"*": "create"}))
    await peer.connect()
    await peer.authenticate(version=2)
    peer.token = peer.app_token
    answer = await peer.call("room-create-request", {"room": "tea"})
    assert answer["code"] == "unauthorized"


async def test_a_key_that_is_taken_back_lets_nobody_in_any_more(tmp_path: Path) -> None:
    """Without a restart, within seconds; the other keys still count."""
    path = tmp_path / "keys.json"
    path.write_bytes(keyring.key_file(APP, "other"))
    system = System(tmp_path, gateways=1, settings={"USER_KEYS": str(path)})
    await system.start()
    world = World(system)
    kept = [key for key in json.loads(path.read_bytes())["keys"] if key["kid"] != "ES256"]
    new = path.with_suffix(".new")
    new.write_text(json.dumps({"keys": kept}))
    new.replace(path)
    while True:
        peer = await shown_at_the_door(world, 0, fresh("ES256"))
        try:
            await peer.connect()
        except socketio.exceptions.ConnectionError:
            break
    assert (await peer.expect("connect_error"))["message"] == "Token names a key that is not known here"
    await (await shown_at_the_door(world, 0, fresh())).connect()
    await world.close()
    await system.stop()
