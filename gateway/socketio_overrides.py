"""Everything of python-socketio that we replace, and why. Pinned to socketio 5.18.1; tests/gateway covers each.

* Packets are read by us: reserved event names are plain names, binary ones are refused, junk closes the connection.
* An event goes straight to one synchronous function: in order, without a task, and still encoded.
* A disconnect costs the same however many are connected; the library looks through all of them.
"""

import re
from typing import Any

import msgspec
import socketio

from gateway.engineio_overrides import Engine, ProtocolError, Socket

MAX_ACK_DIGITS = 15  # beyond that a JavaScript number is not exact

UNREADABLE = msgspec.Raw(b"?")  # stands for a body that is no JSON
_NAMED = re.compile(r'\["([a-z-]{1,64})",')

_decode_event = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode_name = msgspec.json.Decoder(str).decode


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

    async def _handle_eio_message(self, eio_sid: str, text: str) -> None:
        kind = text[:1]
        socket: Socket | None = self.eio.sockets.get(eio_sid)
        if kind == "2" and socket is not None:
            self._handle_event_text(socket, text)
        elif kind == "0":
            namespace, auth = _split_namespace(text[1:])
            await self._handle_connect(eio_sid, namespace, _decode_json(auth))
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
            raise ProtocolError("malformed event")
        if socket.on_event is None:
            raise ProtocolError("event before connect")
        name, body = _event_of(text[start:] if digits else text[1:])
        socket.on_event(name, body, int(digits) if digits else None)

    def _engineio_server_class(self) -> type[Engine]:
        return Engine


def _event_of(text: str) -> tuple[str, msgspec.Raw | None]:
    """The name and first argument of an event. Raises ProtocolError."""
    try:
        arguments = _decode_event(text)
        return _decode_name(arguments[0]), arguments[1] if len(arguments) > 1 else None
    except (msgspec.MsgspecError, RecursionError, ValueError, IndexError):
        # a browser escapes half an emoji in a way that is no text: whoever takes the event can still say no to it
        if named := _NAMED.match(text):
            return named[1], UNREADABLE
        raise ProtocolError("malformed event") from None


def _split_namespace(text: str) -> tuple[str, str]:
    if not text.startswith("/"):
        return "/", text
    namespace, _, rest = text.partition(",")
    return namespace.partition("?")[0], rest


def _decode_json(text: str) -> Any:
    if not text:
        return None
    try:
        return msgspec.json.decode(text)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        raise ProtocolError("malformed packet") from None
