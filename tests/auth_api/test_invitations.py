"""Invitations to rooms of the demo: a host gets one, and whoever shows it may come in."""

import time
from typing import Any

import jwt
import pytest

from auth_api.authority import Authority
from auth_api.demo_page import INVITATION
from auth_api.invitations import LIFE, make_invitation, room_in
from shared.contract.tokens import TokenError, make_app_token
from shared.contract.user_tokens import make_user_token, read_shown
from shared.envelopes.admin import Answer, AnyAsk, ShowRoom
from shared.envelopes.users import User
from tests.auth_api.conftest import SECRET, Serve

NOW = int(time.time())


def member(identity: str | None, role: str, app: str = "demo") -> dict[str, Any]:
    return {"app": app, "identity": identity and {"id": identity, "name": ""}, "role": role}


@pytest.fixture(autouse=True)
def authority(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that knows one room."""
    members = [
        member(None, "owner"),
        member("ann", "moderator"),
        member("ben", "member"),
        member("eve", "moderator", "another app"),
    ]

    async def ask(_: Authority, asked: AnyAsk) -> Answer:
        known = asked == ShowRoom("tea", "demo")
        return Answer(known, {"members": members} if known else None)

    monkeypatch.setattr(Authority, "ask", ask)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def visit(identity: str, app: str = "demo") -> dict[str, str]:
    return bearer(make_user_token(SECRET, app, User(identity, "", NOW, NOW + 86400)))


async def grants(client: Any, invitation: str) -> dict[str, str]:
    """What a visitor may do that shows it. The page is told of the same room."""
    async with client.get("/demo/config.json", headers={INVITATION: invitation}) as answer:
        config = await answer.json()
    app = read_shown((SECRET,), {}, config["token"], time.time())
    assert app.user is not None
    assert set(app.user.rooms) == {"*", config["invited"] or "*"}
    return dict(app.user.rooms)


async def test_a_host_invites_and_the_guest_may_come_into_that_room(serve: Serve) -> None:
    async with serve() as client:
        async with client.post("/demo/invitation", json={"room": "tea"}, headers=visit("ann")) as answer:
            assert answer.status == 200
            said = (await answer.json())["response"]
        assert said["expires_in"] == LIFE
        assert await grants(client, said["invitation"]) == {"*": "create", "tea": "enter"}


@pytest.mark.parametrize(
    ("shown", "room", "status"),
    [
        (visit("ben"), "tea", 403),
        (visit("eve"), "tea", 403),
        (visit("ann"), "cake", 404),
        (visit("ann", "chat"), "tea", 401),
        (bearer(make_app_token(SECRET, "demo", NOW)), "tea", 401),
        ({}, "tea", 401),
        (visit("ann"), "x" * 2000, 400),
    ],
)
async def test_nobody_else_invites(serve: Serve, shown: dict[str, str], room: str, status: int) -> None:
    async with serve() as client, client.post("/demo/invitation", json={"room": room}, headers=shown) as answer:
        assert answer.status == status


@pytest.mark.parametrize(
    "shown",
    [
        make_invitation("another secret, of 32 bytes or more", "tea", NOW),
        make_invitation(SECRET, "tea", NOW - LIFE - 1),
        make_user_token(SECRET, "demo", User("ann", "", NOW, NOW + 86400, {"tea": "own"})),
        jwt.encode({"typ": "invitation", "room": "tea"}, SECRET, "HS256"),
        jwt.encode({"typ": "invitation", "room": "*" * 2000, "exp": NOW + 86400}, SECRET, "HS256"),
        "rubbish",
    ],
)
async def test_what_is_no_good_invites_nowhere(serve: Serve, shown: str) -> None:
    with pytest.raises(TokenError):
        room_in(SECRET, shown, NOW)
    async with serve() as client:
        assert await grants(client, shown) == {"*": "create"}


async def test_an_invitation_to_all_rooms_is_one_to_none(serve: Serve) -> None:
    async with serve() as client:
        assert await grants(client, make_invitation(SECRET, "*", NOW)) == {"*": "create"}


def test_an_invitation_is_no_token() -> None:
    with pytest.raises(TokenError):
        read_shown((SECRET,), {}, make_invitation(SECRET, "tea", NOW), NOW)
