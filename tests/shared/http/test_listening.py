import errno
import socket

import pytest

from shared.http.listening import UNREAD, CannotListen, open_listeners


def port_of(listeners: list[socket.socket]) -> int:
    return int(listeners[0].getsockname()[1])


def close(listeners: list[socket.socket]) -> None:
    for listener in listeners:
        listener.close()


def has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
@pytest.mark.parametrize("caller", ["127.0.0.1", "::1"])
def test_two_colons_mean_every_address_of_both_kinds(caller: str) -> None:
    listeners = open_listeners("::", 0)
    socket.create_connection((caller, port_of(listeners)), timeout=5).close()
    close(listeners)


def test_little_of_what_nobody_reads_waits_in_the_kernel() -> None:
    listeners = open_listeners("127.0.0.1", 0)
    with socket.create_connection(("127.0.0.1", port_of(listeners))) as caller, listeners[0].accept()[0] as served:
        caller.settimeout(0.2)
        with pytest.raises(TimeoutError):
            caller.sendall(bytes(64 * 1024 * 1024))
        assert 0 < len(served.recv(64 * 1024 * 1024)) <= 2 * UNREAD
    close(listeners)


def test_an_address_means_itself_alone() -> None:
    listeners = open_listeners("127.0.0.1", 0)
    assert listeners[0].getsockname()[0] == "127.0.0.1"
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("::1", port_of(listeners)), timeout=5)
    close(listeners)


@pytest.mark.parametrize("host", ["127.0.0.1,127.0.0.2", "127.0.0.1 ::1", "no-such-host.invalid", "a" * 70, "[::]"])
def test_what_is_neither_an_address_nor_a_name_is_told(host: str) -> None:
    with pytest.raises(CannotListen, match="is neither an address nor a name") as told:
        open_listeners(host, 0)
    assert told.value.part == "host"


def test_a_foreign_address_is_told() -> None:
    with pytest.raises(CannotListen, match=r"192\.0\.2\.1 is no address of this machine") as told:
        open_listeners("192.0.2.1", 0)
    assert told.value.part == "host"


def test_a_taken_port_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CannotListen, match=f"{port} is taken by another program") as told:
            open_listeners("127.0.0.1", port)
    assert told.value.part == "port"


def test_a_port_that_needs_rights_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", refuse)
    with pytest.raises(CannotListen, match="80 may only be used with special rights") as told:
        open_listeners("127.0.0.1", 80)
    assert told.value.part == "port"
