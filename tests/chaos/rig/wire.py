"""From what a socket carries to the records of a story."""

from typing import Any

from tests.chaos.rig.story import Back, Got, View


def got(event: str, data: dict[str, Any], me: str) -> Got:
    """The record of an event that ``me`` was told."""
    number = (data.get("payload") or {}).get("n") if isinstance(data.get("payload"), dict) else None
    view = _view(data, me) if event == "room-join-accept" else None
    return Got(event, str(data.get("room", "")), number, str(data.get("peer_id", "")), view)


def back(data: dict[str, Any], me: str) -> Back:
    """The record of a return, from the ``auth-accept``."""
    return Back({room["room"]: _view(room, me) for room in data["rooms"]})


def _view(data: dict[str, Any], me: str) -> View:
    return View(frozenset({me, *data["peers"]}), data["owner"])
