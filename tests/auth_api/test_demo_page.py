import pathlib
import re
import time
from typing import Any

import pytest

from auth_api.demo_page import FILES, LIBRARY, QR, SOCKET_IO
from auth_api.settings import Settings
from shared.contract.tokens import make_app_token
from shared.contract.user_tokens import make_user_token, read_shown
from shared.envelopes.users import User
from shared.process.settings import SettingError
from tests.auth_api.conftest import SECRET, Serve


@pytest.fixture
def node_modules(tmp_path: pathlib.Path) -> str:
    for name in (SOCKET_IO, QR):
        file = tmp_path / name
        file.parent.mkdir(parents=True)
        file.write_text("export const io = 1;")
    return str(tmp_path)


async def test_the_page_and_all_it_names_are_served(serve: Serve, node_modules: str) -> None:
    async with serve(node_modules=node_modules) as client:
        page = await client.get("/demo")
        assert page.content_type == "text/html"
        named = re.findall(r'(?:src|href)="(/demo/[^"#]+)', await page.text())
        assert {"/demo/style.css", "/demo/page.js"} <= set(named)
        for path in [
            *named,
            "/demo/socket.io.js",
            "/demo/qr.js",
            *(f"/demo/{file.relative_to(FILES)}" for file in FILES.rglob("*.js")),
        ]:
            assert (await client.get(path)).status == 200, path


async def test_modules_import_only_what_is_there(serve: Serve, node_modules: str) -> None:
    imports = {
        f"{below}{name}"
        for folder, below in ((FILES, ""), (LIBRARY, "parley/"))
        for file in folder.glob("*.js")
        if file.name != "index.js"  # for bundlers: the page has its own socket.io
        for name in re.findall(r'from "\./([^"]+)"', file.read_text())
    }
    assert {"socket.io.js", "parley/connect.js", "parley/line.js"} <= imports
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
    user = visitor(config)
    assert (user.name, user.rooms, user.single) == ("", {"*": "create"}, "")
    assert user.expires - user.issued == config["expires_in"] == 3600


SWITCH = "http://127.0.0.1:8666"


@pytest.mark.parametrize(
    ("host", "url", "told"),
    [
        ("localhost:8000", SWITCH, SWITCH),
        ("[::1]:8000", SWITCH, SWITCH),
        ("192.0.2.7:8000", SWITCH, ""),
        ("demo.example", SWITCH, ""),
        ("localhost:8000", "", ""),
    ],
)
async def test_only_a_page_on_the_same_machine_is_told_of_a_kill_switch(
    serve: Serve, host: str, url: str, told: str
) -> None:
    async with (
        serve(kill_switch_url=url) as client,
        client.get("/demo/config.json", headers={"Host": host}) as answer,
    ):
        assert (await answer.json())["kill_switch"] == told
        assert (SWITCH in answer.headers["Content-Security-Policy"]) == bool(told)


@pytest.mark.parametrize("url", ["http://192.0.2.7:8666", "http://example.org", "http://127.0.0.1:1/path", "localhost"])
def test_a_kill_switch_elsewhere_is_none(url: str) -> None:
    with pytest.raises(SettingError, match="KILL_SWITCH_URL"):
        Settings(app_secret=SECRET, app_pass="made up", kill_switch_url=url)


def visitor(config: dict[str, Any]) -> User:
    app = read_shown((SECRET,), {}, config["token"], time.time())
    assert app.name == "demo"
    assert app.user is not None
    return app.user


async def ask(client: Any, shown: str = "") -> User:
    headers = {"Authorization": f"Bearer {shown}"} if shown else {}
    async with client.get("/demo/config.json", headers=headers) as answer:
        assert answer.status == 200
        return visitor(await answer.json())


async def test_every_visit_is_somebody_else_and_stays_the_same_for_who_shows_its_token(serve: Serve) -> None:
    async with serve() as client:
        ann, bob = await ask(client), await ask(client)
        assert ann.id != bob.id
        assert (await ask(client, make_user_token(SECRET, "demo", ann))).id == ann.id


async def test_a_token_of_somebody_else_makes_nobody_a_visitor_of_that_id(serve: Serve) -> None:
    now = int(time.time())
    past, present = User("ann", "", now - 7200, now - 3600), User("ann", "", now, now + 60)
    async with serve() as client:
        for shown in (
            make_user_token("another secret, of 32 bytes or more", "demo", present),
            make_user_token(SECRET, "chat", present),
            make_user_token(SECRET, "demo", past),
            make_app_token(SECRET, "demo", now),
            "junk",
            "x" * 7000,
        ):
            assert (await ask(client, shown)).id != "ann"


async def test_a_visit_lasts_no_longer_than_user_tokens_may(serve: Serve) -> None:
    async with serve(user_token_max_life=60) as client:
        user = await ask(client)
    assert user.expires - user.issued == 60


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
    for file in FILES.rglob("*.js"):
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
