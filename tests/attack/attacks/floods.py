"""Floods of one frame, small and good for little."""

import asyncio

from tests.attack.me import Me
from tests.attack.plan import ATTACKS, Attack, Host, Steps, attack
from tests.attack.talker import Talker
from tests.bench.wire import text_frame
from tests.system.rig.tcpsocket import CLOSE, PING, TEXT, frame

CHUNK = 8192  # bytes, about
CONTINUED = 0  # the opcode of what continues a message
OPENING = frame(TEXT, b"42", final=False)


def repeated(one: bytes) -> bytes:
    """As many as make a chunk."""
    return one * max(1, CHUNK // len(one))


def flood(name: str, what: str, arrive: str, one: bytes, row: int = 0, host: Host = "none") -> None:
    """Declare the flood of one frame. ``arrive`` is the method that gets the attacker as far as it has to be."""

    def strike(me: Me) -> Steps:
        return _strike(me, arrive, repeated(one))

    ATTACKS[name] = Attack(name=name, what=what, strike=strike, row=row, host=host)


async def _strike(me: Me, arrive: str, chunk: bytes) -> Steps:
    await getattr(me, arrive)()  # it can be done
    yield
    await me.flood(getattr(me, arrive), lambda _: chunk)


@attack()
async def nothing(me: Me) -> Steps:
    """No attack at all, to see what the machine itself does to the witnesses"""
    yield
    await asyncio.sleep(me.scene.seconds)


flood("pongs", "a socket without a token says pong", "stranger", text_frame("3"), row=1)
flood("connects", "a socket asks to be let in without a token", "stranger", text_frame("40"), row=1)
flood("namespaces", "a socket asks for a namespace that there is not", "stranger", text_frame("40/x,"), row=1)
flood("websocket-pings", "WebSocket pings without content", "stranger", frame(PING, b""), row=1)
flood("large-websocket-pings", "WebSocket pings of 125 bytes", "stranger", frame(PING, bytes(125)), row=1)
flood("unknown-events", "after the handshake, events that there are not", "guest", text_frame('42["x"]'), row=1)
flood("empty-auth-requests", "auth-request without a token", "guest", text_frame('42["auth-request",{}]'), row=1)
flood("acknowledgements", "answers that nobody has asked for", "guest", text_frame('431["x"]'))
flood("ack-ids", "refused events that want an answer", "guest", text_frame('42999999999999999["x",{"payload":1}]'))
flood("disconnects", "a socket connects, and says that it goes", "guest", text_frame("41"))
flood("closes", "a WebSocket opens, and closes at once", "stranger", frame(CLOSE, b"\x03\xe8"))
flood("broken-packets", "a WebSocket opens, and breaks the protocol", "stranger", text_frame("9"))
flood(
    "empty-fragments",
    "a message that is continued for ever, by nothing",
    "stranger",
    frame(CONTINUED, b"", final=False),
)


@attack(row=1)
async def fragments(me: Me) -> Steps:
    """Messages in fragments of one byte."""
    one = OPENING + frame(CONTINUED, b"x", final=False) * 2000 + frame(CONTINUED, b"")
    yield
    await me.flood(me.guest, lambda _: one)


@attack(row=1)
async def silent_floods(me: Me) -> Steps:
    """Refused events from twenty sockets that never read an answer."""

    async def deaf() -> Talker:
        guest = await me.guest()
        guest.stop_reading()
        return guest

    chunk = repeated(text_frame('429["x",{"payload":"' + "x" * 200 + '"}]'))
    yield
    await asyncio.gather(*(me.flood(deaf, lambda _: chunk) for _ in range(20)))
