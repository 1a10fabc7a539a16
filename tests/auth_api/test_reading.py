"""Every field of every call is checked as the call declares it, before anybody else is asked."""

import contextlib
import json
from collections.abc import AsyncIterator
from typing import Annotated, Any

import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from auth_api.answers import in_shape
from auth_api.authority import Authority
from auth_api.reading import read
from shared.envelopes.admin import Answer
from shared.envelopes.calls import CALLS, FORM, JSON, Call, Must, Place
from tests.auth_api.conftest import PASSWORD, Serve

TOKEN = "t" * 32
RIGHT = {"app": "chat", "room": "tea", "peer_id": "p", "password": PASSWORD, "after": "", "limit": "1", "id": "ann"}
RIGHT |= {"admission": "open", "search": "ann"}
NOW = 1_700_000_000

Fields = list[tuple[type[Call], msgspec.structs.FieldInfo]]


def bounded() -> Fields:
    fields = [(call, field) for call in CALLS.values() for field in msgspec.structs.fields(call)]
    return [
        (call, field)
        for call, field in fields
        if call.PLACES[field.name] not in (Place.CLOCK, Place.SERVER) and wrong(field)
    ]


def wrong(field: msgspec.structs.FieldInfo) -> list[str]:
    """Values that go beyond the bounds of a field."""
    schema = msgspec.json.schema(field.type)
    tries = ["x" * (schema["maxLength"] + 1)] if "maxLength" in schema else []
    for bound, step in (("minimum", -1), ("maximum", 1)):
        tries += [str(schema[bound] + step)] if bound in schema else []
    return tries + (["x", "1e999", ""] if schema.get("type") == "integer" else [])


@pytest.mark.parametrize(
    ("call", "field"), bounded(), ids=lambda value: value.__name__ if isinstance(value, type) else value.name
)
async def test_a_value_beyond_its_bounds_is_refused(
    serve: Serve, call: type[Call], field: msgspec.structs.FieldInfo
) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with serve(admin_token=TOKEN, admin_calls_burst=1000) as client:
        for value in wrong(field):
            sent = {name: RIGHT[name] for name in call.PLACES if name in RIGHT} | {field.name: value}
            query = {name: sent[name] for name, place in call.PLACES.items() if place is Place.QUERY and name in sent}
            body = {name: sent[name] for name, place in call.PLACES.items() if place is Place.BODY and name in sent}
            async with client.request(
                call.METHOD, call.PATH.format(**sent), params=query, json=body or None, headers=headers
            ) as answer:
                assert answer.status == 400, value[:20]
                assert (await answer.json())["error"].startswith(field.name), "it does not name the field"


async def test_a_right_value_gets_as_far_as_the_broker(serve: Serve) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with serve(admin_token=TOKEN) as client:
        for limit in ("1", "500"):
            assert (await client.get(f"/admin/rooms?limit={limit}", headers=headers)).status == 503


async def test_a_policy_with_a_key_that_does_not_exist_is_refused(serve: Serve) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with serve(admin_token=TOKEN) as client:
        for policy, status in (({"admission": "open"}, 503), ({"admission": "open", "colour": "red"}, 400)):
            async with client.post("/admin/rooms/tea/policy", json=policy, headers=headers) as answer:
                assert answer.status == status
                error = (await answer.json())["error"]
    assert "colour" not in error
    assert "admission" in error


@pytest.mark.parametrize(
    ("query", "status"), [("", 400), ("?id=", 400), ("?id=u&peer_id=p", 400), ("?id=u", 503), ("?peer_id=p", 503)]
)
async def test_a_ban_is_lifted_of_one(serve: Serve, query: str, status: int) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with serve(admin_token=TOKEN) as client:
        assert (await client.delete(f"/admin/rooms/tea/bans{query}", headers=headers)).status == status


async def test_what_the_server_knows_by_itself_nobody_can_send(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    async def ask(self: Authority, ask: object) -> Answer:
        asked.append(ask)
        return Answer(True)

    monkeypatch.setattr(Authority, "ask", ask)
    headers = {"Authorization": f"Bearer {TOKEN}"}
    path = "/admin/apps/chat/users/a%2Fb?life=1&until=1"
    async with (
        serve(admin_token=TOKEN, user_token_max_life=1000) as client,
        client.delete(path, headers=headers) as answer,
    ):
        assert (await answer.json())["response"]["id"] == "a/b"
    assert asked[0].life >= 1000
    assert asked[0].until > NOW


class Settle(Call, frozen=True, kw_only=True):
    NAME = "settle"
    METHOD = "POST"
    PATH = "/tables/{table}/bill"
    DOC = "Settle the bill"
    ANSWER = None
    BODIES = (FORM, JSON)

    table: Annotated[str, msgspec.Meta(max_length=3), Must("have at most 3 characters")]
    app: Annotated[str, Place.QUERY, msgspec.Meta(max_length=3)] = ""
    total: Annotated[int, msgspec.Meta(le=100)]
    shares: Annotated[dict[str, int], msgspec.Meta(max_length=2)] = msgspec.field(default_factory=dict)
    at: Annotated[int, Place.CLOCK]


del CALLS[Settle.NAME]  # it belongs to this file alone


@contextlib.asynccontextmanager
async def restaurant() -> AsyncIterator["TestClient[Any, Any]"]:
    async def settle(request: web.Request) -> web.Response:
        return web.json_response(msgspec.structs.asdict(await read(Settle, request, NOW)))

    app = web.Application(middlewares=[in_shape])
    app.router.add_route(Settle.METHOD, Settle.PATH, settle)
    async with TestClient(TestServer(app)) as client:
        yield client


async def test_every_field_is_read_from_its_place() -> None:
    sent = {"total": 5, "shares": {"ann": 1}, "at": 7, "table": "other", "more": 1}
    async with restaurant() as client, client.post("/tables/t1/bill?app=a&total=6", json=sent) as answer:
        assert await answer.json() == {"table": "t1", "app": "a", "total": 5, "shares": {"ann": 1}, "at": NOW}


async def test_a_form_may_say_the_same_as_json() -> None:
    async with restaurant() as client, client.post("/tables/t1/bill", data={"total": "5"}) as answer:
        assert await answer.json() == {"table": "t1", "app": "", "total": 5, "shares": {}, "at": NOW}


@pytest.mark.parametrize(
    ("path", "sent", "error"),
    [
        ("/tables/t1/bill", {}, "total is missing"),
        ("/tables/long/bill", {"total": 5}, "table must have at most 3 characters"),
        ("/tables/t1/bill?app=long", {"total": 5}, "app: Expected `str` of length <= 3"),
        ("/tables/t1/bill", {"total": "5"}, "total: Expected `int`, got `str`"),
        ("/tables/t1/bill", {"total": 101}, "total: Expected `int` <= 100"),
        (
            "/tables/t1/bill",
            {"total": 5, "shares": {"a": 1, "b": 2, "c": 3}},
            "shares: Expected `object` of length <= 2",
        ),
        ("/tables/t1/bill", {"total": 5, "shares": {"a": "b"}}, "shares: Expected `int`, got `str` - at `$[...]`"),
        ("/tables/t1/bill", [], "The request is not well-formed: Expected `object`, got `array`"),
    ],
)
async def test_a_field_that_is_wrong_is_named(path: str, sent: Any, error: str) -> None:
    async with restaurant() as client, client.post(path, json=sent) as answer:
        assert (answer.status, (await answer.json())["error"]) == (400, error)


async def test_a_body_of_another_type_is_refused() -> None:
    headers = {"Content-Type": "text/plain"}
    async with restaurant() as client:
        answer = await client.post("/tables/t1/bill", data=json.dumps({"total": 5}), headers=headers)
        assert (answer.status, (await answer.json())["error"]) == (
            400,
            f"The request is not well-formed: send {FORM} or {JSON}",
        )
