import pathlib
import re
import time

import pytest

from auth_api.demo_page import FILES, SOCKET_IO
from shared.contract.tokens import read_app
from tests.auth_api.conftest import SECRET, Serve


@pytest.fixture
def node_modules(tmp_path: pathlib.Path) -> str:
    client = tmp_path / SOCKET_IO
    client.parent.mkdir(parents=True)
    client.write_text("export const io = 1;")
    return str(tmp_path)


async def test_the_page_and_all_it_names_are_served(serve: Serve, node_modules: str) -> None:
    async with serve(node_modules=node_modules) as client:
        page = await client.get("/demo")
        assert page.content_type == "text/html"
        named = re.findall(r'(?:src|href)="(/demo/[^"#]+)', await page.text())
        assert {"/demo/style.css", "/demo/page.js"} <= set(named)
        for path in [*named, "/demo/socket.io.js", *(f"/demo/{file.name}" for file in FILES.glob("*.js"))]:
            assert (await client.get(path)).status == 200, path


async def test_modules_import_only_what_is_there(serve: Serve, node_modules: str) -> None:
    imports = {name for file in FILES.glob("*.js") for name in re.findall(r'from "\./([^"]+)"', file.read_text())}
    assert "socket.io.js" in imports
    async with serve(node_modules=node_modules) as client:
        for name in imports:
            answer = await client.get(f"/demo/{name}")
            assert (answer.status, answer.content_type.rpartition("/")[2]) == (200, "javascript"), name


async def test_config_tells_gateways_ice_servers_and_a_token(serve: Serve) -> None:
    settings = {"gateway_url": ("http://a:1", "https://b"), "ice_servers": '[{"urls":"stun:c"}]'}
    async with serve(**settings) as client:
        config = await (await client.get("/demo/config.json")).json()
    assert config["gateways"] == ["http://a:1", "https://b"]
    assert config["ice_servers"] == [{"urls": "stun:c"}]
    assert read_app((SECRET,), config["token"], time.time()).name == "demo"


@pytest.mark.parametrize("path", ["/demo", "/demo/style.css", "/demo/config.json", "/demo/nothing"])
async def test_the_page_runs_nothing_but_our_own_files(serve: Serve, node_modules: str, path: str) -> None:
    async with serve(node_modules=node_modules, gateway_url=("http://a:1",)) as client, client.get(path) as answer:
        policy = answer.headers["Content-Security-Policy"]
        assert {"default-src 'none'", "script-src 'self'", "connect-src 'self' http://a:1 ws://a:1"} <= set(
            policy.split("; ")
        )
        assert "unsafe" not in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_the_page_has_no_inline_scripts_or_styles() -> None:
    html = (FILES / "index.html").read_text()
    assert re.findall(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", html) == []


def test_what_people_send_never_becomes_html() -> None:
    for file in FILES.glob("*.js"):
        assert re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", file.read_text()) == [], (
            file
        )


async def test_without_the_npm_package_the_page_says_what_to_do(serve: Serve, tmp_path: pathlib.Path) -> None:
    async with serve(node_modules=str(tmp_path)) as client, client.get("/demo") as answer:
        assert answer.status == 503
        assert "make setup" in (await answer.json())["error"]


async def test_it_can_be_turned_off(serve: Serve, node_modules: str) -> None:
    async with serve(node_modules=node_modules, demo=False) as client:
        for path in ("/demo", "/demo/config.json", "/demo/style.css", "/demo/socket.io.js"):
            assert (await client.get(path)).status == 404, path


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_slash_too_many_leads_to_the_page(serve: Serve, method: str) -> None:
    async with serve() as client, client.request(method, "/demo/", allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (302, "/demo")


BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.mark.parametrize(
    ("accept", "demo", "status"),
    [(BROWSER, True, 302), (BROWSER, False, 401), ("*/*", True, 401), ("application/json", True, 401), ("", True, 401)],
)
async def test_the_root_leads_browsers_to_the_page_and_nobody_else(
    serve: Serve, accept: str, demo: bool, status: int
) -> None:
    async with (
        serve(demo=demo) as client,
        client.get("/", headers={"Accept": accept}, allow_redirects=False) as answer,
    ):
        assert answer.status == status
        assert answer.headers.get("Location") == ("/demo" if status == 302 else None)


async def test_without_the_page_a_slash_leads_nowhere(serve: Serve) -> None:
    async with serve(demo=False) as client:
        assert (await client.get("/demo/")).status == 404
