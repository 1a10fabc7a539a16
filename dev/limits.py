"""The limits that clients meet, for PROTOCOL.md: from the settings' defaults and from the constants in the code."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import broker.settings
import gateway.settings
from broker.core.keeping import SENDERS
from broker.core.numbers import MOST
from broker.core.rules.admission import REMINDER_INTERVAL, VIEW_INTERVAL
from gateway.incoming.door import MAX_DEPTH
from gateway.incoming.sizes import BODIES
from gateway.rate import STRANGER_FRAMES, STRANGER_MESSAGES
from gateway.transport.engineio.polls import MAX_POLLS
from gateway.transport.engineio.posts import MAX_POLLED_PACKETS, MAX_POST
from gateway.transport.engineio.server import MAX_QUERY
from shared.contract.events import LONGEST_KEY
from shared.http.edge import HEAD_SECONDS, MAX_FIELD, MAX_HEAD

_DEFAULTS: dict[str, Any] = {
    field.name: field.default
    for cls in (gateway.settings.Settings, broker.settings.Settings)
    for field in dataclasses.fields(cls)
}


def limits() -> Iterator[tuple[str, str, str]]:
    """What is limited, its default, and the settings that change it."""
    yield _setting("one message", "{}", "max_message")
    for limit, bodies in BODIES.items():
        yield _setting(", ".join(f"`{name}`" for name in bodies), "{}, as JSON", limit)
    yield "nesting of JSON in these", str(MAX_DEPTH), ""
    yield _setting("room name", "1 to {} characters, no control characters", "max_room_name")
    yield _setting("peers in a room", "{}", "max_peers_per_room")
    yield _setting("rooms a peer may be in", "{}", "max_rooms_per_peer")
    yield _setting("pending requests of a peer; in a room", "{}; {}", "max_pending_per_peer", "max_pending_per_room")
    yield "numbers of a peer (`n`) that are remembered", f"the {MOST} that were answered last", ""
    yield "telling a member again who is in a room", f"every {VIEW_INTERVAL:g} s", ""
    yield "reminding an owner of a request", f"every {REMINDER_INTERVAL:g} s", ""
    yield _setting(
        "waiting for a peer that is absent or reads slowly, from each sender",
        f"{{}} deliveries, {{}}; {SENDERS} times that in all",
        "max_kept_deliveries",
        "max_kept_bytes",
    )
    yield _setting("data of a room: keys, and all keys and values as JSON", "{}; {}", "max_data_keys", "max_data_bytes")
    yield "a key of a room's data", f"1 to {LONGEST_KEY} of `a`-`z`, `0`-`9`, `.`, `_`, `-`", ""
    yield _setting("messages of a room that newcomers are shown, in all", "{}", "max_history_bytes")
    yield _setting(
        "both of all rooms; beyond half of it, each may have less and less, down to a sixteenth", "{}", "max_life_bytes"
    )
    yield _burst(
        "bytes that others are told because of a peer; and because of messages, data and presence in a room",
        "output",
    )
    yield _burst("events of a peer", "events")
    yield _burst("bytes of a peer", "bytes")
    yield (
        "frames and bytes of a socket before it is a peer",
        f"{STRANGER_FRAMES}; {STRANGER_MESSAGES} times `MAX_MESSAGE`",
        "",
    )
    yield _burst("new sockets of an address (IPv6: /64)", "handshakes")
    yield _setting("open sockets of an address", "{}", "max_connections_per_address")
    yield _setting(
        "sockets of a gateway that have not authenticated", "{}, then the oldest are closed", "max_unauthenticated"
    )
    yield _setting(
        "handshakes that a gateway serves per second; that wait", "{}; {}", "newcomers_per_second", "max_waiting"
    )
    yield (
        "head of an HTTP request; one header",
        f"{_shown(MAX_HEAD)}; {_shown(MAX_FIELD)}; all within {HEAD_SECONDS:g} s",
        "",
    )
    yield "query of an HTTP request", f"{MAX_QUERY} characters", ""
    yield "polling: packets in a POST, each within `MAX_MESSAGE`", str(MAX_POLLED_PACKETS), ""
    yield (
        "polling: bytes in a POST; before it is a peer",
        f"{_shown(MAX_POST)}; {STRANGER_MESSAGES} times `MAX_MESSAGE`",
        "",
    )
    yield "polling: simultaneous POSTs; polls", f"1; {MAX_POLLS}", ""
    yield _setting("life of a session token, in seconds", "{}", "token_lifetime")


def _setting(what: str, default: str, *names: str) -> tuple[str, str, str]:
    shown = (_shown(_DEFAULTS[name]) for name in names)
    return what, default.format(*shown), ", ".join(f"`{name.upper()}`" for name in names)


def _burst(what: str, name: str) -> tuple[str, str, str]:
    return _setting(f"{what}: per second; in a burst", "{}; {}", f"{name}_per_second", f"{name}_burst")


def _shown(number: float) -> str:
    """Bytes are what has a round number of KiB or MiB."""
    for unit, size in (("MiB", 1024 * 1024), ("KiB", 1024)):
        if number >= size and number % size == 0:
            return f"{number / size:g} {unit}"
    return f"{number:g}"
