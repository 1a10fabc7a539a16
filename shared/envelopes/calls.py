"""An HTTP call, declared once: its route, the check of what is sent, and its description in openapi.json follow.

A call is a class with a path. Its fields are what it needs to know: those that the path names stand in the path, others
in the query (GET, DELETE) or in the body (POST, PUT), unless their type names another Place. Types bound the fields. A
declaration that leaves something open is a TypeError at import.
"""

import dataclasses
import enum
import re
import typing
from typing import Any, ClassVar, Literal

import msgspec


class Place(enum.Enum):
    """Where a field of a call comes from."""

    PATH = "path"
    QUERY = "query"
    BODY = "body"
    CLOCK = "clock"  # no caller sends it: it is the time of the call, in whole seconds since the epoch
    SERVER = "server"  # no caller sends it: what is asked knows it by its settings


@dataclasses.dataclass(frozen=True)
class Must:
    """What the caller is told about a wrong value, after the field's name and "must"."""

    text: str


JSON = "application/json"
FORM = "application/x-www-form-urlencoded"

CALLS: dict[str, type["Call"]] = {}  # each by its name


class Call(msgspec.Struct, frozen=True):
    """What all calls have in common. A class with a path is a call."""

    NAME: ClassVar[str]  # its operationId in openapi.json
    METHOD: ClassVar[Literal["GET", "POST", "PUT", "DELETE"]]
    PATH: ClassVar[str]  # with the names of fields in braces
    DOC: ClassVar[str]  # what it does, in a few words
    NOTE: ClassVar[str] = ""  # what else its callers should know
    ANSWER: ClassVar[Any]  # the type of what it answers, as `response`
    ANSWERS: ClassVar[str] = "It is done, or found."
    BODIES: ClassVar[tuple[str, ...]] = (JSON,)  # how a body may be sent
    STRICT: ClassVar[bool] = False  # whether a body with a field that is not declared is refused
    OPERATOR: ClassVar[bool] = False  # whether it takes ADMIN_TOKEN
    EVENTS: ClassVar[bool] = False  # whether it is also answered by Server-Sent Events, if they are accepted
    REFUSALS: ClassVar[tuple[int, ...]] = (400, 401, 408, 413, 429, 500)
    PLACES: ClassVar[dict[str, Place]]  # of the fields

    def __init_subclass__(cls) -> None:
        """Take up a call. Raises TypeError for a declaration that is not whole."""
        if "PATH" not in cls.__dict__:
            return
        _check_whole(cls)
        hints = typing.get_type_hints(cls, include_extras=True)
        cls.PLACES = {name: _place(cls, name, hint) for name, hint in hints.items() if name.islower()}
        if strange := _in_path(cls) - cls.PLACES.keys():
            raise TypeError(f"{cls.__name__} has no field for {', '.join(sorted(strange))} in its path")
        CALLS[cls.NAME] = cls


def _check_whole(cls: type[Call]) -> None:
    for said in ("NAME", "METHOD", "DOC", "ANSWER"):
        if said not in cls.__dict__:
            raise TypeError(f"{cls.__name__} does not say its {said}")
    for other in CALLS.values():
        if (cls.METHOD, cls.PATH) == (other.METHOD, other.PATH) or cls.NAME == other.NAME:
            raise TypeError(f"{cls.__name__} has the name or the route of {other.__name__}")


def _place(cls: type[Call], name: str, hint: Any) -> Place:
    if name in _in_path(cls):
        return Place.PATH
    usual = Place.BODY if cls.METHOD in ("POST", "PUT") else Place.QUERY
    return next((part for part in getattr(hint, "__metadata__", ()) if isinstance(part, Place)), usual)


def _in_path(cls: type[Call]) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", cls.PATH))
