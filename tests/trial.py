"""An event for the length of a test, with fields of its own, as if it had been declared with the others."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Literal

import msgspec
import pytest

from broker.core import dispatch, rules
from broker.core.asked import InRoom
from broker.core.context import Context
from broker.core.state import Peer
from gateway import metrics
from shared.contract.events import ABSENT, EVENTS, Payload, Right, RoomEvent
from shared.contract.shapes import Answer

Taken = list[tuple[str, InRoom[Any]]]  # each time that the rule was asked: by whom, and for what
FIELDS = {"text": "hello", "role": "owner", "ban": True, "extra": {"n": 1}}


@contextmanager
def declared(patch: pytest.MonkeyPatch, name: str, since: int = 1, level: int = 1) -> Iterator[Taken]:
    """Declare it under that name, for members. Its rule notes that it was asked, and does nothing else."""
    taken: Taken = []

    def take(_core: Context, peer: Peer, asked: InRoom[Any]) -> None:
        taken.append((peer.peer_id, asked))

    class Trial(RoomEvent, kw_only=True, frozen=True):
        NAME = name
        SINCE = since
        LEVEL = level
        WHO = Right.MEMBER
        DOC = "x"
        ANSWER = Answer
        REFUSED_AS = "room-join-reject"
        NEEDS = ("room", "extra")

        text: Annotated[str, msgspec.Meta(max_length=5)] = ""
        role: Literal["member", "owner"]
        ban: Annotated[int, msgspec.Meta(ge=1, le=9)] | bool | None = None
        extra: Payload = ABSENT

    try:
        with patch.context() as here:
            here.setitem(rules.RULES, name, take)
            here.setitem(dispatch.DECLARED, name, dispatch.Declared.of(Trial))
            here.setitem(metrics.EVENTS.counts, name, 0)
            yield taken
    finally:
        del EVENTS[name]
