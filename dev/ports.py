"""Are the ports free? Asked before anything starts, so that a clash is told in words."""

import dataclasses
import socket
from collections.abc import Iterable

from dev.trouble import Trouble


@dataclasses.dataclass(frozen=True)
class Port:
    """A port that ``owner`` will listen on, and the setting that moves it."""

    number: int
    host: str
    owner: str
    setting: str


def check(ports: Iterable[Port]) -> None:
    """Raise Trouble that names each port that is taken, or wanted twice."""
    wanted: dict[int, Port] = {}
    problems = []
    for port in ports:
        if other := wanted.get(port.number):
            problems.append(f"Port {port.number} is wanted by {other.owner} and {port.owner}. {_advice(port)}")
        elif is_taken(port.host, port.number):
            problems.append(f"Port {port.number}, for {port.owner}, is taken by another program. {_advice(port)}")
        wanted[port.number] = port
    if problems:
        raise Trouble("\n".join(problems))


def is_taken(host: str, number: int) -> bool:
    """Whether something listens there, or would keep us from it."""
    return _answers(number) or not _can_listen(host, number)


def _advice(port: Port) -> str:
    elsewhere = port.number + 100 if port.number < 65000 else port.number - 100
    return f"Move it with {port.setting}, for example: {port.setting}={elsewhere} make run"


def _answers(number: int) -> bool:
    # macOS lets us listen on 127.0.0.1 beside a program that listens on every address.
    try:
        socket.create_connection(("127.0.0.1", number), timeout=0.5).close()
    except OSError:
        return False
    return True


def _can_listen(host: str, number: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        # Without it, connections that are just closing would count as taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, number))
            probe.listen()
        except OSError:
            return False
    return True
