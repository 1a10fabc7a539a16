"""Everything of python-socketio that we replace, and why. Pinned to socketio 5.18.1; tests/gateway covers each.

* Packets are read by us: reserved event names are plain names, binary ones are refused, junk closes the connection.
* Who asks for a namespace that does not exist is told so in words.
* An event goes straight to one synchronous function: in order, without a task. Most are decoded in one go with the
  packet, the others are still encoded.
* What is over its sender's budget is not decoded: it goes to that function as ``EXCESS``.
* Who is connected is written on its socket; the library has six tables of that, and looks through all who are
  connected when one leaves.
* Nothing of the HTTP request is kept; the library keeps all headers as long as the session.
"""

import functools
import operator
import re
from collections.abc import Callable
from typing import Any

import msgspec
import socketio
from socketio.exceptions import ConnectionRefusedError  # noqa: A004 - its name is the library's

from gateway.transport.engineio.endings import ProtocolError
from gateway.transport.engineio.server import Engine
from gateway.transport.engineio.socket import Argument, Socket, size_of
from shared.contract.events import EVENTS, PeerEvent, first

MAX_ACK_DIGITS = 15  # beyond that a JavaScript number is not exact

MAX_NAMESPACE = 64  # characters; there is one namespace only

UNREADABLE = msgspec.Raw(b"?")  # stands for a body that is no JSON
EXCESS = msgspec.Raw(b"!")  # stands for the body of an event that came too fast
_NO_BODY = msgspec.Raw(b"")
_NAMED = re.compile(r'\["([a-z-]{1,64})",')

OnClient = Callable[[str, Socket, Any], None]
OnGone = Callable[[str, str], None]


class _Event(msgspec.Struct, array_like=True):
    """The arguments of an event, as far as they mean something."""

    name: str
    body: msgspec.Raw = _NO_BODY


def _whole(name: str) -> Any:
    """The arguments of one event, as they nearly always are.

    What names a peer is most of what is said, and decoded with them: to skip it first would take as long again.
    """
    event = EVENTS[name]
    body = event if issubclass(event, PeerEvent) and first(name) is event else msgspec.Raw
    namespace = {"name": name}
    return msgspec.defstruct(event.__name__, [("body", body)], array_like=True, tag=name, namespace=namespace)


_decode_whole: Callable[[str], Any] = msgspec.json.Decoder(functools.reduce(operator.or_, map(_whole, EVENTS))).decode
_decode_event = msgspec.json.Decoder(_Event).decode


class Server(socketio.AsyncServer):
    """The Socket.IO server. ``on_client`` gets the ``auth`` that a client shows. It admits the client by setting
    the ``on_event`` of its socket, or raises the library's ConnectionRefusedError. ``on_gone`` is told which client has
    gone, and why.
    """

    def __init__(self, on_client: OnClient, on_gone: OnGone, **options: Any) -> None:
        super().__init__(async_handlers=False, **options)
        self._on_client = on_client
        self._on_gone = on_gone
        self.eio.take_event = self._handle_event_text
        self.eio.take_packet = self._handle_packet
        self.eio.take_end = self._let_go

    def _handle_packet(self, socket: Socket, text: str) -> None:
        kind = text[1:2]
        if kind == "2":
            self._handle_event_text(socket, text)
        elif kind == "0":
            namespace, body = _split_namespace(text[2:])
            self._connect(socket, namespace, _decode_json(body))
        elif kind == "1":
            namespace, _ = _split_namespace(text[2:])
            if namespace == "/":
                self._let_go(socket, self.reason.CLIENT_DISCONNECT)
        elif kind != "3":  # nobody asks a client for acknowledgements, so they mean nothing
            raise ProtocolError("unexpected packet")

    def _connect(self, socket: Socket, namespace: str, auth: Any) -> None:
        if namespace != "/":
            socket.send_frame(_cannot_connect(namespace, "Invalid namespace"))  # as Node's server says
        elif socket.client:
            socket.send_frame(_cannot_connect(namespace, "Connected already"))
        else:
            client = self.eio.generate_id()
            try:
                self._on_client(client, socket, auth)
            except ConnectionRefusedError as refused:
                socket.send_frame(b"44" + msgspec.json.encode(refused.error_args))
                return
            socket.client = client
            socket.send_frame(b'40{"sid":"%s"}' % client.encode())

    def _let_go(self, socket: Socket, reason: str) -> None:
        socket.on_event = None
        client, socket.client = socket.client, ""
        if client:
            self._on_gone(client, reason)

    def _handle_event_text(self, socket: Socket, text: str) -> None:
        start = text.find("[")
        if start != 2 and (start < 0 or not _is_ack(text[2:start])):
            if text.startswith("42/,") and not text.startswith("/", 4):  # the one namespace there is, spelled out
                self._handle_event_text(socket, "42" + text[4:])
                return
            raise ProtocolError("malformed event")
        if socket.deaf:
            return
        if socket.on_event is None:
            raise ProtocolError("event before connect")
        ack = int(text[2:start]) if start > 2 else None
        if socket.charge(size_of(text)):
            name, body = event_in(text[start:])
            socket.on_event(name, body, ack)
        elif not socket.deaf:
            named = _NAMED.match(text, start)
            socket.on_event(named[1] if named else "", EXCESS, ack)

    def _engineio_server_class(self) -> type[Engine]:
        return Engine


def _is_ack(digits: str) -> bool:
    return len(digits) <= MAX_ACK_DIGITS and digits.isascii() and digits.isdigit()


def event_in(text: str) -> tuple[str, Argument]:
    """The name and first argument of an event. Raises ProtocolError."""
    try:
        whole = _decode_whole(text)
        return whole.name, whole.body
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return _event_in_parts(text)


def _event_in_parts(text: str) -> tuple[str, msgspec.Raw | None]:
    """The same for events that are not as declared, whose argument is not looked into."""
    try:
        event = _decode_event(text)
        return event.name, event.body if len(event.body) else None
    except (msgspec.MsgspecError, RecursionError, ValueError):
        # a browser escapes half an emoji in a way that is no text: whoever takes the event can still say no to it
        if named := _NAMED.match(text):
            return named[1], UNREADABLE
        raise ProtocolError("malformed event") from None


def _split_namespace(text: str) -> tuple[str, str]:
    if not text.startswith("/"):
        return "/", text
    namespace, _, rest = text.partition(",")
    namespace = namespace.partition("?")[0]
    if len(namespace) > MAX_NAMESPACE:
        raise ProtocolError("a long namespace")
    return namespace, rest


def _cannot_connect(namespace: str, why: str) -> bytes:
    """Clients show the message; of a bare string they would show nothing."""
    where = f"{namespace}," if namespace != "/" else ""
    return f'44{where}{{"message":"{why}"}}'.encode()


def _decode_json(text: str) -> Any:
    if not text:
        return None
    try:
        return msgspec.json.decode(text)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        raise ProtocolError("malformed packet") from None
