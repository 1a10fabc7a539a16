"""Whatever hosts, guests, gateways, the network and the clock do: everybody has the rights that the documents say, and
knows the state of its rooms, with every word said to it once and in order.
"""

import asyncio
from typing import Any

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from broker.core.machine import Core
from broker.storage.encoding import encode
from broker.storage.image import decode, waiting_frames
from shared.envelopes.entries import Tick, UserRevoked
from shared.envelopes.users import User
from tests.backend import Backend
from tests.broker.house import House, Refused, Somebody
from tests.broker.invariants import check
from tests.broker.replay import check_replays
from tests.broker.view import View
from tests.broker.world import NOBODY, Socket, World, read

RESUME_FOR = 30.0
NOTICED = 25.0  # seconds until a gateway knows that a client's network is gone: its pings are not answered
MOST = 4  # peers in a room
MOST_KEYS, MOST_BYTES = 5, 60  # in a room's data
NEVER = 10**10
ROOMS = ("tea", "tea", "milk")
# Who there is: identity, grants, version of the contract. Two of them are the same person.
CAST: list[tuple[str, dict[str, str], int]] = [
    ("ann", {"tea": "own"}, 2),
    ("bob", {"tea": "moderate", "*": "create"}, 2),
    ("cid", {"*": "enter"}, 2),
    ("dan", {"*": "knock"}, 2),
    ("eve", {"*": "create"}, 2),
    ("eve", {"*": "create"}, 2),
    ("", {}, 2),
    ("", {}, 1),
    ("", {}, 2),
]
Saying = tuple[str, dict[str, Any]]
some = st.integers(0, len(CAST) - 1)
rooms = st.sampled_from(ROOMS)
infos = st.sampled_from([None, {"name": "x"}, {"name": "y"}, 7])
keys = st.dictionaries(
    st.sampled_from(["slide", "slide", "theme", "x", "y", "z", "host.title", "peer.{me}.hand", "peer.{other}.hand"]),
    st.sampled_from([None, 1, 2, {"dark": True}, "long" * 5]),
    min_size=1,
    max_size=3,
)
policies = st.fixed_dictionaries(
    {},
    optional={
        "admission": st.sampled_from(["ask", "open", "closed"]),
        "max_peers": st.sampled_from([2, 3, 4, None]),
        "owner_leaves": st.sampled_from(["pass", "close"]),
        "history": st.sampled_from([0, 1, 3, 50]),
    },
)
plain: st.SearchStrategy[Saying] = st.tuples(
    st.sampled_from(
        ["room-create-request", "room-join-request", "room-join-request", "room-join-cancel", "room-leave-request"]
    ),
    st.just({}),
)
of_hosts: st.SearchStrategy[Saying] = st.one_of(
    st.tuples(st.sampled_from(["room-join-accept", "room-join-accept", "room-join-reject"]), st.just({})),
    st.tuples(st.just("room-role-request"), st.builds(dict, role=st.sampled_from(["owner", "moderator", "member"]))),
    st.tuples(st.just("room-kick-request"), st.builds(dict, ban=st.sampled_from([False, True, 20]))),
    st.tuples(st.just("room-unban-request"), st.builds(dict, id=st.sampled_from(["cid", "dan", "eve"]))),
    st.tuples(st.just("room-policy-request"), st.builds(dict, policy=policies)),
    st.tuples(st.just("room-close-request"), st.just({})),
    st.tuples(st.just("room-join-request"), st.builds(dict, create=st.just(True))),
    st.tuples(st.just("room-create-request"), st.builds(dict, policy=policies)),
)


class Guest:
    """One of the cast, over all its sockets."""

    def __init__(self, world: World, number: int) -> None:
        identity, grants, self.version = CAST[number]
        self.identity = identity
        self.user = User(identity, "", 0, NEVER, grants) if identity else None  # type: ignore[arg-type]
        self.world = world
        self.view = View()
        self.socket: Socket = world.socket(f"g{number % 2 + 1}")
        self.said: list[int] = []  # what others have said to it that took effect

    @property
    def here(self) -> bool:
        return not self.socket.deaf and self.socket.token != NOBODY and not self.socket.closed

    def authenticate(self, resume: bool, info: Any = None) -> None:
        old, received = self.socket.token, self.socket.received
        if resume:
            self.socket = self.world.socket(self.socket.gateway.name if received % 2 else "g2")
        token = old if resume else NOBODY
        self.socket.authenticate(
            version=self.version, user=self.user, resumable=True, resume=token, received=received if resume else None,
            peerinfo=info,
        )  # fmt: skip


class Machine(RuleBasedStateMachine):
    """Each rule is an event, a loss, a return, or time."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World(
            peers_per_room=MOST, rooms_per_peer=99, pending_per_peer=99, resume_for=RESUME_FOR, output_burst=10**12,
            data_keys=MOST_KEYS, data_bytes=MOST_BYTES, notices=True,
        )  # fmt: skip
        self.backend = Backend()
        self.house = House(lambda: self.world.core.state.now, MOST, MOST_KEYS, MOST_BYTES)
        self.guests: list[Guest] = []
        self.left: dict[str, float] = {}  # when those who are away have gone, by peer
        self.lost: dict[int, tuple[Socket, float]] = {}  # sockets that lead nowhere, and when that is noticed
        self.number = 0

    @initialize()
    def arrive(self) -> None:
        for number in range(len(CAST)):
            guest = Guest(self.world, number)
            self.guests.append(guest)
            guest.authenticate(resume=False)
            self.note_arrival(guest)
        self.say(8, "tea", 0, ("room-create-request", {}))
        for who in (0, 2, 4):
            self.say(who, "tea", 0, ("room-join-request", {}))

    @rule(who=some, room=rooms, whom=some, saying=plain | of_hosts | of_hosts)
    def say(self, who: int, room: str, whom: int, saying: tuple[str, dict[str, Any]]) -> None:
        guest, other = self.guests[who], self.guests[whom].view.me
        event, fields = saying
        if not guest.here:
            return
        if guest.version == 1:
            event, fields = event if event in ("room-create-request", "room-leave-request") else "room-join-request", {}
        self.number += 1
        guest.socket.say(event, room, other if "peer" in event or event in NAMED else "", ack=self.number, **fields)
        try:
            self.house.say(event, guest.view.me, room, other, fields)
            code = ""
        except Refused as refused:
            code = str(refused)
        got = [answer.get("code", "") for answer in guest.socket.acks.pop(self.number, [])]
        if code == "not-pending" or event in ("room-join-request", "room-join-cancel"):
            assert not code or got == [code], (event, got, code)
        elif got != ["too-many-requests"]:
            assert got == [code], (event, got, code)
        self.look()

    @rule(which=some, room=rooms, whom=some, saying=of_hosts)
    def act_as_host(self, which: int, room: str, whom: int, saying: tuple[str, dict[str, Any]]) -> None:
        """One of the room's hosts does something to one who is there, or waits."""
        here = self.house.rooms.get(room)
        if here is not None:
            near = [*here.pending, *here.roles]
            actor, target = here.hosts[which % len(here.hosts)], near[whom % len(near)]
            self.say(self.number_of(actor), room, self.number_of(target), saying)

    @rule(which=some, whom=some, room=rooms)
    def speak_to_a_roommate(self, which: int, whom: int, room: str) -> None:
        here = self.house.rooms.get(room)
        if here is not None:
            members = list(here.roles)
            speaker, other = members[which % len(members)], members[whom % len(members)]
            self.speak(self.number_of(speaker), self.number_of(other), room)

    @rule(which=some, whom=some, room=rooms, to=st.sampled_from(["all", "all", "hosts", "one"]))
    def write(self, which: int, whom: int, room: str, to: str) -> None:
        """A message from anybody, most often from one who is there or waits."""
        guest, other = self.guests[self.somebody_in(room, which)], self.guests[whom].view.me
        if not guest.here or guest.version == 1:
            return
        self.number += 1
        addressed = {"all": "", "hosts": "hosts", "one": other}[to]
        guest.socket.say("room-message-request", room, addressed, ack=self.number, body=self.number)
        self.expect(guest, "room-message-request", room, addressed, {"body": self.number})
        for name, body in self.house.heard:
            self.guests[self.number_of(name)].said.append(body)
        self.house.heard.clear()
        self.look()

    def expect(self, guest: Guest, event: str, room: str, whom: str, fields: dict[str, Any]) -> None:
        """What was said last is answered as the model answers it."""
        code = ""
        try:
            self.house.say(event, guest.view.me, room, whom, fields)
        except Refused as refused:
            code = str(refused)
        [answer] = guest.socket.acks.pop(self.number)
        assert answer.get("code", "") == code, (event, answer, code)

    @rule(which=some, whom=some, room=rooms, keys=keys, guess=st.sampled_from([None, None, 0, "known", "stale"]))
    def share(self, which: int, whom: int, room: str, keys: dict[str, Any], guess: Any) -> None:
        """Somebody changes what the members of a room share, whatever it knows of that."""
        guest = self.guests[self.somebody_in(room, which)]
        if not guest.here or guest.version == 1:
            return
        self.number += 1
        change = self.change_of(guest, self.guests[whom], room, keys, guess)
        values = change["set"]
        guest.socket.say("room-data-request", room, ack=self.number, **change)
        [answer] = guest.socket.acks[self.number]
        self.expect(guest, "room-data-request", room, "", {**change, **answer})
        guest.view.take(guest.socket.read())
        if answer["ok"]:
            guest.view.rooms[room].changed(values, answer["version"])
        self.look()

    @rule(who=some, info=infos)
    def update(self, who: int, info: Any) -> None:
        guest = self.guests[who]
        if guest.here and guest.version > 1:
            self.number += 1
            guest.socket.say("peer-update-request", ack=self.number, peerinfo=info)
            self.expect(guest, "peer-update-request", "", "", {"peerinfo": info})
            assert guest.socket.peerinfo == info, "its gateway knows"
            self.look()

    @rule(which=some, room=rooms)
    def lose_a_member(self, which: int, room: str) -> None:
        """Its network is gone; sooner or later its gateway sees that, or it comes back before."""
        here = self.house.rooms.get(room)
        if here is not None:
            who = self.number_of(list(here.roles)[which % len(here.roles)])
            self.lose_the_network(who)
            if which % 2:
                self.close(who, gone=False)

    @rule()
    def all_come_back(self) -> None:
        for who, guest in enumerate(self.guests):
            if not guest.here:
                self.come_back(who)

    def change_of(self, guest: Guest, other: Guest, room: str, keys: dict[str, Any], guess: Any) -> dict[str, Any]:
        """What a guest asks for, who guesses a version."""
        values = {key.format(me=guest.view.me, other=other.view.me): value for key, value in keys.items()}
        known = guest.view.rooms[room].data if room in guest.view.rooms else {}
        if guess is None:
            return {"set": values, "if": {}}
        newest = known.get(next(iter(values)), {"version": 0})["version"]
        return {"set": values, "if": {next(iter(values)): {0: 0, "known": newest, "stale": max(0, newest - 1)}[guess]}}

    def somebody_in(self, room: str, which: int) -> int:
        """Most often one who is there or waits."""
        here = self.house.rooms.get(room)
        near = [*here.roles, *here.roles, *here.pending] if here is not None else []
        return self.number_of(near[which % len(near)]) if near and which else which

    def number_of(self, peer: str) -> int:
        return next(who for who, guest in enumerate(self.guests) if guest.view.me == peer)

    @rule(who=some, whom=some, room=rooms)
    def speak(self, who: int, whom: int, room: str) -> None:
        """Words from one to another, which only roommates may say."""
        guest, other = self.guests[who], self.guests[whom]
        if not guest.here:
            return
        self.number += 1
        guest.socket.say("relay-ice-candidate", room, other.view.me, ack=self.number, payload=self.number)
        [answer] = guest.socket.acks.pop(self.number)
        here = self.house.rooms.get(room)
        together = here is not None and {guest.view.me, other.view.me} <= here.roles.keys() and who != whom
        assert answer["ok"] is together, answer
        if together:
            other.said.append(self.number)
        self.look()

    @rule(who=some)
    def lose_the_network(self, who: int) -> None:
        """From here on, what is sent to it gets lost on the way."""
        guest = self.guests[who]
        if guest.here:
            guest.socket.deaf = True
            self.lost[who] = guest.socket, self.world.now + NOTICED

    @rule(who=some, gone=st.booleans())
    def close(self, who: int, gone: bool) -> None:
        """Its gateway sees that a socket is gone."""
        guest = self.guests[who]
        if guest.view.me in self.house.people and guest.view.me not in self.left:
            guest.socket.deaf = True
            socket = self.socket_of(guest)
            assert socket is not None
            socket.close("lost", for_good=gone)
            if gone:
                self.remove([guest.view.me])
            else:
                self.left[guest.view.me] = self.world.core.state.now + RESUME_FOR
            self.look()

    @rule(who=some, info=infos)
    def come_back(self, who: int, info: Any = None) -> None:
        guest = self.guests[who]
        if guest.here:
            return
        me = guest.view.me
        known = me in self.house.people
        guest.authenticate(resume=True, info=info)
        guest.view.take(guest.socket.read())
        if info is not None:
            self.house.infos[guest.view.me] = info
        assert (guest.view.me == me) == known, "it has its place, as long as that is kept"
        if known:
            self.left.pop(me, None)
        else:
            self.note_arrival(guest)
        self.look()

    @rule(who=some)
    def try_to_come_back(self, who: int) -> None:
        """The answer gets lost, and whatever follows: it has to try again, with the token that it has."""
        guest = self.guests[who]
        if guest.here or guest.view.me not in self.house.people:
            return
        unheard = self.world.socket("g1" if who % 2 else "g2")
        unheard.deaf = True
        received = guest.socket.received
        unheard.authenticate(
            version=guest.version, user=guest.user, resumable=True, resume=guest.socket.token, received=received
        )
        self.left.pop(guest.view.me, None)
        self.lost[who] = unheard, self.world.now + NOTICED
        self.look()

    @rule(which=st.sampled_from(["g1", "g2"]))
    def lose_a_gateway(self, which: str) -> None:
        """With all its sockets. Another one of that name comes up."""
        gateway = self.world.gateways[which]
        names = {peer.peer_id for peer in self.world.core.state.peers.values() if peer.gateway == which}
        for socket in gateway.sockets.values():
            socket.deaf = True
        for name in names & self.house.people.keys() - self.left.keys():
            self.left[name] = self.world.core.state.now + RESUME_FOR
        self.world.lose(which)
        del self.world.gateways[which]
        self.world.gateway(which)
        self.look()

    @rule(seconds=st.sampled_from([1.0, 10.0, RESUME_FOR]))
    def pass_time(self, seconds: float) -> None:
        until = self.world.now + seconds
        self.notice_losses(until)
        self.world.now = until
        self.world.say(Tick(0))
        self.remove([name for name, end in self.left.items() if end <= self.world.core.state.now])
        self.look()

    @rule(who=st.integers(0, 5))
    def revoke(self, who: int) -> None:
        """Its tokens are void; the backend gives it another one."""
        guest = self.guests[who]
        assert guest.user is not None
        until = guest.user.issued
        self.world.say(UserRevoked("app", guest.identity, until, 60))
        same = [other for other in self.guests if other.identity == guest.identity]
        hit = [one for one in same if one.user is not None and one.user.issued <= until]
        self.remove([one.view.me for one in hit if one.view.me in self.house.people])
        for one in hit:
            assert one.user is not None
            one.socket.deaf = True
            one.user = User(one.user.id, "", until + 1, NEVER, one.user.rooms)
        self.look()

    @rule()
    def replace_the_broker(self) -> None:
        """Another one reads a snapshot and goes on."""
        core = self.world.core
        state = decode("log", asyncio.run(encode("log", core.state)).whole)
        known = {kept.position: kept.frame for kept in waiting_frames(core.state.peers.values()) if kept.relayed}
        for kept in waiting_frames(state.peers.values()):
            if kept.digest:
                kept.frame, kept.digest = known[kept.position], b""
        restored = Core(core.limits)
        restored.state.level = self.world.level
        applied = [(message.position, read(restored, message)) for message in self.world.log]
        notices = [(position, notice) for position, one in applied for notice in one.notices]
        assert notices == self.world.notices
        restored.adopt(state)
        self.world.core = restored

    def notice_losses(self, until: float) -> None:
        """Gateways close dead sockets in time: what one is sent after HISTORY_SECONDS is not remembered."""
        for who, (socket, when) in sorted(self.lost.items(), key=lambda item: item[1][1]):
            if when > until:
                break
            self.world.now = max(self.world.now, when)
            del self.lost[who]
            guest = self.guests[who]
            if guest.view.me in self.house.people and self.socket_of(guest) is socket:
                self.close(who, gone=False)

    def socket_of(self, guest: Guest) -> Socket | None:
        """The one that the core takes for this guest's; it need not have heard of it."""
        peer = self.world.core.state.peers[guest.view.me]
        return self.world.gateways[peer.gateway].sockets[peer.conn] if peer.conn else None

    def note_arrival(self, guest: Guest) -> None:
        guest.view.take(guest.socket.read())
        guest.said = []
        grants: dict[str, str] | None = dict(guest.user.rooms) if guest.user else None
        self.house.people[guest.view.me] = Somebody(guest.view.me, guest.identity, grants)
        self.house.versions[guest.view.me] = guest.version

    def remove(self, names: list[str]) -> None:
        """As the core does it: all at once."""
        for name in names:
            self.left.pop(name, None)
        if names:
            self.house.gone(names)

    def look(self) -> None:
        for guest in self.guests:
            guest.view.take(guest.socket.read())

    @invariant()
    def the_state_is_sound(self) -> None:
        check(self.world.core.state, self.world.core.limits)

    @invariant()
    def a_backend_knows_the_rooms_from_the_notices(self) -> None:
        for notice in self.world.read_notices():
            self.backend.take(notice)
        assert self.backend.rooms.keys() == self.house.rooms.keys()
        for name, expected in self.house.rooms.items():
            room = self.backend.rooms[name]
            assert list(room.members.items()) == list(expected.roles.items())
            assert (room.owner, room.pending, room.kicked) == (expected.owner, expected.pending, set())
            assert room.policy == {**expected.policy, "max_peers": min(expected.policy["max_peers"] or MOST, MOST)}

    @invariant()
    def rooms_are_as_expected(self) -> None:
        state = self.world.core.state
        assert state.rooms.keys() == self.house.rooms.keys()
        for name, expected in self.house.rooms.items():
            room = state.rooms[name]
            roles = {peer: "owner" if peer == room.owner else member.role for peer, member in room.members.items()}
            assert list(roles.items()) == list(expected.roles.items())
            assert list(room.pending) == expected.pending
            assert room.policy.max_peers == expected.policy["max_peers"]
            assert (room.policy.admission, room.policy.owner_leaves) == (
                expected.policy["admission"],
                expected.policy["owner_leaves"],
            )

    @invariant()
    def everybody_knows_the_state_of_its_rooms(self) -> None:
        for guest in self.guests:
            if not guest.here or guest.version == 1:
                continue
            mine = {name: room for name, room in self.house.rooms.items() if guest.view.me in room.roles}
            assert guest.view.rooms.keys() == mine.keys()
            for name, room in mine.items():
                known = guest.view.rooms[name]
                assert known.members == room.roles.keys()
                assert known.owner == room.owner
                assert known.roles == {who: role for who, role in room.roles.items() if role != "member"}
                people = {who: self.house.people[who] for who in room.roles}
                named = {who: {"id": one.key, "name": ""} for who, one in people.items() if not one.anonymous}
                itself = {who: one for who, one in named.items() if who == guest.view.me}  # one who creates is not told
                assert {**itself, **known.identities} == named
                infos = self.house.infos
                assert known.pending == ({who: infos.get(who) for who in room.pending} if known.is_host else {})
                assert known.infos == {who: infos.get(who) for who in room.roles if who != guest.view.me}
                assert known.data == room.data

    @invariant()
    def newcomers_are_shown_what_was_said_before_they_came_in(self) -> None:
        for guest in self.guests:
            for name, known in guest.view.rooms.items() if guest.here and guest.version > 1 else ():
                assert not known.is_new or known.shown == self.house.rooms[name].shown_to(guest.view.me)
                known.is_new = False

    @invariant()
    def every_word_arrives_once_and_in_order(self) -> None:
        for guest in self.guests:
            if guest.here:
                assert guest.view.words == guest.said
            else:
                assert guest.said[: len(guest.view.words)] == guest.view.words

    def teardown(self) -> None:
        check_replays(self.world)


NAMED = ("room-join-accept", "room-join-reject", "room-role-request", "room-kick-request")

TestRights = Machine.TestCase
TestRights.settings = settings(
    max_examples=250, stateful_step_count=60, deadline=None, phases=(Phase.reuse, Phase.generate)
)
