"""What is taken from the log: what its writer may say, and nothing else, by every broker alike."""

import pytest

from broker.core.belief import TERM_LEAP, Unbelievable, believe
from broker.core.state import State
from shared.envelopes import subjects
from shared.envelopes.entries import (
    AppIssued,
    AppRevoked,
    Authenticated,
    Batch,
    Closed,
    Entry,
    GatewayDown,
    GatewayLost,
    GatewayUp,
    PeerRemoved,
    RoomClosed,
    Said,
    Speaking,
    Tick,
    pack_batch,
)
from tests.broker.invariants import plain_but_for_progress
from tests.broker.replay import check_replays
from tests.broker.world import Socket, World

SAID = Said("room-join-request", "c", None, "r", "", b"")
OF_BROKERS: list[Entry] = [
    GatewayLost(0, "g1", 0),
    Speaking(1),
    Tick(0),
    RoomClosed("room"),
    PeerRemoved("s1"),
    AppIssued("app", 7),
    AppRevoked("app", 7),
]
OF_GATEWAYS: list[Entry] = [
    SAID,
    Authenticated("c", None, "app", b"", None, "", 0, b"", None),
    Closed("c", 0, "closed", False),
    GatewayUp("name"),
    GatewayDown(0),
]


def told(subject: str, *entries: Entry, writer: str = "g1", number: int = 1) -> list[Entry]:
    """What is believed of a batch; nothing if it is passed over."""
    try:
        batch, _ = believe(State(), subject, pack_batch(Batch(writer, number, list(entries))))
    except Unbelievable:
        return []
    return list(batch.entries)


@pytest.mark.parametrize("entry", OF_BROKERS, ids=str)
def test_what_brokers_say_is_believed_under_their_subject_alone(entry: Entry) -> None:
    assert told(subjects.BROKER_EVENTS, SAID, entry, number=0) == [entry]
    assert told(subjects.gateway_events("g1"), SAID, entry) == [SAID]


@pytest.mark.parametrize("entry", OF_GATEWAYS, ids=str)
def test_what_gateways_say_is_believed_under_their_subject_alone(entry: Entry) -> None:
    assert told(subjects.gateway_events("g1"), entry, Tick(0)) == [entry]
    assert told(subjects.BROKER_EVENTS, entry, Tick(0), number=0) == [Tick(0)]


def test_a_gateway_writes_as_itself_and_numbers_its_batches() -> None:
    assert told(subjects.gateway_events("g1"), SAID, writer="g2") == []
    assert told(subjects.gateway_events("g1"), SAID, writer="g1.x") == []
    assert told(subjects.gateway_events("g1"), SAID, number=0) == []
    assert told(subjects.BROKER_EVENTS, Tick(0), number=1) == []


@pytest.mark.parametrize("subject", ["", "parley.events.", "parley.events.broker.x", "parley.events.other", "foo"])
def test_nothing_is_believed_under_another_subject(subject: str) -> None:
    assert told(subject, SAID) == []
    assert told(subject, Tick(0), number=0) == []


def test_it_is_said_when_only_a_part_is_believed() -> None:
    cases: list[tuple[list[Entry], bool]] = [([SAID], True), ([SAID, Tick(0)], False)]
    for entries, whole in cases:
        batch, all_of_it = believe(State(), subjects.gateway_events("g1"), pack_batch(Batch("g1", 1, entries)))
        assert (list(batch.entries), all_of_it) == ([SAID], whole)


@pytest.mark.parametrize("data", [b"", b"junk", b'{"stream":"parley-events","seq":15}', b"\x93\xa1g\x00", b"\xc1"])
def test_other_bytes_are_not_believed(data: bytes) -> None:
    for subject in (subjects.BROKER_EVENTS, subjects.gateway_events("g1"), subjects.OLD_EVENTS):
        with pytest.raises(Unbelievable):
            believe(State(), subject, data)


def test_under_the_subject_of_the_version_before_all_is_believed_until_a_broker_has_written_under_its_own() -> None:
    state = State()

    def old(number: int) -> list[Entry]:
        data = pack_batch(Batch("g1", number, [SAID, Speaking(1)]))
        return list(believe(state, subjects.OLD_EVENTS, data)[0].entries)

    assert old(0) == old(1) == [SAID, Speaking(1)]
    believe(state, subjects.BROKER_EVENTS, pack_batch(Batch("b1", 0, [])))
    assert old(1) == [SAID], "a gateway of the version before"
    with pytest.raises(Unbelievable):
        old(0)


def room_of_two() -> tuple[World, Socket, Socket, Socket]:
    """Two peers in a room on g1, and one of a rogue gateway."""
    world = World(resume_for=30.0)
    ann, bob = world.peer("g1", resumable=True), world.peer("g1")
    world.room(ann, bob)
    return world, ann, bob, world.peer("rogue")


def test_a_gateway_says_nothing_for_sockets_of_another() -> None:
    world, ann, bob, mallory = room_of_two()
    before, parcels = plain_but_for_progress(world.core.state), len(world.parcels)
    for victim in (ann, bob):
        mallory.gateway.sockets |= {victim.conn: mallory, "new": mallory}  # answered there, if anywhere
        mallory.gateway.send(
            Said("room-leave-request", victim.conn, 1, "room", "", b""),
            Closed(victim.conn, 0, "lost", False),
            Closed(victim.conn, 0, "closed", True),
            Authenticated(victim.conn, 5, "app", b'"new"', False, "", 0, b"", None),
            Authenticated("new", 5, "app", b'"new"', False, victim.peer_id, 1, b"", None, b"", "guess"),
        )
    mallory.gateway.send(Closed("new", 0, "closed", True))
    assert plain_but_for_progress(world.core.state) == before
    assert {gateway for gateway, _ in world.parcels[parcels:]} == {"rogue"}
    assert (ann.read(), bob.read()) == ([], [])
    assert world.core.doubted == 6
    check_replays(world)


def test_a_gateway_cannot_take_the_id_of_a_peer_for_a_socket() -> None:
    world, ann, _, mallory = room_of_two()
    elsewhere = world.socket("g2")
    elsewhere.authenticate(resume=ann.token)
    before = plain_but_for_progress(world.core.state)
    world.gateways["rogue"].sockets[ann.peer_id] = mallory  # it is answered there, if anywhere
    mallory.gateway.send(Authenticated(ann.peer_id, None, "app", b"", True, "", 0, b"", None))
    assert plain_but_for_progress(world.core.state) == before
    assert mallory.refused("auth-reject") == "unauthorized"


def test_a_gateway_that_has_taken_its_leave_brings_nobody_in_any_more() -> None:
    world, _, _, mallory = room_of_two()
    late = Authenticated("late", None, "app", b"", True, "", 0, b"", None)
    mallory.gateway.send(GatewayDown(0), late)
    assert "late" not in world.core.state.peers
    assert "rogue" not in world.core.state.gateways


def test_a_gateway_comes_up_once() -> None:
    world, _, _, mallory = room_of_two()
    before = world.core.state.gateways["rogue"].parcel
    mallory.gateway.send(GatewayUp("other name"))
    assert (world.core.state.gateways["rogue"].name, world.core.state.gateways["rogue"].parcel) == ("rogue", before)


@pytest.mark.parametrize("term", [2**64 - 1, 2**53, TERM_LEAP + 6])
def test_a_term_that_cannot_be_is_passed_over_and_the_next_one_counts(term: int) -> None:
    world = World()
    world.say(Speaking(5))
    world.say(Speaking(term))
    assert world.core.state.term == 5
    world.say(Speaking(6))
    world.say(Speaking(5))
    assert world.core.state.term == 6
    check_replays(world)


@pytest.mark.parametrize(
    "body",
    [
        b"41",
        b'42["room-closed",{"room":"room"}]',
        b'42["ice-candidate",{"room":"room","peer_id":"s1","ice_candidate":1}]',
        b'42["ice-candidate",{"room":"other","peer_id":"s3","ice_candidate":1}]',
        b'42["session-description",{"room":"room","peer_id":"s3","session_description":1}]',
        b"",
    ],
)
def test_a_relay_that_does_not_say_who_it_is_from_is_passed_over(body: bytes) -> None:
    world, ann, bob, mallory = room_of_two()
    mallory.say("room-join-request", "room")
    ann.say("room-join-accept", "room", mallory.peer_id)
    for peer in (ann, bob, mallory):
        peer.read()
    mallory.gateway.send(Said("relay-ice-candidate", mallory.conn, None, "room", bob.peer_id, body))
    assert (ann.read(), bob.read(), world.core.doubted) == ([], [], 1)
    mallory.say("relay-ice-candidate", "room", bob.peer_id, payload=1)
    [told] = bob.read()
    assert told.fields["peer_id"] == mallory.peer_id
    check_replays(world)


@pytest.mark.parametrize("words", [b'1,"peer_id":"s1"', b"{", b"\xff", b'"\xff"'])
def test_what_is_no_json_gets_into_nothing_that_others_read(words: bytes) -> None:
    world, ann, _, mallory = room_of_two()
    shown = Authenticated(mallory.conn, None, "app", words, None, "", 0, b"", None)
    for entry in (shown, Said("room-join-request", mallory.conn, None, "room", "", words)):
        mallory.gateway.send(entry)
    assert (ann.read(), world.core.doubted) == ([], 2)
    assert world.core.state.peers[mallory.peer_id].peerinfo == b""
