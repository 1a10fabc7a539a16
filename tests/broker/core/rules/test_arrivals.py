from typing import NamedTuple

import msgspec
import pytest

from broker.core.rules.arrivals import MOST_GENERATIONS, MOST_TAKEOVERS, TAKEOVER_SECONDS
from shared.contract.locks import lock_of
from shared.envelopes.deliveries import pack_message
from shared.envelopes.entries import Authenticated, Closed
from tests.broker.world import Socket, Token, World


def test_an_absent_peer_keeps_its_place_and_gets_what_it_missed() -> None:
    world = World()
    owner, member, candidate = world.peer("g1"), world.peer("g2", resumable=True), world.peer("g1")
    world.room(owner, member)
    member.close()
    assert not owner.read()
    for number in range(3):
        owner.say("relay-ice-candidate", "room", member.peer_id, payload=number, ack=number)
    candidate.say("room-join-request", "room")
    owner.say("room-join-accept", "room", candidate.peer_id)
    back = world.socket("g3")
    back.authenticate(resume=member.token, resumable=True, ack=9)
    accepted, *missed = back.read()
    assert accepted.fields["resumed"] is True
    assert (back.peer_id, back.token.generation) == (member.peer_id, 2)
    [room] = accepted.fields["rooms"]
    assert (room["room"], room["owner"]) == ("room", owner.peer_id)
    assert room["peers"] == [owner.peer_id, candidate.peer_id]
    assert [told.event for told in missed] == ["ice-candidate"] * 3 + ["room-user-join"]
    assert [told.fields["ice_candidate"] for told in missed[:3]] == [0, 1, 2]
    back.say("relay-ice-candidate", "room", owner.peer_id)
    assert owner.heard() == ["room-join-request", "room-user-join", "ice-candidate"]


def test_what_a_stuck_gateway_had_not_emitted_waits_too() -> None:
    world = World()
    owner, member = world.peer("g1"), world.peer("g2", resumable=True)
    world.room(owner, member)
    owner.say("relay-ice-candidate", "room", member.peer_id, payload="emitted")
    world.gateway("g2").stuck = True
    owner.say("relay-ice-candidate", "room", member.peer_id, payload="stuck")
    world.lose("g2")
    owner.say("relay-ice-candidate", "room", member.peer_id, payload="later")
    back = world.socket("g1")
    back.authenticate(resume=member.token)
    assert [told.fields["ice_candidate"] for told in back.read()[1:]] == ["stuck", "later"]
    assert [told.fields["ice_candidate"] for told in member.read()] == ["emitted"]


def test_what_comes_in_the_same_message_as_the_end_of_a_socket_waits_too() -> None:
    world = World()
    owner, member = world.peer(), world.peer(resumable=True)
    world.room(owner, member)
    relays = [owner.said("relay-ice-candidate", "room", member.peer_id, payload=number) for number in range(2)]
    world.gateway().send(relays[0], Closed(member.conn, world.gateway().have, "closed", False), relays[1])
    back = world.socket()
    back.authenticate(resume=member.token)
    assert [told.fields["ice_candidate"] for told in back.read()[1:]] == [0, 1]


def test_only_the_newest_token_brings_a_peer_back() -> None:
    world = World()
    peer = world.peer(resumable=True)
    old = peer.token
    peer.close()
    back = world.socket()
    back.authenticate(resume=old)
    back.say("room-create-request", "room")  # so it has had its newest token
    back.close()
    thief = world.socket()
    thief.authenticate(resume=old)
    assert thief.read()[0].fields["resumed"] is False
    again = world.socket()
    again.authenticate(resume=back.token)
    assert again.read()[0].fields["resumed"] is True


def test_the_token_before_counts_while_the_newest_was_never_used() -> None:
    world = World()
    peer = world.peer(resumable=True)
    peer.close()
    lost_answer = world.socket()
    lost_answer.authenticate(resume=peer.token)
    lost_answer.close()
    back = world.socket()
    back.authenticate(resume=peer.token)
    assert back.read()[0].fields["resumed"] is True
    assert back.token == Token(peer.peer_id, 3, back.key)


@pytest.mark.parametrize("counts", [True, False])
def test_one_who_never_heard_of_a_socket_that_looks_open_comes_back_with_all_that_it_was_sent(counts: bool) -> None:
    world = World()
    owner, peer = world.peer(), world.peer(resumable=True)
    world.room(owner, peer)
    peer.close()
    owner.say("relay-ice-candidate", "room", peer.peer_id, payload=1)
    frozen = world.socket("frozen")
    frozen.deaf = True
    frozen.authenticate(resume=peer.token, received=peer.received if counts else None)
    owner.say("relay-ice-candidate", "room", peer.peer_id, payload=2)
    back = world.socket("g2")
    back.authenticate(resume=peer.token, received=peer.received if counts else None)
    assert back.token == Token(peer.peer_id, 3, back.key)
    assert [told.fields.get("payload") for told in back.read()[1:]] == [1, 2]
    world.lose("frozen")
    owner.say("relay-ice-candidate", "room", peer.peer_id, payload=3)
    assert [told.fields.get("payload") for told in back.read()] == [3]
    assert owner.heard() == []


def test_a_late_request_of_a_socket_that_was_given_up_does_not_cost_the_place() -> None:
    world = World()
    owner, peer = world.peer(), world.peer(resumable=True)
    world.room(owner, peer)
    peer.close()
    gone = world.socket("frozen")
    late = gone.authenticated(resume=peer.token, received=peer.received)
    back = world.socket("g2")
    back.authenticate(resume=peer.token, received=peer.received)
    owner.say("relay-ice-candidate", "room", peer.peer_id, payload=1)
    assert back.heard() == ["auth-accept", "ice-candidate"]
    gone.deaf = True
    gone.gateway.send(late, Closed(gone.conn, gone.gateway.have, "closed", False))
    assert (back.closed, back.may_return) == (True, True), "it has not left of its own will"
    owner.say("relay-ice-candidate", "room", peer.peer_id, payload=2)
    again = world.socket("g2")
    again.authenticate(resume=back.token, received=back.received)
    accepted, missed = again.read()
    assert (accepted.fields["resumed"], missed.fields["payload"]) == (True, 2)
    assert owner.heard() == []


def test_a_token_of_before_is_worth_nothing_once_the_newest_was_used() -> None:
    world = World()
    peer = world.peer(resumable=True)
    old = peer.token
    back = world.socket()
    back.authenticate(resume=old)
    back.say("room-create-request", "room")
    thief = world.socket()
    thief.authenticate(resume=old)
    assert thief.read()[0].fields["resumed"] is False
    assert not back.closed


def test_a_turn_that_began_with_a_token_older_than_the_one_shown_is_another_clients() -> None:
    world = World()
    peer = world.peer(resumable=True)
    peer.close()
    first, second, back, thief = (world.socket() for _ in range(4))
    first.authenticate(resume=peer.token)
    second.authenticate(resume=peer.token)
    back.authenticate(resume=first.token)
    assert back.token == Token(peer.peer_id, 4, back.key)
    thief.authenticate(resume=second.token)
    assert thief.peer_id != peer.peer_id
    assert not back.closed


@pytest.mark.parametrize("counts", [True, False])
def test_one_who_was_rid_of_another_client_and_did_not_hear_of_it_comes_back_with_all_it_missed(counts: bool) -> None:
    world = World()
    owner, peer = world.peer(), world.peer(resumable=True)
    world.room(owner, peer)
    peer.close()
    first, other, unheard, back = (world.socket() for _ in range(4))
    first.authenticate(resume=peer.token)
    first.read()
    other.authenticate(resume=peer.token)
    owner.say("relay-ice-candidate", "room", peer.peer_id, payload=1)
    unheard.deaf = True
    unheard.authenticate(resume=first.token, received=first.received if counts else None)
    owner.say("relay-ice-candidate", "room", peer.peer_id, payload=2)
    back.authenticate(resume=first.token, received=first.received if counts else None)
    assert [told.fields.get("payload") for told in back.read()[1:]] == [1, 2]


def test_one_of_version_1_that_missed_all_of_a_room_hears_of_its_end_too() -> None:
    """Clients of version 1 do not count `room-closed`: whoever missed what came before it has missed it as well."""
    world = World()
    owner, peer, third = world.peer(version=2), world.peer(resumable=True), world.peer("g2")
    world.room(owner, peer)
    had = peer.received
    peer.deaf = True
    third.say("room-join-request", "room")
    owner.say("room-join-accept", "room", third.peer_id)
    owner.say("room-kick-request", "room", peer.peer_id)
    peer.close()
    back = world.socket("g2")
    back.authenticate(resume=peer.token, received=had)
    assert back.heard() == ["auth-accept", "room-user-join", "room-user-leave", "room-user-leave", "room-closed"]


def test_one_that_had_what_came_before_it_is_not_told_again_of_the_end_of_a_room() -> None:
    world = World()
    owner, peer, third = world.peer(version=2), world.peer(resumable=True), world.peer("g2")
    world.room(owner, peer, third)
    owner.say("room-kick-request", "room", peer.peer_id)
    assert peer.heard()[-1] == "room-closed"
    world.room(third, peer, name="next")
    peer.deaf = True
    third.say("relay-ice-candidate", "next", peer.peer_id, payload=1)
    peer.close()
    back = world.socket("g2")
    back.authenticate(resume=peer.token, received=peer.received)
    assert back.heard() == ["auth-accept", "ice-candidate"]


@pytest.mark.parametrize("counts", [True, False])
def test_one_for_which_state_was_not_kept_is_not_told_of_an_older_one_after_it_has_seen_its_rooms(counts: bool) -> None:
    """Somebody came in when its connection was dead already; that this one has left again was not kept."""
    world = World(kept_deliveries=3)
    owner, peer = world.peer("g2"), world.peer("g1", resumable=True)
    world.room(owner, peer)
    had = peer.received
    peer.deaf, world.gateway("g1").stuck = True, not counts
    others = [world.peer("g2") for _ in range(5)]

    def enter(guest: Socket) -> None:
        guest.say("room-join-request", "room")
        owner.say("room-join-accept", "room", guest.peer_id)

    enter(others[0])
    owner.say("relay-ice-candidate", "room", peer.peer_id, payload="missed")
    peer.close()
    others[0].say("room-leave-request", "room")
    for guest in others[1:]:
        enter(guest)
    back = world.socket("g2")
    back.authenticate(resume=peer.token, received=had if counts else None)
    accepted, *missed = back.read()
    assert accepted.fields["resumed"] is True
    assert [told.event for told in missed] == ["ice-candidate"]
    owner.say("relay-ice-candidate", "room", peer.peer_id, payload="next")
    back.deaf = True
    owner.say("relay-ice-candidate", "room", peer.peer_id, payload="lost")
    back.close()
    again = world.socket("g2")
    again.authenticate(resume=back.token, received=back.received - 1)  # its last one got lost
    assert [told.fields.get("payload") for told in again.read()[1:]] == ["next", "lost"]


class Tab(NamedTuple):
    """A client that asks for its place again whenever it is closed. ``own`` keeps the tokens that it got itself."""

    keeps: str
    sockets: list[Socket]

    def connect(self, world: World, first: Token, newest: Token) -> None:
        mine = self.sockets[-1].token if self.sockets else first
        self.sockets.append(world.socket())
        self.sockets[-1].authenticate(resume={"the first": first, "its own": mine, "the newest": newest}[self.keeps])


@pytest.mark.parametrize("keeps", ["the first", "its own", "the newest"])
@pytest.mark.parametrize("uses", [False, True])
def test_two_clients_with_one_token_come_to_rest(keeps: str, uses: bool) -> None:
    world = World()
    first = newest = world.peer(resumable=True).token
    tabs = [Tab(keeps, []), Tab(keeps, [])]
    for _ in range(2 * MOST_TAKEOVERS):
        closed = [tab for tab in tabs if not tab.sockets or tab.sockets[-1].closed]
        for tab in closed:
            tab.connect(world, first, newest)
            newest = tab.sockets[-1].token
            if uses:
                tab.sockets[-1].say("room-create-request", "room")
        world.now += 1
    assert not any(tab.sockets[-1].closed for tab in tabs)
    assert len({tab.sockets[-1].peer_id for tab in tabs}) == 2
    assert first.peer_id in {tab.sockets[-1].peer_id for tab in tabs}


def test_a_place_may_be_taken_over_again_when_time_has_passed() -> None:
    world = World()
    token = world.peer(resumable=True).token
    for _ in range(3 * MOST_TAKEOVERS):
        socket = world.socket()
        socket.authenticate(resume=token)
        assert socket.peer_id == token.peer_id
        token = socket.token
        world.now += TAKEOVER_SECONDS


def test_how_often_one_may_come_back_unheard_is_bounded() -> None:
    world = World()
    peer = world.peer(resumable=True)
    for _ in range(2 * MOST_GENERATIONS):
        socket = world.socket()
        socket.authenticate(resume=peer.token)
        assert len(world.core.state.peers[peer.peer_id].starts) <= MOST_GENERATIONS + 1
        socket.close()
    last = socket.token
    assert last.peer_id != peer.peer_id, "it was not let back in any more"


def test_a_token_counts_however_many_answers_to_it_were_lost() -> None:
    world = World()
    owner, peer = world.peer(), world.peer(resumable=True)
    world.room(owner, peer)
    peer.close()
    owner.say("relay-ice-candidate", "room", peer.peer_id, payload="missed")
    for gateway in ("g1", "g2", "g3"):
        unheard = world.socket(gateway)
        unheard.deaf = True
        entry = unheard.authenticated(resume=peer.token, received=peer.received)
        unheard.gateway.send(entry, Closed(unheard.conn, unheard.gateway.have, "closed", False))
    back = world.socket("g2")
    back.authenticate(resume=peer.token, received=peer.received)
    accepted, missed = back.read()
    assert accepted.fields["resumed"] is True
    assert missed.fields["ice_candidate"] == "missed"
    assert owner.heard() == []
    back.close()
    again = world.socket()
    again.authenticate(resume=back.token)
    again.close()
    before = world.socket()
    before.authenticate(resume=peer.token)
    assert before.read()[0].fields["resumed"] is False, "it has come back with a newer one"


@pytest.mark.parametrize("change", [{"app": "other"}, {"resume": Token("nobody", 1)}])
def test_a_place_is_not_given_to_another_app_or_an_unknown_peer(change: dict[str, object]) -> None:
    world = World()
    peer = world.peer(resumable=True)
    peer.close()
    other = world.socket()
    other.authenticate(**{"resume": peer.token, **change})
    assert other.read()[0].fields["resumed"] is False
    assert other.peer_id == other.conn


def test_a_socket_that_is_still_open_is_closed_when_its_peer_comes_back_on_another() -> None:
    world = World()
    owner, old = world.peer("g1"), world.peer("g2", resumable=True)
    world.room(owner, old)
    new = world.socket("g1")
    new.authenticate(resume=old.token)
    assert old.closed
    old.close("lost")
    owner.say("relay-ice-candidate", "room", new.peer_id)
    assert owner.heard() == []
    assert new.heard() == ["auth-accept", "ice-candidate"]


def test_a_socket_that_its_peer_has_left_behind_speaks_for_nobody() -> None:
    world = World()
    old = world.peer(resumable=True)
    new = world.socket()
    new.authenticate(resume=old.token)
    old.say("room-create-request", "room", ack=1)
    assert old.refused("unauthorized") == "unauthorized"
    assert old.acks[1][0]["ok"] is False
    assert world.core.state.rooms == {}


def test_a_socket_that_its_peer_has_left_behind_does_not_become_that_peer_again() -> None:
    world = World()
    owner, old = world.peer(), world.peer(resumable=True)
    world.room(owner, old)
    new = world.socket()
    new.authenticate(resume=old.token)
    old.read()
    old.authenticate(ack=3)
    assert old.refused("auth-reject") == "unauthorized"
    assert [answer["ok"] for answer in old.acks[3]] == [False]
    assert world.core.state.peers[new.peer_id].conn == new.conn
    new.say("relay-ice-candidate", "room", owner.peer_id)
    assert owner.heard() == ["ice-candidate"]


def test_ownership_stays_with_an_absent_owner() -> None:
    world = World()
    owner, member = world.peer("g1", resumable=True), world.peer("g2")
    world.room(owner, member)
    world.lose("g1")
    candidate = world.peer("g2")
    candidate.say("room-join-request", "room")
    assert not member.read()
    back = world.socket("g2")
    back.authenticate(resume=owner.token)
    assert back.heard() == ["auth-accept", "room-join-request"]
    back.say("room-join-accept", "room", candidate.peer_id)
    assert candidate.heard() == ["room-join-accept"]


def test_acknowledgements_asked_on_the_old_socket_are_not_answered_on_the_new() -> None:
    world = World()
    owner, candidate = world.peer("g1"), world.peer("g2", resumable=True)
    world.room(owner)
    candidate.say("room-join-request", "room", ack=1)
    candidate.close()
    back = world.socket("g2")
    back.authenticate(resume=candidate.token)
    owner.say("room-join-accept", "room", candidate.peer_id)
    assert back.heard() == ["auth-accept", "room-join-accept"]
    assert not back.acks
    assert not candidate.acks


@pytest.mark.parametrize("key", ["", "a guess"])
def test_who_knows_all_of_a_token_but_its_key_does_not_come_back(key: str) -> None:
    world = World()
    owner, peer = world.peer("g1"), world.peer("g1", resumable=True)
    world.room(owner, peer)
    thief = world.socket("g2")
    thief.authenticate(resume=peer.token._replace(key=key))
    assert thief.peer_id == thief.conn
    assert (owner.read(), peer.read(), peer.closed) == ([], [], False)
    back = world.socket("g2")
    back.authenticate(resume=peer.token)
    assert back.peer_id == peer.peer_id


def test_each_turn_has_a_key_of_its_own() -> None:
    world = World()
    peer = world.peer(resumable=True)
    unheard, back, thief = world.socket("g2"), world.socket("g2"), world.socket("g2")
    unheard.authenticate(resume=peer.token)
    thief.authenticate(resume=unheard.token._replace(key=peer.token.key))
    assert thief.peer_id == thief.conn
    back.authenticate(resume=peer.token)
    assert back.token == Token(peer.peer_id, 3, back.key)
    back.say("room-create-request", "room")
    assert world.core.state.peers[peer.peer_id].locks == {3: lock_of(back.key)}


def test_a_peer_of_a_gateway_that_knows_no_keys_comes_back_without_one() -> None:
    world = World()
    old = world.socket()
    old.key = ""
    old.authenticate(resumable=True)
    back = world.socket("g2")
    back.authenticate(resume=old.token._replace(key="a key that nobody asks for"))
    assert back.peer_id == old.peer_id


def test_no_key_is_ever_delivered() -> None:
    world = World()
    peer = world.peer(resumable=True)
    back = world.socket("g2")
    back.authenticate(resume=peer.token)
    told = b"".join(pack_message(parcel) for _, parcel in world.parcels)
    assert back.peer_id.encode() in told
    for socket in (peer, back):
        assert socket.key.encode() not in told
        assert lock_of(socket.key) not in told


def test_one_that_asks_again_on_the_socket_it_has_come_back_on_gets_the_same_answer() -> None:
    """socket.io-client does so by itself when an acknowledgement is late."""
    world = World()
    owner, peer = world.peer(), world.peer(resumable=True)
    world.room(owner, peer)
    peer.close()
    owner.say("relay-ice-candidate", "room", peer.peer_id, payload="once")
    back = world.socket()
    for ack in (1, 2):
        back.authenticate(resume=peer.token, resumable=True, ack=ack)
    first, missed, second = back.read()
    assert missed.fields["payload"] == "once"
    for told in (first, second):
        assert (told.fields["resumed"], told.fields["peer_id"], told.fields["generation"]) == (True, peer.peer_id, 2)
        assert [room["room"] for room in told.fields["rooms"]] == ["room"]
    back.authenticate(resume=back.token)
    assert back.read()[0].fields["resumed"] is False, "a renewal brings nobody back"


def test_a_new_peer_is_named_after_its_first_socket() -> None:
    world = World()
    socket = world.socket()
    socket.authenticate(app="an app", peerinfo={"name": "n"}, ack=1, payload="p")
    [told] = socket.read()
    assert told.event == "auth-accept"
    assert told.fields["peer_id"] == socket.conn
    assert told.fields["app"] == "an app"
    assert (told.fields["resumed"], told.fields["resume_for"]) == (False, 0.0)
    assert (told.fields["peerinfo"], told.fields["payload"]) == (b'{"name": "n"}', b'"p"')
    assert told.fields["ack"] == 1


def test_renewal_keeps_peer_rooms_and_what_is_not_said_anew() -> None:
    world = World()
    peer = world.peer(peerinfo="before", resumable=True)
    world.room(peer)
    peer.authenticate()
    [told] = peer.read()
    assert (told.fields["resumed"], told.fields["rooms"]) == (False, [])
    assert (told.fields["peer_id"], told.fields["peerinfo"]) == (peer.conn, b'"before"')
    assert told.fields["resume_for"] == 30.0
    peer.authenticate(peerinfo="after", resumable=False)
    [told] = peer.read()
    assert (told.fields["peerinfo"], told.fields["resume_for"]) == (b'"after"', 0.0)
    assert peer.peer_id in world.core.state.rooms["room"].members


def test_a_renewal_on_a_socket_that_its_peer_has_left_makes_nobody_new() -> None:
    """It was on its way to the log, with words behind it, when the peer came back elsewhere."""
    world = World()
    peer = world.peer(resumable=True)
    old = peer.authenticated(resumable=True)
    assert isinstance(old, Authenticated)
    late = msgspec.structs.replace(old, renews=peer.peer_id)
    back = world.socket("g2")
    back.authenticate(resume=peer.token, received=peer.received)
    before = set(world.core.state.peers)
    peer.gateway.send(late, peer.said("relay-ice-candidate", "room", back.peer_id, payload=1))
    assert [told.fields["code"] for told in peer.read()] == ["unauthorized", "unauthorized"]
    assert (set(world.core.state.peers), world.core.doubted) == (before, 0)
