"""Listening on the address and port that a process is given; when that fails, the reason in words."""

import contextlib
import errno
import socket
from typing import Any

BACKLOG = 128  # connections that wait to be taken
UNREAD = 32768  # bytes that have come on one connection and wait to be read; the kernel would let it be megabytes
EVERY_ADDRESS = "::"  # of IPv6, and of IPv4 too
_RIGHTS = "may only be used with special rights; ports from 1024 on need none"


class CannotListen(Exception):
    """``part`` is what is to be changed, "host" or "port"; ``why`` continues the sentence that its value begins."""

    def __init__(self, part: str, value: object, why: str) -> None:
        super().__init__(f"{value} {why}")
        self.part = part
        self.why = why


def open_listeners(host: str, port: int) -> list[socket.socket]:
    """A socket for each address that ``host`` means, ready to listen. Raises CannotListen."""
    listeners: list[socket.socket] = []
    with contextlib.ExitStack() as stack:
        for family, address in _addresses(host, port):
            try:
                listeners.append(stack.enter_context(_listener(family, address, host == EVERY_ADDRESS)))
            except OSError as error:
                failure = error
                if not _is_foreign(error):
                    break
        else:
            if listeners:  # a name may mean addresses that this machine does not have, like ::1 without IPv6
                stack.pop_all()
                return listeners
    raise _reason(failure, host, port)


def _addresses(host: str, port: int) -> list[tuple[int, Any]]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError):
        why = "is neither an address nor a name that is known here; give one address, or :: for all"
        raise CannotListen("host", repr(host), why) from None
    return list(dict.fromkeys((family, address) for family, _, _, _, address in found))


def _listener(family: int, address: Any, dual: bool) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections that just close take no port
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, UNREAD)  # its connections inherit it
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, not dual)
        listener.bind(address)
        listener.listen(BACKLOG)
    except BaseException:
        listener.close()
        raise
    return listener


def _is_foreign(error: OSError) -> bool:
    return error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)


def _reason(error: OSError, host: str, port: int) -> CannotListen:
    if _is_foreign(error):
        return CannotListen("host", host, "is no address of this machine")
    if error.errno == errno.EADDRINUSE:
        return CannotListen("port", port, "is taken by another program")
    if error.errno in (errno.EACCES, errno.EPERM):
        return CannotListen("port", port, _RIGHTS)
    return CannotListen("host", host, f"cannot be listened on at port {port}: {error.strerror}")
