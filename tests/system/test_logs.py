"""What logs hold of users at the lowest level: nothing by which anybody could be known, or be somebody else."""

import base64
import json
import secrets
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import jwt
import pytest
import socketio

from tests.conftest import StartSystem
from tests.system.rig.harness import APP_PASS, System
from tests.system.rig.peer import Peer
from tests.system.rig.tokens import expired
from tests.system.rig.waiting import until
from tests.system.rig.world import World

ADMIN_TOKEN = "an-operator's-token-of-more-than-32-bytes"
KEY = secrets.token_bytes(32)
OTHER_KEY = secrets.token_bytes(32)
ANN, BOB, CLEO = "ident-of-ann", "ident-of-bob", "ident-of-cleo"
GRANTED = "room-that-a-claim-names"  # and nobody enters


def jwk(key: bytes) -> str:
    return base64.urlsafe_b64encode(key).rstrip(b"=").decode()


def write_keys(folder: Path, key: bytes) -> None:
    """A file with that one key, in one step."""
    member = {"kty": "oct", "alg": "HS256", "kid": "key-1", "app": "tests", "k": jwk(key)}
    (folder / "new.json").write_text(json.dumps({"keys": [member]}))
    (folder / "new.json").rename(folder / "keys.json")


class Company:
    """Users of one system, and every token that was made for them."""

    def __init__(self, system: System) -> None:
        self.world = World(system)
        self.tokens: list[str] = []

    def sign(self, user_id: str, key: bytes = KEY, **claims: Any) -> str:
        now = int(time.time())
        rooms = {"tea": "own", GRANTED: "moderate", "*": "create"}
        said = {"iss": "tests", "aud": "parley", "sub": user_id, "name": name_of(user_id), "iat": now, "exp": now + 600}
        self.tokens.append(jwt.encode({**said, "rooms": rooms, **claims}, key, headers={"kid": "key-1"}))
        return self.tokens[-1]

    async def ask_for(self, user_id: str) -> str:
        """A token of auth_api's own."""
        asked = {
            "app": "tests",
            "password": APP_PASS,
            "id": user_id,
            "name": name_of(user_id),
            "rooms": {"*": "create"},
        }
        async with aiohttp.ClientSession() as http:
            async with http.post(f"{self.world.system.auth.url}/user", json={**asked, "password": "guess"}) as answer:
                assert answer.status == 401
            async with http.post(f"{self.world.system.auth.url}/user", json=asked) as answer:
                self.tokens.append((await answer.json())["response"]["token"])
        return self.tokens[-1]

    async def come(self, gateway: int, token: str, **fields: Any) -> Peer:
        peer = await self.world.stranger(gateway)
        peer.app_token, peer.peerinfo = token, {}
        await peer.connect()
        await peer.authenticate(version=2, resumable=True, **fields)
        self.tokens.append(peer.token)
        return peer

    async def refuse(self, token: str) -> None:
        """A token that lets nobody in."""
        peer = await self.world.stranger(0)
        self.tokens.append(token)
        peer.app_token = token
        with pytest.raises(socketio.exceptions.ConnectionError):
            await peer.connect()


def name_of(user_id: str) -> str:
    return f"Name of {user_id}"


@pytest.fixture
async def company(start_system: StartSystem, tmp_path: Path) -> AsyncIterator[Company]:
    write_keys(tmp_path, KEY)
    system = await start_system(
        brokers=2,
        settings={"LOG_LEVEL": "debug", "USER_KEYS": str(tmp_path / "keys.json"), "SNAPSHOT_INTERVAL": "1"},
        overrides={"auth": {"ADMIN_TOKEN": ADMIN_TOKEN}},
    )
    company = Company(system)
    yield company
    await company.world.close()


async def operate(system: System, *calls: tuple[str, str, Any]) -> None:
    headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    async with aiohttp.ClientSession(system.auth.url, headers=headers) as http:
        for method, path, body in calls:
            async with http.request(method, path, json=body) as answer:
                assert answer.status in (200, 404), await answer.text()


async def logged(system: System, line: str) -> None:
    """Return when the first gateway has said that."""
    await until(lambda: line in system.gateways[0].text(), line)


async def test_no_log_says_who_a_user_is_or_holds_what_makes_one(company: Company, tmp_path: Path) -> None:
    system = company.world.system
    await company.world.system.agreed()
    ann = await company.come(0, company.sign(ANN))
    bob = await company.come(1, await company.ask_for(BOB))
    cleo = await company.come(1, company.sign(CLEO, single="newest", rooms={"tea": "knock"}))
    for wrong in (company.sign(ANN, OTHER_KEY), expired(company.tokens[0]), company.sign(ANN, rooms={"tea": "rule"})):
        await company.refuse(wrong)
    await company.come(0, company.sign(CLEO, single="newest", rooms={"tea": "knock"}))  # in place of the other
    assert (await cleo.expect("session-ended"))["code"] == "replaced"
    await ann.call("room-create-request", {"room": "tea"})
    await bob.send("room-join-request", {"room": "tea"})
    await ann.expect("room-join-request", peer_id=bob.peer_id)
    await ann.call("room-join-accept", {"room": "tea", "peer_id": bob.peer_id})
    await ann.call("room-role-request", {"room": "tea", "peer_id": bob.peer_id, "role": "moderator"})
    await ann.call("room-kick-request", {"room": "tea", "peer_id": bob.peer_id, "ban": True})
    await ann.call("room-unban-request", {"room": "tea", "id": BOB})
    await ann.call("auth-request", {"token": company.sign(ANN), "version": 2})

    session, peer_id = ann.token, ann.peer_id
    await ann.vanish()
    back = await company.come(1, company.sign(ANN), resume=session)
    assert back.peer_id == peer_id
    await operate(system, ("POST", "/admin/rooms/tea/policy", {"admission": "open"}))
    await bob.call("room-join-request", {"room": "tea"})
    await operate(
        system,
        ("POST", "/admin/rooms/tea/kick", {"peer_id": peer_id, "ban": 60}),
        ("GET", "/admin/rooms/tea/bans", None),
        ("DELETE", f"/admin/rooms/tea/bans?id={ANN}", None),
        ("DELETE", f"/admin/apps/tests/users/{BOB}", None),
        ("GET", f"/admin/apps/tests/revocations?after={ANN}", None),
        ("DELETE", f"/admin/apps/tests/revocations/{BOB}", None),
        ("DELETE", f"/admin/apps/tests/users/{BOB}", None),
        ("GET", f"/admin/{ANN}", None),
    )
    assert (await bob.expect("session-ended"))["code"] == "revoked"
    system.kill("gateway-1", signal.SIGKILL)
    system.kill("broker-0", signal.SIGKILL)
    await company.come(0, company.sign(ANN))
    (tmp_path / "keys.json").write_text(json.dumps({"keys": [{"kid": "key-1", "k": jwk(KEY), "kty": "oct"}]}))
    await logged(system, "USER_KEYS cannot be used")
    write_keys(tmp_path, OTHER_KEY)
    await logged(system, "user keys read again")
    await company.come(0, company.sign(ANN, OTHER_KEY))

    for event in ("auth-request", "PeerKicked", "BanLifted", "UserRevoked", "UserRestored"):
        assert event in system.brokers[1].text(), "it does not log at that level"
    assert "admitted" in system.gateways[0].text()
    hidden = [ANN, BOB, CLEO, "Name of", GRANTED, jwk(KEY), jwk(OTHER_KEY), ADMIN_TOKEN, APP_PASS]
    hidden += [part for token in company.tokens for part in token.split(".")[1:]]
    for process in system.processes:
        text = process.text()
        assert [word for word in hidden if word in text] == [], process.name
