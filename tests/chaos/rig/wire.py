"""From what a socket carries to the records of a story."""

from typing import Any

from tests.chaos.rig.story import Back, Got, Sent, View

DETAILS = {"room-user-leave": "reason", "room-role": "role", "room-join-gone": "reason"}


def got(event: str, data: dict[str, Any], me: str) -> Got:
    """The record of an event that ``me`` was told."""
    cause = data.get("body" if event == "room-message" else "payload")
    number = cause.get("n") if isinstance(cause, dict) else None
    view = _view(data, me) if event == "room-join-accept" else None
    detail = data.get(DETAILS[event], "") if event in DETAILS else ""
    if event == "room-policy":
        detail = data["policy"]["admission"]
    changed = changes(data["set"], data["version"]) if event == "room-data" else ()
    return Got(event, str(data.get("room", "")), number, str(data.get("peer_id", "")), view, detail, changed)


def changes(values: dict[str, Any], version: int) -> tuple[tuple[str, Any, int], ...]:
    """Keys of a room that have new values."""
    return tuple((key, value, version) for key, value in values.items())


def change(sent: Sent, answer: dict[str, Any], rooms: dict[str, View]) -> Got | None:
    """What follows from the answer to a change of a room's data, if that is news: one is told of what others change.

    An answer that is given again may tell of what was shown since, or of what was undone before that.
    """
    if not answer["ok"] or sent.room not in rooms or answer["version"] <= rooms[sent.room].shown:
        return None
    return Got("room-data", sent.room, data=changes(sent.fields["set"], answer["version"]))


def back(data: dict[str, Any], me: str) -> Back:
    """The record of a return, from the ``auth-accept``."""
    waiting = {room["room"]: frozenset(one["peer_id"] for one in room.get("pending", ())) for room in data["rooms"]}
    return Back({room["room"]: _view(room, me) for room in data["rooms"]}, waiting)


def _view(data: dict[str, Any], me: str) -> View:
    members, owner, roles = frozenset({me, *data["peers"]}), data["owner"], data.get("roles")
    if roles is None:
        return View(members, owner)
    owners = [peer for peer, role in roles.items() if role == "owner"]
    if owners != [owner]:
        owner = f"one of {owners}, or {owner}"  # which is nobody, and so a fault
    shared = None
    if "data" in data:
        shared = frozenset((key, datum["value"], datum["version"]) for key, datum in data["data"].items())
    admission, shown = data["policy"]["admission"], data.get("data_version", 0)
    return View(members, owner, frozenset(roles) - set(owners), admission, shared, shown)
