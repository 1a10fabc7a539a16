"""GET /console: the operators' page. It makes the calls under /admin, with the ADMIN_TOKEN that it asks for."""

import pathlib

from aiohttp import web

FILES = pathlib.Path(__file__).parent / "console"
POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self'",
    "connect-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
    "require-trusted-types-for": "'script'",
}
HEADERS = {
    "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in POLICY.items()),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    # The page and its modules are one version: each is asked for anew, and answered 304 while it is the same.
    "Cache-Control": "no-cache",
}


def add_console(app: web.Application) -> None:
    """Serve the page from ``app``. There is no secret in it, so anyone may read it who can reach the port."""
    app.router.add_get("/console", _page)
    app.router.add_get("/console/", _to_the_page)
    app.router.add_get(r"/console/{name:[a-z-]+\.(js|css|svg)}", _file)
    app.on_response_prepare.append(_secure)


async def _page(request: web.Request) -> web.FileResponse:
    return web.FileResponse(FILES / "index.html")


async def _to_the_page(request: web.Request) -> web.Response:
    return web.Response(status=302, headers={"Location": "/console"})


async def _file(request: web.Request) -> web.FileResponse:
    path = FILES / request.match_info["name"]
    if not path.is_file():
        raise web.HTTPNotFound
    return web.FileResponse(path)


async def _secure(request: web.Request, response: web.StreamResponse) -> None:
    if request.path == "/console" or request.path.startswith("/console/"):
        response.headers.update(HEADERS)
