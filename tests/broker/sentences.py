"""Situations in which a client is refused, and word for word what it is told.

Brokers of two releases make the same parcels of one log, so a sentence is as fixed as a field.
"""

import dataclasses
from collections.abc import Callable

from broker.core.bans import MOST_BANS
from broker.core.rules.admission import UNASKED
from shared.envelopes.entries import LevelRaised, Pace, UserRevoked
from shared.envelopes.levels import FIRST, LIFE, RIGHTS
from tests.broker.core.rules.hall import NEVER, ROOM, Hall, user
from tests.broker.world import Socket, World

CREATE, JOIN, ACCEPT, LEAVE = "room-create-request", "room-join-request", "room-join-accept", "room-leave-request"
CANDIDATE = "relay-ice-candidate"
NOT_CREATED, NOT_IN, NO, NOT_LET = "room-create-reject", "room-join-reject", "request-reject", "auth-reject"
ACK = 9
LARGE = "x" * 500_000  # about as much as an entry holds
MANY = 105  # relays as large are more than may be on the way to a gateway


@dataclasses.dataclass(frozen=True)
class Situation:
    """``come_about`` returns the socket that is refused, with ``event``, as ``code`` and with ``sentence``.

    It comes about from ``level`` on. ``event`` is empty if the refusal is in the acknowledgement alone.
    """

    name: str
    come_about: Callable[[World], Socket]
    event: str
    code: str
    sentence: str
    level: int

    def at(self, level: int) -> World:
        """The world in which it has come about, in a log that was at its level from the beginning."""
        world = World(FIRST)
        if level > FIRST:
            world.say(LevelRaised(0, level))
        socket = self.come_about(world)
        refusal = {"code": self.code, "message": self.sentence}
        told = [one for one in socket.read() if "code" in one.fields][-1:]
        assert [(one.event, one.fields | refusal) for one in told] == [(self.event, one.fields) for one in told]
        assert bool(told) == bool(self.event)
        [answer] = socket.acks.get(ACK, [{**refusal, "ok": False}])
        assert answer == {**answer, **refusal, "ok": False}
        return world


SITUATIONS: list[Situation] = []


def refused(
    event: str, code: str, sentence: str, level: int = FIRST
) -> Callable[[Callable[[World], Socket]], Callable[[World], Socket]]:
    """A function brings a situation about."""

    def note(come_about: Callable[[World], Socket]) -> Callable[[World], Socket]:
        name = come_about.__name__.strip("_").replace("_", " ")
        SITUATIONS.append(Situation(name, come_about, event, code, sentence, level))
        return come_about

    return note


def at_the_door(world: World, **versions: int) -> tuple[Socket, Socket]:
    """The owner of a room, and one who waits for it, whose request asked to be acknowledged."""
    owner, candidate = world.peer(version=versions.get("owner", 1)), world.peer("g2")
    world.room(owner)
    candidate.say(JOIN, "room", ack=ACK)
    owner.read()
    return owner, candidate


def full_up(world: World, peer: Socket) -> None:
    """The peer has all the rooms that it may have."""
    for number in range(world.limits.rooms_per_peer):
        peer.say(CREATE, f"room {number}")
    peer.read()


def fill(sender: Socket, peer: Socket) -> None:
    """As much waits for a peer as may be from this sender."""
    for number in range(sender.gateway.world.limits.kept_deliveries):
        sender.say(CANDIDATE, "room", peer.peer_id, payload=number)


# What clients of version 1 meet among themselves, since the first level.


@refused(NOT_CREATED, "taken", "Room already taken someone else. Please type another room name or stay it blank.")
def _a_name_is_taken(world: World) -> Socket:
    owner, other = world.peer(), world.peer("g2")
    world.room(owner)
    other.say(CREATE, "room", ack=ACK)
    return other


@refused(NOT_CREATED, "full", "You are in as many rooms as you may be")
def _one_room_too_many_is_created(world: World) -> Socket:
    peer = world.peer()
    full_up(world, peer)
    peer.say(CREATE, "another", ack=ACK)
    return peer


@refused(NOT_IN, "not-found", "Room is not found.")
def _a_room_that_is_not_there_is_asked_for(world: World) -> Socket:
    peer = world.peer()
    peer.say(JOIN, "room", ack=ACK)
    return peer


@refused(NO, "not-found", "Room is not found.")
def _somebody_is_let_into_a_room_that_is_not_there(world: World) -> Socket:
    peer = world.peer()
    peer.say(ACCEPT, "room", "somebody", ack=ACK)
    return peer


@refused(NO, "not-owner", "Only the owner of the room may do this")
def _somebody_else_than_the_owner_decides(world: World) -> Socket:
    owner, member = world.peer(), world.peer("g2")
    world.room(owner, member)
    member.say(ACCEPT, "room", "somebody", ack=ACK)
    return member


@refused(NO, "not-pending", "This peer is not waiting to join the room")
def _one_who_does_not_wait_is_decided_on(world: World) -> Socket:
    owner = world.peer()
    world.room(owner)
    owner.say("room-join-reject", "room", "somebody", ack=ACK)
    return owner


@refused(NOT_IN, "rejected", "Room owner rejected your request")
def _the_owner_says_no(world: World) -> Socket:
    owner, candidate = at_the_door(world)
    owner.say("room-join-reject", "room", candidate.peer_id)
    return candidate


@refused(NOT_IN, "not-found", "Room is closed.")
def _the_room_ends_before_it_is_decided(world: World) -> Socket:
    owner, candidate = at_the_door(world)
    owner.say(LEAVE, "room")
    return candidate


@refused(NOT_IN, "full", "The room is full")
def _a_full_room_is_asked_for(world: World) -> Socket:
    owner, *others = (world.peer() for _ in range(world.limits.peers_per_room + 1))
    world.room(owner, *others[:-1])
    others[-1].say(JOIN, "room", ack=ACK)
    return others[-1]


@refused(NO, "full", "The peer is in as many rooms as it may be")
def _somebody_is_let_in_who_has_all_its_rooms(world: World) -> Socket:
    owner, candidate = at_the_door(world)
    full_up(world, candidate)
    owner.say(ACCEPT, "room", candidate.peer_id, ack=ACK)
    return owner


@refused(NO, "too-many-requests", "The peer has not read enough of what it was told")
def _somebody_is_let_in_who_does_not_read(world: World) -> Socket:
    owner, candidate = at_the_door(world)
    world.room(candidate, owner, name="other")
    candidate.gateway.send(Pace(candidate.conn, True))
    for _ in range(2):
        size = world.limits.kept_bytes * 2 // 3
        owner.say(LEAVE, "other", payload="x" * size)
        owner.say(JOIN, "other", payload="x" * size)
    owner.say(ACCEPT, "room", candidate.peer_id, ack=ACK)
    return owner


@refused(NOT_IN, "too-many-requests", "You are in this room, and have just been told who else is")
def _a_member_asks_twice_in_a_row_who_is_there(world: World) -> Socket:
    owner = world.peer()
    world.room(owner)
    owner.say(JOIN, "room")
    owner.say(JOIN, "room", ack=ACK)
    return owner


@refused(NOT_IN, "too-many-requests", "You have asked for this room often enough, wait for its owner")
def _a_candidate_asks_too_often(world: World) -> Socket:
    owner, candidate = world.peer(), world.peer("g2")
    world.room(owner)
    for number in range(world.limits.pending_per_peer):
        candidate.say(JOIN, "room", ack=100 + number)
    candidate.say(JOIN, "room", ack=ACK)
    return candidate


@refused(NOT_IN, "too-many-requests", "Too many join requests of yours are pending")
def _a_candidate_asks_for_too_many_rooms(world: World) -> Socket:
    owners, candidate = [world.peer(), world.peer()], world.peer("g2")
    for number in range(world.limits.pending_per_peer + 1):
        world.room(owners[number % 2], name=f"room {number}")
        candidate.say(JOIN, f"room {number}", ack=ACK if number == world.limits.pending_per_peer else None)
    return candidate


@refused(NOT_IN, "too-many-requests", "Too many are waiting to join this room")
def _too_many_wait_for_a_room(world: World) -> Socket:
    owner, *others = (world.peer() for _ in range(world.limits.pending_per_room + 2))
    world.room(owner)
    for other in others[:-1]:
        other.say(JOIN, "room")
    others[-1].say(JOIN, "room", ack=ACK)
    return others[-1]


@refused(NOT_IN, "too-many-requests", "Too many requests, slow down")
def _others_would_be_told_too_much(world: World) -> Socket:
    owner, candidate = world.peer(), world.peer("g2")
    last = world.limits.output_burst // (UNASKED * len(LARGE))
    for number in range(last + 1):
        world.room(owner, name=f"room {number}")
        candidate.say(JOIN, f"room {number}", payload=LARGE, ack=ACK if number == last else None)
    return candidate


@refused(NO, "not-member", "Not a member of this room")
def _somebody_leaves_who_was_not_there(world: World) -> Socket:
    peer = world.peer()
    peer.say(LEAVE, "room", ack=ACK)
    return peer


@refused(NO, "not-member", "Not a member of this room")
def _something_is_relayed_to_a_stranger(world: World) -> Socket:
    owner, stranger = world.peer(), world.peer()
    world.room(owner)
    owner.say(CANDIDATE, "room", stranger.peer_id, payload=1, ack=ACK)
    return owner


@refused(NO, "too-many-requests", "The peer is away or slow, and enough of yours waits for it")
def _too_much_of_one_sender_waits_for_a_peer(world: World) -> Socket:
    owner, away = world.peer(), world.peer("g2", resumable=True)
    world.room(owner, away)
    away.close()
    fill(owner, away)
    owner.say(CANDIDATE, "room", away.peer_id, payload=1, ack=ACK)
    return owner


@refused(NO, "too-many-requests", "The peer is away or slow, and enough waits for it")
def _too_much_waits_for_a_peer(world: World) -> Socket:
    away, last, *others = (world.peer("g2", resumable=True) for _ in range(6))
    world.room(away, last, *others)
    away.close()
    for other in others:
        fill(other, away)
    last.say(CANDIDATE, "room", away.peer_id, payload=1, ack=ACK)
    return last


@refused(NO, "unavailable", "Signaling is not available right now, try again")
def _the_gateway_of_the_addressed_is_behind(world: World) -> Socket:
    owner, member = world.peer(), world.peer("g2")
    world.room(owner, member)
    member.gateway.stuck = True
    for _ in range(MANY):
        owner.say("relay-session-description", "room", member.peer_id, payload=LARGE[: len(LARGE) // 2])
    owner.say(CANDIDATE, "room", member.peer_id, payload=1, ack=ACK)
    return owner


@refused(NOT_IN, "unavailable", "Signaling is not available right now, try again")
def _the_gateway_of_the_owner_is_behind(world: World) -> Socket:
    owner, member, candidate = world.peer("g2"), world.peer(), world.peer()
    world.room(owner, member)
    owner.gateway.stuck = True
    for _ in range(MANY):
        member.say("relay-session-description", "room", owner.peer_id, payload=LARGE[: len(LARGE) // 2])
    candidate.say(JOIN, "room", ack=ACK)
    return candidate


@refused(NOT_LET, "unavailable", "Signaling is not available right now, try again", level=LIFE)
def _the_gateway_that_one_comes_back_at_is_behind(world: World) -> Socket:
    owner, member, absent = world.peer(), world.peer("g2"), world.peer("g2", resumable=True)
    world.room(owner, member, absent)
    member.gateway.stuck = True
    for _ in range(MANY):
        owner.say("relay-session-description", "room", member.peer_id, payload=LARGE[: len(LARGE) // 2])
    back = world.socket("g2")
    back.authenticate(resume=absent.token, ack=ACK)
    member.gateway.go_on()
    again = world.socket("g1")
    again.authenticate(resume=absent.token)
    assert again.heard() == ["auth-accept"], "it has kept its place"
    return back


@refused(NO, "bad-request", "The request is not well-formed")
def _an_event_is_not_of_its_version(world: World) -> Socket:
    owner = world.peer()
    world.room(owner)
    owner.say("room-close-request", "room", ack=ACK)
    return owner


@refused("unauthorized", "unauthorized", "Token is not valid")
def _a_socket_is_nobody(world: World) -> Socket:
    socket = world.socket()
    socket.say(CREATE, "room", ack=ACK)
    return socket


@refused(NOT_LET, "unauthorized", "Token is not valid")
def _the_peer_of_a_socket_lives_on_elsewhere(world: World) -> Socket:
    first, second = world.socket(), world.socket("g2")
    first.authenticate(resumable=True)
    second.authenticate(resume=first.token)
    first.authenticate(ack=ACK)
    return first


@refused("", "not-pending", "You took your request back")
def _a_candidate_leaves(world: World) -> Socket:
    _, candidate = at_the_door(world)
    candidate.say(LEAVE, "room")
    return candidate


# What came with users, roles and policies.


@refused(NOT_IN, "closed", "The room takes nobody in at the moment", RIGHTS)
def _a_room_is_closed_by_its_policy(world: World) -> Socket:
    hall, late = Hall(world), world.peer()
    hall.owner.say("room-policy-request", ROOM, policy={"admission": "closed"})
    late.say(JOIN, ROOM, ack=ACK)
    return late


@refused(NOT_IN, "banned", "You are banned from this room", RIGHTS)
def _a_peer_is_banned(world: World) -> Socket:
    hall = Hall(world, member=1)
    hall.owner.say("room-kick-request", ROOM, hall.member.peer_id, ban=True)
    hall.member.say(JOIN, ROOM, ack=ACK)
    return hall.member


@refused(NOT_IN, "banned", "You are banned from this room", RIGHTS)
def _a_candidate_is_banned(world: World) -> Socket:
    hall = Hall(world, candidate=1)
    hall.owner.say("room-kick-request", ROOM, hall.candidate.peer_id, ban=True)
    return hall.candidate


@refused(NOT_IN, "forbidden", "Your token does not allow this with that room", RIGHTS)
def _a_token_does_not_cover_the_room(world: World) -> Socket:
    Hall(world)
    visitor = world.peer(user=user("v", room="elsewhere"))
    visitor.say(JOIN, ROOM, ack=ACK)
    return visitor


@refused(NOT_LET, "already-here", "You are here already, in another window or on another device", RIGHTS)
def _a_token_is_for_one_peer_only(world: World) -> Socket:
    world.peer(user=user("v", single="oldest"))
    other = world.socket("g2")
    other.authenticate(user=user("v", single="oldest"), ack=ACK)
    return other


@refused(NOT_LET, "unauthorized", "Token is for another user", RIGHTS)
def _a_session_is_renewed_by_another_user(world: World) -> Socket:
    visitor = world.peer(user=user("v"))
    visitor.authenticate(user=user("w"), ack=ACK)
    return visitor


@refused(NOT_LET, "unauthorized", "Token is revoked", RIGHTS)
def _a_user_is_revoked(world: World) -> Socket:
    world.say(UserRevoked("app", "v", 10, NEVER))
    visitor = world.socket()
    visitor.authenticate(user=user("v", issued=10), ack=ACK)
    return visitor


@refused(NO, "forbidden", "Only hosts of the room may do this", RIGHTS)
def _a_member_kicks(world: World) -> Socket:
    hall = Hall(world)
    hall.member.say("room-kick-request", ROOM, hall.moderator.peer_id, ack=ACK)
    return hall.member


@refused(NO, "forbidden", "You may do this to lower roles than yours only", RIGHTS)
def _a_moderator_kicks_the_owner(world: World) -> Socket:
    hall = Hall(world)
    hall.moderator.say("room-kick-request", ROOM, hall.owner.peer_id, ack=ACK)
    return hall.moderator


@refused(NO, "not-owner", "Only the owner of the room may do this", RIGHTS)
def _a_moderator_closes_the_room(world: World) -> Socket:
    hall = Hall(world)
    hall.moderator.say("room-close-request", ROOM, ack=ACK)
    return hall.moderator


@refused(NO, "not-member", "Not a member of this room", RIGHTS)
def _a_stranger_closes_the_room(world: World) -> Socket:
    hall = Hall(world)
    hall.stranger.say("room-close-request", ROOM, ack=ACK)
    return hall.stranger


@refused(NO, "not-member", "Not a member of this room", RIGHTS)
def _a_stranger_changes_the_policy(world: World) -> Socket:
    hall = Hall(world)
    hall.stranger.say("room-policy-request", ROOM, policy={"admission": "open"}, ack=ACK)
    return hall.stranger


@refused(NO, "not-member", "Not a member of this room", RIGHTS)
def _a_stranger_is_kicked(world: World) -> Socket:
    hall = Hall(world)
    hall.owner.say("room-kick-request", ROOM, hall.stranger.peer_id, ack=ACK)
    return hall.owner


@refused(NO, "not-member", "Not a member of this room", RIGHTS)
def _a_stranger_gets_a_role(world: World) -> Socket:
    hall = Hall(world)
    hall.owner.say("room-role-request", ROOM, hall.stranger.peer_id, role="moderator", ack=ACK)
    return hall.owner


@refused(NO, "forbidden", "A room has an owner: make somebody else the owner", RIGHTS)
def _the_owner_gives_its_role_to_nobody(world: World) -> Socket:
    hall = Hall(world)
    hall.owner.say("room-role-request", ROOM, hall.owner.peer_id, role="member", ack=ACK)
    return hall.owner


@refused(NO, "not-pending", "You are not waiting to join this room", RIGHTS)
def _one_who_does_not_wait_takes_its_request_back(world: World) -> Socket:
    hall = Hall(world)
    hall.stranger.say("room-join-cancel", ROOM, ack=ACK)
    return hall.stranger


@refused("", "not-pending", "You took your request back", RIGHTS)
def _a_candidate_takes_its_request_back(world: World) -> Socket:
    hall = Hall(world)
    hall.stranger.say(JOIN, ROOM, ack=ACK)
    hall.stranger.say("room-join-cancel", ROOM)
    return hall.stranger


@refused(NO, "forbidden", "Only the owner may do this: it has banned this peer", RIGHTS)
def _a_moderator_lifts_a_ban_of_the_owner(world: World) -> Socket:
    hall = Hall(world)
    hall.owner.say("room-kick-request", ROOM, hall.member.peer_id, ban=True)
    hall.moderator.say("room-unban-request", ROOM, hall.member.peer_id, ack=ACK)
    return hall.moderator


@refused(NO, "full", "As many are banned from this room as can be", RIGHTS)
def _one_too_many_is_banned(world: World) -> Socket:
    hall = Hall(world)
    for number in range(MOST_BANS + 1):
        other = world.peer()
        other.say(JOIN, ROOM)
        hall.owner.say("room-kick-request", ROOM, other.peer_id, ban=True, ack=ACK if number == MOST_BANS else None)
    return hall.owner


@refused(NO, "bad-request", "id or peer_id is missing", RIGHTS)
def _nobody_is_named_to_be_unbanned(world: World) -> Socket:
    hall = Hall(world)
    hall.owner.say("room-unban-request", ROOM, ack=ACK)
    return hall.owner
