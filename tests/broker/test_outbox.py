import pytest

from broker import outbox
from broker.limits import Limits
from broker.outbox import HISTORY_SECONDS, History, Outbox
from broker.state import Gateway, Peer, State
from shared.deliveries import Emit, Parcel
from shared.log import Closed
from tests.broker.world import World


def peer(name: str, gateway: str) -> Peer:
    return Peer(name, "app", f"conn of {name}", gateway, b"", True)


def open_outbox() -> Outbox:
    return Outbox(State(gateways={name: Gateway(name) for name in ("g1", "g2")}), Limits())


def test_parcels_are_numbered_for_each_gateway_from_one() -> None:
    out = open_outbox()
    for position in (5, 6, 9):
        out.emit([peer("a", "g1")], b"to all")
        if position == 6:
            out.emit([peer("b", "g2")], b"to one")
        sealed = out.seal(position, 1.5)
    assert [parcel.number for parcel in out.after("g1", 0)] == [1, 2, 3]
    assert [(parcel.number, parcel.position) for parcel in out.after("g2", 0)] == [(1, 6)]
    assert sealed == [("g1", Parcel(3, 9, [Emit(["conn of a"], b"to all")], 1.5))]
    assert out.seal(10, 0.0) == []


def test_a_frame_for_many_goes_once_to_each_gateway() -> None:
    out = open_outbox()
    out.emit([peer("a", "g1"), peer("b", "g2"), peer("c", "g1")], b"frame")
    parcels = dict(out.seal(1, 0.0))
    assert parcels["g1"].deliveries == [Emit(["conn of a", "conn of c"], b"frame")]
    assert parcels["g2"].deliveries == [Emit(["conn of b"], b"frame")]


def test_nothing_goes_to_a_gateway_that_is_not_up() -> None:
    out = open_outbox()
    out.answer("stranger", "conn", [b"frame"])
    assert out.seal(1, 0.0) == []
    assert out.after("stranger", 0) == []


def test_much_for_one_gateway_is_split_into_several_parcels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "PARCEL_BYTES", 1000)
    out = open_outbox()
    frames = [b"%d" % number + b"x" * 400 for number in range(10)]
    out.answer("g1", "conn", frames)
    sealed = [parcel for _, parcel in out.seal(7, 0.0)]
    assert [parcel.number for parcel in sealed] == [1, 2, 3, 4]
    assert {parcel.position for parcel in sealed} == {7}
    told = [delivery.frame for parcel in sealed for delivery in parcel.deliveries if isinstance(delivery, Emit)]
    assert told == frames


def add(history: History, numbers: range, size: int = 1, now: float = 0.0) -> None:
    for number in numbers:
        history.add(Parcel(number, number, []), size, now)


def kept(history: History) -> list[int]:
    return [parcel.number for parcel in history.after(0)]


def test_a_history_gives_what_comes_after_a_number() -> None:
    history = History()
    add(history, range(1, 6))
    assert [parcel.number for parcel in history.after(3)] == [4, 5]
    assert history.after(5) == []
    assert [parcel.number for parcel in history.until(3)] == [1, 2, 3]


def test_a_history_is_bounded_in_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "HISTORY_PARCELS", 3)
    history = History()
    add(history, range(1, 6))
    assert kept(history) == [3, 4, 5]


def test_a_history_is_bounded_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "HISTORY_BYTES", 100)
    history = History()
    add(history, range(1, 6), size=40)
    assert kept(history) == [4, 5]
    add(history, range(6, 7), size=101)
    assert kept(history) == []
    add(history, range(7, 9), size=50)
    assert kept(history) == [7, 8]


def test_a_history_is_bounded_in_age() -> None:
    history = History()
    add(history, range(1, 3), now=0.0)
    add(history, range(3, 4), now=HISTORY_SECONDS)
    assert kept(history) == [1, 2, 3]
    add(history, range(4, 5), now=HISTORY_SECONDS + 1)
    assert kept(history) == [3, 4]


def test_more_than_may_be_kept_costs_the_place_and_the_rooms_are_told() -> None:
    world = World(kept_deliveries=3)
    owner, absent = world.peer(), world.peer(resumable=True)
    world.room(owner, absent)
    absent.close()
    for _ in range(3):
        owner.say("relay-ice-candidate", "room", absent.peer_id)
    assert not owner.read()
    owner.say("relay-ice-candidate", "room", absent.peer_id, ack=1)
    assert owner.heard() == ["room-user-leave"]
    assert [answer["ok"] for answer in owner.acks[1]] == [True]
    back = world.socket()
    back.authenticate(resume=absent.token)
    assert [told.fields["resumed"] for told in back.read()] == [False]


def test_more_bytes_than_may_be_kept_cost_the_place() -> None:
    world = World(kept_bytes=1000)
    owner, absent = world.peer(), world.peer(resumable=True)
    world.room(owner, absent)
    absent.close()
    owner.say("relay-ice-candidate", "room", absent.peer_id, payload="x" * 300)
    assert not owner.read()
    owner.say("relay-ice-candidate", "room", absent.peer_id, payload="x" * 300)
    assert owner.heard() == ["room-user-leave"]


def test_a_place_given_up_may_cost_another() -> None:
    world = World(kept_deliveries=1)
    owner, *absent = world.peer(), world.peer(resumable=True), world.peer(resumable=True)
    world.room(owner, *absent)
    for one in absent:
        one.close()
    for one in absent:
        owner.say("relay-ice-candidate", "room", one.peer_id)
    owner.say("relay-ice-candidate", "room", absent[0].peer_id)
    assert owner.heard() == ["room-user-leave", "room-user-leave"]
    assert list(world.core.state.rooms["room"].members) == [owner.peer_id]


def test_a_peer_that_missed_more_than_is_remembered_loses_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "HISTORY_PARCELS", 2)
    world = World()
    owner, member = world.peer("g1"), world.peer("g2", resumable=True)
    world.room(owner, member)
    world.gateway("g2").stuck = True
    for _ in range(3):
        owner.say("relay-ice-candidate", "room", member.peer_id)
    world.lose("g2")
    assert owner.heard() == ["room-user-leave"]


def test_an_acknowledgement_that_was_not_read_is_not_kept_for_another_socket() -> None:
    world = World()
    owner, member = world.peer("g1"), world.peer("g2", resumable=True)
    world.room(owner, member)
    world.gateway("g2").stuck = True
    member.say("relay-ice-candidate", "room", owner.peer_id, ack=1)
    member.gateway.send(Closed(member.conn, member.gateway.have, "closed", False))
    back = world.socket("g1")
    back.authenticate(resume=member.token)
    assert back.heard() == ["auth-accept"]
    assert not back.acks
