"""``python -m auth_api.apps save`` and ``restore``: what is known of apps, as JSON, out of a deployment and into one.

Of all that NATS stores, this has to last: which app tokens are revoked. It is asked of the broker and told to it while
everything runs. What is restored never takes back what is newer.
"""

import argparse
import asyncio
import json
import os
import sys
from typing import Any

import msgspec

from auth_api.answers import Refused
from auth_api.authority import Authority
from shared.envelopes.admin import MOST_APPS, AnyAsk, ListApps, NoteIssued, RevokeApp
from shared.messaging.settings import NatsSettings
from shared.process.settings import SettingError, read
from shared.process.stop import Stop
from shared.process.world import World

TRIES = 20  # of one question; while no broker answers, or NATS cannot be reached
PAUSE = 0.5  # seconds between them


class App(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Times in seconds since the epoch, 0 for never: of the newest token, and until when all tokens are revoked."""

    issued: int = 0
    revoked: int = 0


async def save(authority: Authority) -> dict[str, Any]:
    """All apps. Raises Refused."""
    found: dict[str, Any] = {}
    while page := await _ask(authority, ListApps(max(found, default=""), MOST_APPS)):
        found.update(page)
    return found


async def restore(authority: Authority, apps: dict[str, App]) -> None:
    """Tell the broker. Raises Refused."""
    for name, app in apps.items():
        if app.issued:
            await _ask(authority, NoteIssued(name, app.issued))
        if app.revoked:
            await _ask(authority, RevokeApp(name, app.revoked))


async def _ask(authority: Authority, ask: AnyAsk) -> Any:
    for left in reversed(range(TRIES)):
        try:
            return (await authority.ask(ask)).body
        except Refused:
            if not left:
                raise
            await asyncio.sleep(PAUSE)
    return None


async def _run(what: str, settings: NatsSettings) -> None:
    apps = msgspec.json.decode(sys.stdin.buffer.read(), type=dict[str, App]) if what == "restore" else {}
    stop = Stop()
    async with Authority(settings, stop, World()) as authority:
        if what == "save":
            print(json.dumps(await save(authority), indent=2))
        else:
            await restore(authority, apps)
            print(f"restored {len(apps)} apps", file=sys.stderr)
        stop.set()  # that the connection ends now is as it should be


def main() -> int:
    """Exit code 1 when it could not be done, 2 for a wrong setting."""
    parser = argparse.ArgumentParser(prog="python -m auth_api.apps", description=__doc__)
    parser.add_argument(
        "what", choices=("save", "restore"), help="write to the standard output, or read from the input"
    )
    what = parser.parse_args().what
    try:
        asyncio.run(_run(what, read(NatsSettings, os.environ)))
    except SettingError as error:
        print(f"apps: {error}", file=sys.stderr)
        return 2
    except (Refused, msgspec.MsgspecError) as error:
        print(f"apps: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
