"""``python -m auth_api``."""

import functools

from auth_api.server import serve
from auth_api.settings import Settings
from shared.process.logs import configure
from shared.process.start import run, settings_from_environment
from shared.process.world import World

WHAT = "Parley's HTTP side: hands out app tokens at POST /app, and serves the demo page at /demo."

if __name__ == "__main__":
    settings = settings_from_environment("auth_api", WHAT, Settings)
    configure(settings.log_level, settings.log_format, "auth_api")
    run(functools.partial(serve, settings, World()))
