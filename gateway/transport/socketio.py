"""Everything of python-socketio that we replace, and why. Pinned to socketio 5.18.1; tests/gateway covers each.

* Packets are read by us: reserved event names are plain names, binary ones are refused, junk closes the connection.
* Who asks for a namespace that does not exist is told so in words.
* An event goes straight to one synchronous function: in order, without a task, and still encoded.
* What is over its sender's budget is not decoded: it goes to that function as ``EXCESS``.
* A disconnect costs the same however many are connected; the library looks through all of them.
* Nothing of the HTTP request is kept; the library keeps all headers as long as the session.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import msgspec
import socketio

from gateway.transport.engineio.endings import ProtocolError
from gateway.transport.engineio.server import Engine
from gateway.transport.engineio.socket import Socket, size_of

MAX_ACK_DIGITS = 15  # beyond that a JavaScript number is not exact

MAX_NAMESPACE = 64  # characters; there is one namespace only

UNREADABLE = msgspec.Raw(b"?")  # stands for a body that is no JSON
EXCESS = msgspec.Raw(b"!")  # stands for the body of an event that came too fast
_NO_BODY = msgspec.Raw(b"")
_NAMED = re.compile(r'\["([a-z-]{1,64})",')
_NOTHING: Mapping[str, Any] = MappingProxyType({})


class _Event(msgspec.Struct, array_like=True):
    """The arguments of an event, as far as they mean something."""

    name: str
    body: msgspec.Raw = _NO_BODY


_decode_event = msgspec.json.Decoder(_Event).decode


class Manager(socketio.AsyncManager):
    """Who is connected. Each is in two rooms of the library's: its own, and everybody's."""

    def basic_disconnect(self, sid: str, namespace: str, **_: Any) -> None:
        """Forget a client."""
        for room in (sid, None):
            self.basic_leave_room(sid, namespace, room)
        for pending in (self.pending_connect, self.pending_disconnect):
            if sid in pending.get(namespace, ()):
                pending[namespace].remove(sid)
                if not pending[namespace]:
                    del pending[namespace]


class Server(socketio.AsyncServer):
    """The Socket.IO server. An event goes to the ``on_event`` of its socket, which whoever lets it in has to set."""

    def __init__(self, **options: Any) -> None:
        super().__init__(async_handlers=False, client_manager=Manager(), **options)
        self.eio.take_event = self._handle_event_text

    def socket(self, sid: str) -> Socket | None:
        """The connection of a Socket.IO id, if it is open."""
        socket: Socket | None = self.eio.sockets.get(self.manager.eio_sid_from_sid(sid, "/"))
        return socket

    async def _handle_eio_connect(self, eio_sid: str, environ: dict[str, Any]) -> None:
        await super()._handle_eio_connect(eio_sid, _NOTHING)

    async def _handle_eio_message(self, eio_sid: str, text: str) -> None:
        kind = text[:1]
        socket: Socket | None = self.eio.sockets.get(eio_sid)
        if kind == "2" and socket is not None:
            self._handle_event_text(socket, text)
        elif kind == "0":
            namespace, body = _split_namespace(text[1:])
            auth = _decode_json(body)
            if socket is not None and namespace != "/":
                socket.send_frame(_cannot_connect(namespace, "Invalid namespace"))  # as Node's server says
            elif socket is not None and socket.on_event is not None:
                socket.send_frame(_cannot_connect(namespace, "Connected already"))
            else:
                await self._handle_connect(eio_sid, namespace, auth)
        elif kind == "1":
            namespace, _ = _split_namespace(text[1:])
            if namespace == "/" and socket is not None:
                socket.on_event = None
            await self._handle_disconnect(eio_sid, namespace, self.reason.CLIENT_DISCONNECT)
        elif kind != "3":  # nobody asks a client for acknowledgements, so they mean nothing
            raise ProtocolError("unexpected packet")

    def _handle_event_text(self, socket: Socket, text: str) -> None:
        start = text.find("[")
        digits = text[1:start]
        if start < 0 or len(digits) > MAX_ACK_DIGITS or (digits and not (digits.isascii() and digits.isdigit())):
            if text.startswith("2/,") and not text.startswith("/", 3):  # the one namespace there is, spelled out
                self._handle_event_text(socket, "2" + text[3:])
                return
            raise ProtocolError("malformed event")
        if socket.deaf:
            return
        if socket.on_event is None:
            raise ProtocolError("event before connect")
        ack = int(digits) if digits else None
        if socket.charge(size_of(text)):
            name, body = _event_of(text[start:] if digits else text[1:])
            socket.on_event(name, body, ack)
        elif not socket.deaf:
            named = _NAMED.match(text, start)
            socket.on_event(named[1] if named else "", EXCESS, ack)

    def _engineio_server_class(self) -> type[Engine]:
        return Engine


def _event_of(text: str) -> tuple[str, msgspec.Raw | None]:
    """The name and first argument of an event. Raises ProtocolError."""
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
