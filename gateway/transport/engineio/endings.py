"""Why a connection ends."""

from engineio.exceptions import EngineIOError

# reasons of ours for a disconnect, beside the library's
SLOW = "does not read"
FLOOD = "too many requests"

ENDED = "Session has ended"  # why a request of it is refused


class ProtocolError(EngineIOError):
    """A client does not speak Engine.IO or Socket.IO as it should: its connection is closed."""
