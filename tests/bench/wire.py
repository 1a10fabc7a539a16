"""WebSocket frames by hand, and the Socket.IO events in them: what costs the load generator least."""

import json
import zlib
from typing import Any

# Not zero: a server may skip the unmasking of a message masked with zero, and no browser sends one.
MASK = b"\x37\xfa\x21\x3d"
TEXT, CLOSE = 0x1, 0x8
_FINAL, _COMPRESSED, _OPCODE = 0x80, 0x40, 0x0F

PONG = "3"


def text_frame(text: str) -> bytes:
    """One masked text message, ready for the socket."""
    return _frame(TEXT, text.encode())


def close_frame() -> bytes:
    """A masked close, with code 1000."""
    return _frame(CLOSE, b"\x03\xe8")


def event_frame(name: str, fields: dict[str, Any]) -> bytes:
    """A Socket.IO event without acknowledgement, ready for the socket."""
    return text_frame("42" + json.dumps([name, fields], separators=(",", ":")))


def event_name(message: bytes) -> bytes:
    """The name in a Socket.IO event; empty for any other message."""
    if not message.startswith(b'42["'):
        return b""
    return message[4 : message.index(b'"', 4)]


def event_fields(message: bytes) -> Any:
    """The first argument of a Socket.IO event."""
    return json.loads(message[2:])[1]


class FrameReader:
    """Cuts what a server sends into frames. No frame of a server is masked, and none here is fragmented."""

    def __init__(self) -> None:
        self._rest = b""
        self._inflate = zlib.decompressobj(-zlib.MAX_WBITS)

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """The frames that are complete now: opcode and payload."""
        if self._rest:
            data = self._rest + data
        frames: list[tuple[int, bytes]] = []
        start = 0
        while (body := _body(data, start)) is not None and body[1] <= len(data):
            payload = data[body[0] : body[1]]
            if data[start] & _COMPRESSED:
                payload = self._inflate.decompress(payload + b"\x00\x00\xff\xff")
            frames.append((data[start] & _OPCODE, payload))
            start = body[1]
        self._rest = data[start:]
        return frames


def _body(data: bytes, start: int) -> tuple[int, int] | None:
    """Where the payload of the frame at ``start`` begins and ends, once its header is there."""
    have = len(data) - start
    if have < 2:
        return None
    size, head = data[start + 1], 2
    if size == 126:
        size, head = int.from_bytes(data[start + 2 : start + 4], "big"), 4
    elif size == 127:
        size, head = int.from_bytes(data[start + 2 : start + 10], "big"), 10
    return (start + head, start + head + size) if have >= head else None


def _frame(opcode: int, payload: bytes) -> bytes:
    size = len(payload)
    if size < 126:
        head = bytes((_FINAL | opcode, 0x80 | size))
    else:
        head = bytes((_FINAL | opcode, 0x80 | 126)) + size.to_bytes(2, "big")
    key = (MASK * (size // 4 + 1))[:size]
    masked = int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")
    return head + MASK + masked.to_bytes(size, "big")
