"""POST /user: a token that says who a peer is, for whoever knows the password."""

import time
from typing import Any

import pytest

from shared.contract.tokens import TokenError, read_app
from shared.contract.user_tokens import read_shown
from shared.envelopes.users import User
from tests.auth_api.conftest import PASSWORD, SECRET, Serve

ANN = {"app": "chat", "password": PASSWORD, "id": "ann"}


async def token_for(serve: Serve, **sent: Any) -> tuple[str, User]:
    async with serve() as client, client.post("/user", **sent) as answer:
        body = await answer.json()
        assert (answer.status, body["status"], body["error"]) == (200, 200, None)
        token = body["response"]["token"]
    app = read_shown((SECRET,), {}, token, time.time())
    assert app.name == "chat"
    assert app.user is not None
    return token, app.user


async def test_an_hour_and_no_rights_unless_more_is_asked_for(serve: Serve) -> None:
    before = int(time.time())
    token, user = await token_for(serve, json=ANN)
    assert (user.id, user.name, user.rooms, user.single) == ("ann", "", {}, "")
    assert user.expires - user.issued == 3600
    assert before <= user.issued <= time.time()
    with pytest.raises(TokenError):
        read_app((SECRET,), token, time.time())


@pytest.mark.parametrize("how", ["json", "data"])
async def test_all_that_can_be_said_of_a_user(serve: Serve, how: str) -> None:
    rooms = {"json": {"tea": "own", "*": "knock"}, "data": '{"tea": "own", "*": "knock"}'}[how]
    fields = {**ANN, "name": "Ann Ö", "rooms": rooms, "expires_in": "60" if how == "data" else 60, "single": "newest"}
    _, user = await token_for(serve, **{how: fields})
    assert (user.name, user.rooms, user.single) == ("Ann Ö", {"tea": "own", "*": "knock"}, "newest")
    assert user.expires - user.issued == 60


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": ""},
        {"id": "a" * 129},
        {"id": "a\n"},
        {"id": 7},
        {"name": "n" * 129},
        {"rooms": {"tea": "rule"}},
        {"rooms": {f"room-{number}": "own" for number in range(65)}},
        {"rooms": {f"{number:0>200}": "own" for number in range(64)}},
        {"expires_in": 0},
        {"expires_in": 30 * 86400 + 1},
        {"single": "both"},
        {"app": ""},
    ],
)
async def test_what_no_token_can_say_is_400(serve: Serve, wrong: dict[str, Any]) -> None:
    async with serve() as client, client.post("/user", json={**ANN, **wrong}) as answer:
        assert answer.status == 400
        assert (await answer.json())["response"] is False


async def test_rooms_that_are_no_json_are_400(serve: Serve) -> None:
    async with serve() as client, client.post("/user", data={**ANN, "rooms": "tea"}) as answer:
        assert answer.status == 400


async def test_a_wrong_password_is_401_and_guesses_count_for_both_kinds_of_token(serve: Serve) -> None:
    async with serve(throttle_tries=2) as client:
        for path in ("/user", "/app"):
            async with client.post(path, json={**ANN, "password": "guess"}) as answer:
                assert answer.status == 401
        async with client.post("/user", json=ANN) as answer:
            assert answer.status == 429
            assert int(answer.headers["Retry-After"]) >= 1


async def test_pages_of_any_origin_may_ask(serve: Serve) -> None:
    async with serve() as client:
        async with client.options("/user") as answer:
            assert answer.status == 204
            assert answer.headers["Access-Control-Allow-Origin"] == "*"
        async with client.post("/user", json={}) as answer:
            assert answer.headers["Access-Control-Allow-Origin"] == "*"
