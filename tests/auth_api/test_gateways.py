import pytest

from auth_api.gateways import seen_from
from tests.auth_api.conftest import Serve

LOCAL = ["http://localhost:5000", "http://127.0.0.1:5001", "http://0.0.0.0:5002", "https://[::1]"]


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:8000", "127.0.0.1:8000", "[::1]:8000", "LOCALHOST.", "127.1.2.3"]
)
def test_on_the_same_machine_the_names_stay(host: str) -> None:
    assert seen_from(host, LOCAL) == LOCAL


@pytest.mark.parametrize(
    ("host", "shown"),
    [("192.0.2.7:8000", "192.0.2.7"), ("a.example", "a.example"), ("[2001:db8::1]:8000", "[2001:db8::1]")],
)
def test_another_machine_finds_them_where_it_found_the_page(host: str, shown: str) -> None:
    assert seen_from(host, [*LOCAL, "https://b.example:1"]) == [
        f"http://{shown}:5000",
        f"http://{shown}:5001",
        f"http://{shown}:5002",
        f"https://{shown}",
        "https://b.example:1",
    ]


@pytest.mark.parametrize("host", ["", "a b", "a;script-src *", "a/b", "ä", "a:b:c", "[::1", "a\r\nx: y"])
def test_a_host_that_is_none_is_not_repeated(host: str) -> None:
    assert seen_from(host, LOCAL) == LOCAL


async def test_page_and_policy_name_the_same_gateways(serve: Serve) -> None:
    headers = {"Host": "192.0.2.7:8000"}
    async with serve(gateway_url=("http://localhost:5000",)) as client:
        answer = await client.get("/demo/config.json", headers=headers)
        assert (await answer.json())["gateways"] == ["http://192.0.2.7:5000"]
    connect = "connect-src 'self' http://192.0.2.7:5000 ws://192.0.2.7:5000"
    assert connect in answer.headers["Content-Security-Policy"]
