"""Ports that nobody listens on."""

import random
import socket

_given: set[int] = set()


def free_port() -> int:
    """A port of 127.0.0.1 that is free now and was not given out before.

    It lies below the range from which the kernel takes the ports of outgoing connections: a process that is
    stopped and started again must find its port still free.
    """
    while True:
        port = random.randint(15000, 32000)
        if port not in _given and _is_free(port):
            _given.add(port)
            return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
