from typing import Any

import jsonschema  # type: ignore[import-untyped]  # its stubs would be one more package, for one call
import msgspec
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from auth_api.notices import Told
from auth_api.webhooks.notices import Batch
from shared.envelopes.notices import NoticeId, PeerLeft, RoomOwner, encode_notice
from tests.auth_api.conftest import PASSWORD, Serve

ASKED: list[tuple[str, str, dict[str, Any], int]] = [
    ("get", "/", {}, 401),
    ("post", "/app", {"json": {"app": "chat", "password": PASSWORD}}, 200),
    ("post", "/app", {"json": {}}, 400),
    ("post", "/app", {"data": b"x" * 20000}, 413),
    ("post", "/user", {"json": {"app": "chat", "password": PASSWORD, "id": "ann", "rooms": {"*": "own"}}}, 200),
    ("post", "/user", {"json": {"app": "chat", "password": PASSWORD, "id": ""}}, 400),
    ("post", "/user", {"data": b"x" * 20000}, 413),
    ("post", "/app", {"json": {"app": "chat", "password": "guess"}}, 401),
    ("post", "/user", {"json": {"app": "chat", "password": "guess", "id": "ann"}}, 429),
    ("post", "/app", {"json": {"app": "chat", "password": "guess"}}, 429),
    ("get", "/openapi.json", {}, 200),
    ("get", "/demo/config.json", {}, 200),
    ("get", "/livez", {}, 200),
    ("get", "/readyz", {}, 200),
]


async def description(serve: Serve) -> dict[str, Any]:
    async with serve() as client, client.get("/openapi.json") as answer:
        described: dict[str, Any] = await answer.json()
        return described


async def test_the_description_is_valid(serve: Serve) -> None:
    OpenAPIV31SpecValidator(await description(serve)).validate()


async def test_every_route_is_described_and_nothing_else(serve: Serve) -> None:
    async with serve(admin_token="t" * 32) as client:
        served = {
            (route.method.lower(), route.resource.canonical)
            for route in client.app.router.routes()
            if route.resource and route.method in ("GET", "POST", "DELETE")
        }
    paths = (await description(serve))["paths"]
    described = {(method, path) for path, methods in paths.items() for method in methods}
    files = ("/demo/socket.io.js", "/demo/qr.js", "/demo/{name}", "/demo/parley/{name}", "/console/{name}")
    own_files_of_pages = {("get", path) for path in files}
    assert described - served == set(), "described, but there is no route"
    assert served - described == own_files_of_pages, "there is a route, but it is not described"


async def test_real_answers_are_as_described(serve: Serve) -> None:
    described = await description(serve)
    settings = {"throttle_tries": 1, "gateway_url": ("https://a.example",), "ice_servers": '[{"urls":"stun:a"}]'}
    async with serve(**settings) as client:
        for method, path, sent, status in ASKED:
            answer = await client.request(method, path, **sent)
            assert answer.status == status, path
            conform(described, described["paths"][path][method], answer.status, await answer.json(), answer.headers)


def conform(described: dict[str, Any], operation: dict[str, Any], status: int, body: Any, headers: Any) -> None:
    """Check one answer against what is said of it."""
    response = operation["responses"][str(status)]
    if "$ref" in response:
        response = described["components"]["responses"][response["$ref"].rpartition("/")[2]]
    schema = {**response["content"]["application/json"]["schema"], "components": described["components"]}
    jsonschema.Draft202012Validator(schema).validate(body)
    for name, header in response.get("headers", {}).items():
        assert int(headers[name]) >= header["schema"]["minimum"]


LEFT = PeerLeft(time=1, app="chat", room="tea", key="tea", peer_id="p", identity=None, reason="lost", seconds=2.5)
OWNER = RoomOwner(time=2, app="chat", room="tea", key="tea", peer_id="q", identity=None, before="p", by=None)


async def test_a_webhook_is_as_described(serve: Serve) -> None:
    described = await description(serve)
    told = [(NoticeId("log", position, 0), notice) for position, notice in ((7, LEFT), (8, OWNER))]
    body = msgspec.json.decode(
        Batch([Told(notice_id, encode_notice(notice_id, said)) for notice_id, said in told]).body
    )
    schema = described["webhooks"]["notices"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    validator = jsonschema.Draft202012Validator({**schema, "components": described["components"]})
    validator.validate(body)
    body["data"][1]["type"] = "room-jumped"
    assert not validator.is_valid(body)


@pytest.mark.parametrize("body", [{"status": 400, "error": None, "response": False}, {"status": 200}, []])
async def test_an_answer_of_another_shape_would_be_noticed(serve: Serve, body: Any) -> None:
    described = await description(serve)
    with pytest.raises(jsonschema.ValidationError):
        conform(described, described["paths"]["/app"]["post"], 400, body, {})
