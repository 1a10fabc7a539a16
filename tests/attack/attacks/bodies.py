"""Messages that are dear to look at."""

import json

from tests.attack.attacks.floods import flood
from tests.attack.me import Me
from tests.attack.plan import Steps, attack
from tests.attack.talker import Talker
from tests.bench.wire import text_frame

RUN = "1" * 4299  # a digit less than CPython's json refuses
NUMBERS = "[" + ",".join([RUN] * 11) + "]"
BRACKETS = "[" * 24000 + "]" * 24000
QUOTES = '"' + '\\"' * 23000 + '"'
ESCAPES = '"' + "\\u0041" * 8000 + '"'
STRINGS = "[" + '"[",' * 12000 + '"["]'


def description(body: str, auth: str = "x") -> bytes:
    """A relay of that session description."""
    return text_frame(
        f'42["relay-session-description",{{"auth":"{auth}","room":"r","to":"p","session_description":{body}}}]'
    )


flood("digits", "descriptions of long numbers, without a session token", "guest", description(NUMBERS), row=5)
flood("brackets", "deep descriptions, without a session token", "guest", description(BRACKETS), row=5)
flood("escapes", "descriptions of escapes, without a session token", "guest", description(ESCAPES))
flood(
    "deep-events",
    "deep fields that there are not",
    "guest",
    text_frame(f'42["room-create-request",{{"x":{BRACKETS}}}]'),
)
flood("names-of-escapes", "events with long names", "guest", text_frame(f"42[{ESCAPES}]"))
flood(
    "many-fields",
    "events of 4,000 fields",
    "guest",
    text_frame('42["x",' + json.dumps({str(n): n for n in range(4000)}) + "]"),
)


@attack(row=5)
async def bodies_of_a_peer(me: Me) -> Steps:
    """A peer relays numbers, brackets, quotes and escapes to itself."""

    def words(peer: Talker) -> bytes:
        return b"".join(description(body, peer.token) for body in (NUMBERS, BRACKETS, QUOTES, ESCAPES, STRINGS))

    yield
    await me.flood(me.peer, words)
