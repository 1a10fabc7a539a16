"""The aiohttp application: every route of auth_api."""

import logging
import pathlib
from collections.abc import AsyncIterator

from aiohttp import web

from auth_api.admin import Admin
from auth_api.answers import in_shape, refuse
from auth_api.app_token import AppTokens, answered, preflight
from auth_api.authority import Authority
from auth_api.bodies import MAX_BODY, in_time
from auth_api.console_page import add_console
from auth_api.demo_page import DemoPage, to_the_page, wants_a_page
from auth_api.notice_calls import NoticeCalls
from auth_api.notices import Reader
from auth_api.password import Password
from auth_api.settings import Settings
from auth_api.user_token import UserTokens
from auth_api.webhooks.receiver import Receiver
from auth_api.webhooks.running import Webhooks
from shared.http.broken_http import keep_broken_http_out_of_the_log
from shared.http.client_address import networks
from shared.http.edge import Crowd, Runner, listen
from shared.process.probes import add_probes
from shared.process.stop import Stop
from shared.process.world import World

log = logging.getLogger(__name__)

CONNECTIONS = 100  # of one address that is no proxy's
OPENAPI = pathlib.Path(__file__).parent / "openapi.json"


async def serve(settings: Settings, world: World, stop: Stop) -> None:
    """Answer until ``stop`` is set. Raises SettingError when the port is not available."""
    # Only short requests come here: none is worth a longer wait at the end (aiohttp waits twice as long).
    crowd = Crowd(each=CONNECTIONS, trusted=networks(settings.trusted_proxies))
    runner = Runner(build(settings, world, stop), crowd, shutdown_timeout=0.2)
    await runner.setup()
    try:
        await listen(runner, settings.app_host, settings.app_port)
        log.info("listening on %s", ", ".join(f"{host}:{port}" for host, port, *_ in runner.addresses))
        await stop.wait()
    finally:
        await runner.cleanup()


def build(settings: Settings, world: World, stop: Stop) -> web.Application:
    """The application, ready to be served. It sets ``stop`` if it cannot continue."""
    keep_broken_http_out_of_the_log()
    app = web.Application(middlewares=[in_shape, in_time], client_max_size=MAX_BODY)
    trusted = networks(settings.trusted_proxies)
    often = bool(settings.admin_token or settings.webhook_url)
    authority = Authority(settings, stop, world, at_once=often) if often or settings.demo else None
    password = Password(settings, trusted, world)
    noting = authority if settings.admin_token else None
    app_tokens = AppTokens(settings, password, world, noting)
    user_tokens = UserTokens(settings, password, world, noting)
    app.router.add_get("/", _root_with_page if settings.demo else _root)
    app.router.add_get("/openapi.json", _openapi)
    app.router.add_post("/app", app_tokens.issue)
    app.router.add_post("/user", user_tokens.issue)
    for path in ("/app", "/user"):
        app.router.add_options(path, preflight)
    app.on_response_prepare.append(answered)
    if authority is not None:
        app.cleanup_ctx.append(lambda _: _while_serving(authority))
        reader = Reader(authority.client, world)
        if settings.admin_token:
            admin = Admin(settings, authority, trusted, world)
            admin.add_to(app)
            NoticeCalls(admin, reader, world).add_to(app)
            add_console(app)
        if settings.webhook_url:
            receiver = Receiver(settings.webhook_url, settings.webhook_secrets)
            webhooks = Webhooks(receiver, reader, authority.client, world)
            app.cleanup_ctx.append(webhooks.while_serving)
        if settings.demo:
            DemoPage(settings, world, authority).add_to(app)
    add_probes(app, _readiness)
    return app


async def _while_serving(authority: Authority) -> AsyncIterator[None]:
    async with authority:
        yield


async def _root(request: web.Request) -> web.Response:
    return refuse(401, "Unauthorized")


async def _root_with_page(request: web.Request) -> web.Response:
    answer = await (to_the_page if wants_a_page(request) else _root)(request)
    answer.headers["Vary"] = "Accept"
    return answer


async def _openapi(request: web.Request) -> web.FileResponse:
    return web.FileResponse(OPENAPI)


def _readiness() -> dict[str, str]:
    return {}  # it depends on no other process
