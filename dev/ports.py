"""Are the ports free? Asked before anything starts, so that a clash is told in words."""

import dataclasses
import socket
from collections.abc import Iterable

from dev.trouble import Trouble
from shared.http.listening import CannotListen, open_listeners


@dataclasses.dataclass(frozen=True)
class Port:
    """A port that ``owner`` will listen on, and the setting that moves it."""

    number: int
    host: str
    owner: str
    setting: str


def check(ports: Iterable[Port]) -> None:
    """Raise Trouble that names each port that is taken, or asked for twice, and an address that is not available."""
    wanted: dict[int, Port] = {}
    problems = []
    for port in ports:
        if other := wanted.get(port.number):
            problems.append(f"Port {port.number} is wanted by {other.owner} and {port.owner}. {_advice(port)}")
        elif problem := _problem(port):
            problems.append(problem)
        wanted[port.number] = port
    if problems:
        raise Trouble("\n".join(dict.fromkeys(problems)))


def is_taken(host: str, number: int) -> bool:
    """Whether something listens there, or would keep us from it."""
    return _problem(Port(number, host, "", "")) is not None


def _problem(port: Port) -> str | None:
    if _answers(port.number):
        return f"Port {port.number}, for {port.owner}, is taken by another program. {_advice(port)}"
    try:
        for listener in open_listeners(port.host, port.number):
            listener.close()
    except CannotListen as error:
        if error.part == "host":
            return f"APP_HOST: {error}"
        return f"Port {port.number}, for {port.owner}, {error.why}. {_advice(port)}"
    return None


def _advice(port: Port) -> str:
    elsewhere = port.number + 100 if port.number < 65000 else port.number - 100
    elsewhere = max(elsewhere, port.number + 8000 if port.number < 1024 else 0)
    return f"Move it with {port.setting}, for example: {port.setting}={elsewhere} make run"


def _answers(number: int) -> bool:
    # macOS lets us listen on 127.0.0.1 beside a program that listens on every address.
    try:
        socket.create_connection(("127.0.0.1", number), timeout=0.5).close()
    except OSError:
        return False
    return True
