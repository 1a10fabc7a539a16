"""What the judge is told of a guest: everything that it was told, however late."""

from typing import Any

import pytest

from tests.chaos.rig.company import Company, heard, id_of, relay, told
from tests.chaos.rig.guest import Guest, Party, find_truth
from tests.chaos.rig.story import OK
from tests.chaos.rig.visitor import Visitor


@pytest.fixture
def asking_late(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Visitor, Visitor, str]]:
    """Relays, from whom to whom and in which room, that arrive while their receiver asks for the truth."""
    late: list[tuple[Visitor, Visitor, str]] = []
    call = Visitor.call

    async def call_late(self: Visitor, event: str, room: str, *named: Any, **fields: Any) -> str | None:
        for sender, receiver, where in late:
            if event == "room-join-request" and receiver is self:
                assert await relay(sender, receiver, where) == OK
                await told(receiver, "session-description")
        return await call(self, event, room, *named, **fields)

    monkeypatch.setattr(Visitor, "call", call_late)
    return late


async def test_what_arrives_while_a_guest_asks_for_the_truth_has_arrived(
    company: Company, asking_late: list[tuple[Visitor, Visitor, str]]
) -> None:
    ann, ben = await company.visitor(0), await company.visitor(1)
    room = await company.room(ann, ben)
    believed = ben.rooms[room]
    asking_late.append((ann, ben, room))
    answers = len(heard(ben, "room-join-accept"))
    await find_truth([Guest(visitor, Party("none")) for visitor in (ann, ben)])
    assert [sent.answer for sent in ann.story.sent() if sent.event == "relay-session-description"] == [OK]
    assert len(heard(ben, "session-description")) == 1
    assert ben.story.truth == {room: believed}
    assert len(heard(ben, "room-join-accept")) == answers, "what it has asked for is not what it was told"
    assert [sent for sent in ben.story.sent() if sent.event == "room-join-request"][1:] == []
    assert await company.faults() == []


async def test_the_truth_is_asked_for_when_everything_that_was_said_is_answered(company: Company) -> None:
    ann, ben = await company.visitor(0), await company.visitor(1)
    room = await company.room(ann, ben)
    sent = [ann.send("relay-session-description", room, id_of(ben), session_description="x") for _ in range(3)]
    assert not ann.is_settled()
    await find_truth([Guest(visitor, Party("none")) for visitor in (ben, ann)])
    assert [one.answer for one in sent if one] == [OK] * 3
    assert len(heard(ben, "session-description")) == 3


async def test_what_was_said_on_a_line_that_is_gone_is_not_waited_for(company: Company) -> None:
    ann, ben = await company.visitor(0), await company.visitor(1)
    room = await company.room(ann, ben)
    said = [ann.send("relay-session-description", room, id_of(ben), session_description="x") for _ in range(3)]
    await ann.drop()
    assert [sent.answer for sent in said if sent] == [None] * 3
    assert not ann.is_settled()
    assert await company.come(ann, 1)
    assert ann.is_settled()
