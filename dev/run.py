"""Starts the whole system on this machine, shows its logs, and stops it on Ctrl-C. This is ``make run``."""

import argparse
import asyncio
import contextlib
import functools
import os
import shlex
import signal
import socket
import sys
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Any

from dev import data_folder, ports, readiness, secrets_file, system
from dev.processes import Processes, Program
from dev.screen import Screen
from dev.settings import Settings
from dev.trouble import Trouble
from shared.process.settings import SettingError, read, table

_NAME = "parley"  # of the launcher's own lines


def main() -> int:
    """Run until stopped. Exit code 0 after a stop that was asked for, 1 after trouble."""
    _parse_arguments()
    try:
        settings = read(Settings, os.environ)
        with data_folder.held(settings.folder) as lock:
            ports.check(system.ports(settings))
            asyncio.run(_run(settings, os.environ, lock))
    except (SettingError, Trouble) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _parse_arguments() -> None:
    rows = "\n".join(f"  {name:15}{doc} [{default}]" for name, default, doc in table(Settings))
    argparse.ArgumentParser(
        prog="make run",
        description=__doc__,
        epilog=f"Settings, from the environment:\n{rows}\nOther variables are passed on to every process.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    ).parse_args()


async def _run(settings: Settings, environ: Mapping[str, str], lock: int) -> None:
    secrets_path = settings.folder / "secrets.env"
    listener = socket.create_server(("127.0.0.1", 0)) if settings.kill_switch else None
    programs = _programs(settings, {**environ, "KILL_SWITCH_URL": _url(listener)}, secrets_path)
    screen = Screen(sys.stdout, [_NAME, *(program.name for program in programs)])
    probes = {service.name: service.address for service in system.services(settings)}

    def tell(text: str) -> None:
        screen.line(_NAME, text)

    async with Processes(screen.line, [lock]) as processes:
        stop = _stop_on_signals(processes)
        for program in programs:
            await processes.start(program)
        lost = functools.partial(data_folder.lost, settings.folder, lock)
        await _first(stop.wait(), lost(), processes.watch(), readiness.wait(probes, settings.ready_seconds, tell))
        if not stop.is_set():
            print(_greeting(settings, secrets_path), flush=True)
            async with _kill_switch(listener, processes, settings):
                await _first(stop.wait(), lost(), processes.keep(tell))
        tell("stopping (Ctrl-C again: at once)")
    tell("stopped")


def _programs(settings: Settings, environ: Mapping[str, str], secrets_path: Path) -> list[Program]:
    try:
        secrets = secrets_file.complete(["APP_SECRET", "APP_PASS"], secrets_path, environ)
        return system.programs(settings, {**environ, **secrets})
    except OSError as error:
        raise Trouble(data_folder.unwritable(settings.folder, error)) from None


def _url(listener: socket.socket | None) -> str:
    """Where the kill switch will be; empty if there is none."""
    return f"http://127.0.0.1:{listener.getsockname()[1]}" if listener else ""


def _kill_switch(
    listener: socket.socket | None, processes: Processes, settings: Settings
) -> contextlib.AbstractAsyncContextManager[None]:
    if listener is None:
        return contextlib.nullcontext()
    from dev import kill_switch  # not before it is needed: importing an HTTP server takes longer than all the rest

    return kill_switch.served(listener, processes, system.services(settings), settings.auth_api_port)


def _stop_on_signals(processes: Processes) -> asyncio.Event:
    """An event that the first signal sets. The second one kills."""
    stop = asyncio.Event()

    def on_signal() -> None:
        if stop.is_set():
            processes.kill()
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, on_signal)
    return stop


async def _first(*coroutines: Coroutine[Any, Any, object]) -> None:
    """Wait until the first of them ends, with its error if it has one, and cancel the others."""
    tasks = [asyncio.ensure_future(each) for each in coroutines]
    done, others = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    for task in done:
        task.result()


def _greeting(settings: Settings, secrets_path: Path) -> str:
    services = {service.name: service.url for service in system.services(settings)}
    auth_api = services["auth_api"]
    urls = "\n".join(f"  {name:12}{url}" for name, url in services.items())
    return f"""
Parley is ready.

{urls}

The demo: {auth_api}/demo

The secrets are in {secrets_path} unless the environment has them.
To get an app token, in another terminal:

  ( . {shlex.quote(str(secrets_path))}; curl -s -d app=demo -d password="$APP_PASS" {auth_api}/app )

Ctrl-C stops everything.
"""


if __name__ == "__main__":
    sys.exit(main())
