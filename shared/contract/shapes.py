"""What fields hold, for the documents that machines read: by their types, or by a Shape where those leave it open.

A field is decoded or encoded as the type it is annotated with, which may be looser on purpose: ``Any`` for what gets a
sentence of its own when it is wrong, ``Raw`` for what has been encoded before.
"""

import dataclasses
import typing
from typing import Any

import msgspec


@dataclasses.dataclass(frozen=True)
class Shape:
    """What a field really holds, beside its type in an ``Annotated``. ``Any`` in it is any JSON."""

    of: Any


class Answer(msgspec.Struct, kw_only=True, frozen=True):
    """What an acknowledgement has beside ``ok: true``."""


class RoomAnswer(Answer, kw_only=True, frozen=True):
    room: str


class PeerAnswer(RoomAnswer, kw_only=True, frozen=True):
    peer_id: str


def shape_of(hint: Any) -> Any:
    """What a field of this type holds."""
    marks = getattr(hint, "__metadata__", ())
    return next((mark.of for mark in marks if isinstance(mark, Shape)), hint)


def leaves_open(hint: Any, raw: bool = False) -> bool:
    """Whether a type does not say what a field holds. ``raw``: whether encoded JSON may stand in it."""
    if any(isinstance(mark, Shape) for mark in getattr(hint, "__metadata__", ())):
        return False
    return hint is Any or (hint is msgspec.Raw and not raw) or any(leaves_open(of, raw) for of in typing.get_args(hint))
