import pytest

from broker.core import allowance, line, outbox
from broker.core.limits import Limits
from broker.core.outbox import Outbox
from broker.core.state import Gateway, Peer, State
from shared.contract.told import PLAIN
from shared.envelopes.deliveries import Emit, Parcel, pack_message
from shared.envelopes.entries import Closed
from shared.envelopes.subjects import LEAST_PAYLOAD
from tests.broker.world import World


def peer(name: str, gateway: str) -> Peer:
    return Peer(name, "app", f"conn of {name}", gateway, b"", True)


def open_outbox() -> Outbox:
    return Outbox(State(gateways={name: Gateway(name) for name in ("g1", "g2")}), Limits())


def test_parcels_are_numbered_for_each_gateway_from_one() -> None:
    out = open_outbox()
    for position in (5, 6, 9):
        out.emit([peer("a", "g1")], b"to all", PLAIN)
        if position == 6:
            out.emit([peer("b", "g2")], b"to one", PLAIN)
        sealed = out.seal(position, 1.5)
    assert [parcel.number for parcel in out.after("g1", 0)] == [1, 2, 3]
    assert [(parcel.number, parcel.position) for parcel in out.after("g2", 0)] == [(1, 6)]
    size = len(b"to all") + 24
    assert sealed == [("g1", Parcel(3, 9, [Emit(["conn of a"], b"to all")], 1.5, 3 * size))]
    assert out.seal(10, 0.0) == []


def test_a_frame_for_many_goes_once_to_each_gateway() -> None:
    out = open_outbox()
    out.emit([peer("a", "g1"), peer("b", "g2"), peer("c", "g1")], b"frame", PLAIN)
    parcels = dict(out.seal(1, 0.0))
    assert parcels["g1"].deliveries == [Emit(["conn of a", "conn of c"], b"frame")]
    assert parcels["g2"].deliveries == [Emit(["conn of b"], b"frame")]


def test_nothing_goes_to_a_gateway_that_is_not_up() -> None:
    out = open_outbox()
    out.answer("stranger", "conn", [b"frame"])
    assert out.seal(1, 0.0) == []
    assert out.after("stranger", 0) == []


def test_much_for_one_gateway_is_split_into_several_parcels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line, "PARCEL_BYTES", 1000)
    out = open_outbox()
    frames = [b"%d" % number + b"x" * 400 for number in range(10)]
    out.answer("g1", "conn", frames)
    sealed = [parcel for _, parcel in out.seal(7, 0.0)]
    assert [parcel.number for parcel in sealed] == [1, 2, 3, 4, 5]
    assert {parcel.position for parcel in sealed} == {7}
    told = [delivery.frame for parcel in sealed for delivery in parcel.deliveries if isinstance(delivery, Emit)]
    assert told == frames


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


def test_a_gateway_says_how_far_it_is_and_that_is_never_taken_back() -> None:
    out = open_outbox()
    gateway = out._state.gateways["g1"]
    for position in (1, 2, 3):
        out.answer("g1", "conn", [b"x" * 76])
        out.seal(position, 0.0)
    assert (gateway.sealed, gateway.behind) == (300, 300)
    out.confirm("g1", 2, 200)
    assert (gateway.have, gateway.behind) == (2, 100)
    out.confirm("g1", 1, 100)
    assert (gateway.have, gateway.behind) == (2, 100)
    out.confirm("g1", 99, 9999)
    assert (gateway.have, gateway.behind) == (3, 0)


def test_whoever_speaks_to_a_gateway_that_is_far_behind_is_told_to_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "MOST_BEHIND", 2500)
    world = World()
    owner, member, bystander = world.peer("g1"), world.peer("g2"), world.peer("g3")
    world.room(owner, member, bystander)
    world.confirm()
    world.gateway("g2").stuck = True
    for number in range(5):
        owner.say("relay-ice-candidate", "room", member.peer_id, payload="x" * 300, ack=number)
    answers = [owner.acks[number][0].get("code") for number in range(5)]
    assert answers == [None, None, "unavailable", "unavailable", "unavailable"]
    owner.read()
    owner.say("relay-ice-candidate", "room", bystander.peer_id)
    assert bystander.heard() == ["ice-candidate"]
    world.gateway("g2").go_on()
    world.confirm()
    owner.say("relay-ice-candidate", "room", member.peer_id, payload="served again")
    assert [told.fields["ice_candidate"] for told in member.read()][-1] == "served again"


def test_what_a_gateway_has_to_do_counts_for_each_of_those_it_writes_to() -> None:
    """A word for many is small on its way there, and is written many times."""
    world = World()
    owner, *members = world.peer("g2", version=2), *(world.peer("g1", version=2) for _ in range(20))
    world.room(owner, *members)
    world.confirm()
    world.gateway("g1").stuck = True
    owner.say("room-message-request", "room", ack=1, body="x")
    told = next(each for name, parcel in world.parcels[-2:] if name == "g1" for each in parcel.deliveries)
    assert isinstance(told, Emit)
    assert world.core.state.gateways["g1"].behind == 20 * (len(told.frame) + outbox.WRITING)


def test_a_gateway_far_behind_takes_nothing_for_many_and_still_what_is_said_to_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(outbox, "MUCH_BEHIND", 50_000)
    world = World()
    owner, *members = world.peer("g2", version=2), *(world.peer("g1", version=2) for _ in range(20))
    world.room(owner, *members)
    world.confirm()
    world.gateway("g1").stuck = True
    gateway = world.core.state.gateways["g1"]
    for number in range(20):
        world.now += 10  # so that the owner owes nothing any more
        owner.say("room-message-request", "room", ack=number, body="x" * 200)
    assert 50_000 < gateway.behind < 150_000
    assert owner.acks[0][0]["ok"]
    assert owner.acks[19][0]["code"] == "too-many-requests"
    owner.say("relay-ice-candidate", "room", members[0].peer_id, payload=1, ack=20)
    assert owner.acks[20][0]["ok"]


def test_a_gateway_that_was_not_told_for_long_can_be_told_all_of_it() -> None:
    """Nobody speaks for ten minutes, and there is little traffic."""
    world = World()
    owner, member = world.peer("g1"), world.peer("g2", resumable=True)
    world.room(owner, member)
    world.confirm()
    have = world.gateway("g2").have
    world.gateway("g2").stuck = True
    for number in range(200):
        world.now += 3
        owner.say("relay-ice-candidate", "room", member.peer_id, payload=number)
    missed = world.core.out.after("g2", have)
    assert [parcel.number for parcel in missed] == list(range(have + 1, have + 201))


def packed_sizes(world: World) -> list[int]:
    return [len(pack_message(parcel)) for _, parcel in world.parcels]


def test_no_parcel_is_larger_than_every_nats_server_takes() -> None:
    """Thirty guests with all that they may say of themselves are let in at once."""
    world = World()
    owner = world.peer("g1")
    world.room(owner)
    guests = [world.peer("g2", peerinfo="x" * 4000) for _ in range(30)]
    for guest in guests:
        guest.say("room-join-request", "room", ack=1, payload="y" * 4000)
    owner.gateway.send(*(owner.said("room-join-accept", "room", guest.peer_id, payload="z" * 4000) for guest in guests))
    assert len(world.core.state.rooms["room"].members) == 31
    assert max(packed_sizes(world)) < LEAST_PAYLOAD // 2


def test_a_view_of_a_room_that_would_be_too_large_leaves_out_what_members_say_of_themselves() -> None:
    world = World()
    owner, *guests = (world.peer(peerinfo="x" * 200_000) for _ in range(6))
    world.room(owner)
    for guest in guests:
        guest.say("room-join-request", "room")
        owner.say("room-join-accept", "room", guest.peer_id)
    told = next(told for told in guests[-1].read() if told.event == "room-join-accept")
    assert (len(told.fields["peers"]), told.fields["peersinfo"]) == (5, {})
    assert max(packed_sizes(world)) < LEAST_PAYLOAD


def test_those_who_have_caused_much_cause_less_while_a_gateway_is_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allowance, "LITTLE", 10_000)
    monkeypatch.setattr(outbox, "MUCH_BEHIND", 50_000)
    world = World(output_burst=1_000_000, output_rate=1.0)
    owner, loud, quiet = world.peer("g1"), world.peer("g2"), world.peer("g2")
    world.room(owner)
    loud.say("room-join-request", "room", payload="x" * 2000)
    world.confirm()
    world.gateway("g1").stuck = True
    behind = world.core.state.gateways["g1"]
    while behind.behind < 50_000:
        owner.say("room-leave-request", "nowhere", payload="x" * 2000)
    for who in (loud, quiet):
        who.say("room-join-request", "another")
        who.read()
    owner.say("room-create-request", "another")
    loud.say("room-join-request", "another")
    quiet.say("room-join-request", "another")
    assert loud.refused("room-join-reject") == "too-many-requests"
    assert quiet.heard() == []


def test_who_comes_back_to_a_gateway_that_is_behind_has_to_ask_who_is_in_its_rooms(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(outbox, "MUCH_BEHIND", 20_000)
    world = World()
    owner, member = world.peer("g1", peerinfo="x" * 1000), world.peer("g2", resumable=True)
    world.room(owner, member)
    world.confirm()
    world.gateway("g3").stuck = True
    sizes = []
    for _ in range(14):
        back = world.socket("g3")
        back.authenticate(resume=member.token)
        sizes.append(world.core.state.gateways["g3"].behind)
    assert sizes[-1] < 20_000 + 14 * 600
    world.gateway("g3").go_on()
    assert back.read()[0].fields["rooms"][0]["peers"] == [owner.peer_id]
