"""Whatever people, gateways, the network and the clock do, the core does what the model says."""

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from shared.envelopes import subjects
from shared.envelopes.entries import GatewayLost, Speaking, Tick
from tests.broker.cast import Person
from tests.broker.invariants import check, plain_but_for_progress
from tests.broker.play import RESUME_FOR, Play, Saying
from tests.broker.replay import check_replays
from tests.broker.rogue import LIES, NAME, Lie, Rogue
from tests.broker.world import RELAYED

ROOM_EVENTS = ("room-create-request", "room-join-request", "room-join-accept", "room-join-reject", "room-leave-request")
PHASES = (Phase.reuse, Phase.generate)  # to shrink and explain a failure takes minutes
some = st.integers(0, 30)  # chooses among what there is
RELAYS = list(RELAYED)
rooms = st.sampled_from(("red", "red", "green", "blue"))
sayings = st.tuples(st.sampled_from([*ROOM_EVENTS, *RELAYS]), rooms, some, st.booleans())


class Machine(RuleBasedStateMachine):
    """Every rule appends to the log at most once, or does something that the log does not see."""

    def __init__(self) -> None:
        super().__init__()
        self.play = Play()
        self.world, self.answers = self.play.world, self.play.answers
        self.rogue = Rogue(self.world)

    @initialize()
    def begin(self) -> None:
        for _ in range(2):
            self.play.bring_up_gateway()
        for number in range(5):
            self.arrive(number, resumable=number > 0)
        self.say_as(self.play.person(1), "room-create-request", "red", 0, ack=False)
        for number in (2, 3):
            self.ask(number, "red", ack=True)
        self.decide("red", 0, "room-join-accept")
        self.come_back(4, 1)
        self.ask(4, "red", ack=True)

    @precondition(lambda self: len(self.play.up) < 3)
    @rule()
    def bring_up_a_gateway(self) -> None:
        self.play.bring_up_gateway()

    @precondition(lambda self: len(self.play.people) < 7)
    @rule(where=some, resumable=st.booleans())
    def arrive(self, where: int, resumable: bool) -> None:
        self.play.people.append(Person(self.play.open(where)))
        self.play.authenticate(self.play.people[-1], resumable)

    @rule(who=some, resumable=st.sampled_from([True, False, None]))
    def renew(self, who: int, resumable: bool | None) -> None:
        person = self.play.person(who)
        if self.play.speaks(person):
            self.play.authenticate(person, resumable)

    @rule(who=some, where=some)
    def come_back(self, who: int, where: int) -> None:
        """On another socket, whether or not the old one is gone, or its gateway."""
        person = self.play.person(who)
        person.socket.deaf = True
        person.socket = self.play.open(where)
        self.play.authenticate(person, resumable=True)

    @rule(room=rooms, which=some, told=st.integers(1, 3), where=some)
    def miss_something_and_come_back(self, room: str, which: int, told: int, where: int) -> None:
        members = self.play.members(room)
        if len(members) > 1:
            member = members.pop(which % len(members))
            self.lose_the_network(member)
            for number in range(told):
                self.say_as(self.play.people[members[0]], RELAYS[number % 2], room, member, True)
            self.come_back(member, where)

    @rule(who=some, where=some)
    def steal(self, who: int, where: int) -> None:
        """Somebody shows a token that is not the newest any more."""
        if token := self.play.outdated(self.play.person(who).token):
            thief = Person(self.play.open(where))
            thief.token = token
            self.play.authenticate(thief, resumable=False)
            assert not self.answers.admits[0].resumed

    @rule(who=some, saying=sayings)
    def say(self, who: int, saying: Saying) -> None:
        """Anything at all, which is mostly refused."""
        self.say_as(self.play.person(who), *saying)

    @rule(who=some, room=rooms, ack=st.booleans())
    def ask(self, who: int, room: str, ack: bool) -> None:
        self.say_as(self.play.person(who), "room-join-request", room, 0, ack)

    @rule(room=rooms, which=some, decision=st.sampled_from(["room-join-accept"] * 3 + ["room-join-reject"]))
    def decide(self, room: str, which: int, decision: str) -> None:
        """As the owner, on one who waits."""
        owner, waiting = self.play.owner_and_waiting(room)
        if owner and waiting:
            self.say_as(owner, decision, room, waiting[which % len(waiting)], True)

    @rule(room=rooms, which=some, whom=some, event=st.sampled_from(RELAYS))
    def relay(self, room: str, which: int, whom: int, event: str) -> None:
        members = self.play.members(room)
        if len(members) > 1:
            member = members.pop(which % len(members))
            self.say_as(self.play.people[member], event, room, members[whom % len(members)], True)

    @rule(room=rooms, which=some)
    def leave(self, room: str, which: int) -> None:
        if members := self.play.members(room):
            self.say_as(self.play.people[members[which % len(members)]], "room-leave-request", room, 0, True)

    def say_as(self, person: Person, event: str, room: str, whom: int, ack: bool) -> None:
        if self.play.speaks(person):
            said = self.play.said(person.socket, event, room, whom, ack)
            before = plain_but_for_progress(self.world.core.state)
            code = self.play.expect(said)
            self.play.send(person.socket, said)
            assert self.answers.codes_for(said.conn) == ([code] if code else [])
            assert not code or plain_but_for_progress(self.world.core.state) == before, "refused, and yet a change"

    @rule(who=some, sayings=st.lists(sayings, min_size=2, max_size=6))
    def say_several_things_at_once(self, who: int, sayings: list[Saying]) -> None:
        person = self.play.person(who)
        if self.play.speaks(person):
            entries = [self.play.said(person.socket, *saying) for saying in sayings]
            codes = [self.play.expect(said) for said in entries]
            self.play.send(person.socket, *entries)
            assert self.answers.codes_for(person.socket.conn) == [code for code in codes if code]

    @rule(who=some, which=some, saying=sayings)
    def speak_on_a_socket_left_behind(self, who: int, which: int, saying: Saying) -> None:
        sockets = self.play.gateway(which).sockets.values()
        left = [socket for socket in sockets if socket.deaf and not self.play.sits(socket)]
        if left:
            socket = left[who % len(left)]
            event, room, whom, _ = saying
            self.play.send(socket, self.play.said(socket, event, room, whom, ack=False))
            assert self.answers.codes_for(socket.conn) == ["unauthorized"]

    @rule(which=some)
    def repeat_a_batch(self, which: int) -> None:
        before, parcels = plain_but_for_progress(self.world.core.state), len(self.world.parcels)
        self.world.feed(self.play.gateway(which).last_sent)
        assert plain_but_for_progress(self.world.core.state) == before
        assert len(self.world.parcels) == parcels

    @rule(who=some, room=rooms, lie=st.sampled_from(LIES), writer=st.sampled_from([NAME, NAME, "g1", "b1"]))
    def suffer_a_rogue_gateway(self, who: int, room: str, lie: Lie, writer: str) -> None:
        """Nobody is touched by it, and nobody else told anything."""
        before, parcels = plain_but_for_progress(self.world.core.state), len(self.world.parcels)
        self.rogue.say(self.play.person(who).socket, room, lie, writer, 0 if writer == "b1" else None)
        assert plain_but_for_progress(self.world.core.state) == before
        assert {gateway for gateway, _ in self.world.parcels[parcels:]} <= {NAME}
        self.play.look()

    @rule(data=st.binary(max_size=40), which=some)
    def find_junk_in_the_log(self, data: bytes, which: int) -> None:
        subject = (subjects.BROKER_EVENTS, subjects.gateway_events("g1"), subjects.OLD_EVENTS, "other")[which % 4]
        before = plain_but_for_progress(self.world.core.state)
        self.world.feed(data, subject)
        assert plain_but_for_progress(self.world.core.state) == before

    @rule(who=some, for_good=st.booleans())
    def close(self, who: int, for_good: bool) -> None:
        socket = self.play.person(who).socket
        if socket.gateway.name in self.play.up:
            self.play.close(socket, for_good)

    @rule(who=some)
    def lose_the_network(self, who: int) -> None:
        """And nobody has noticed yet."""
        self.play.person(who).socket.deaf = True

    @rule(which=some)
    def get_stuck(self, which: int) -> None:
        self.play.gateway(which).stuck = True

    @rule(which=some)
    def go_on(self, which: int) -> None:
        self.play.gateway(which).go_on()

    @precondition(lambda self: len(self.play.up) > 1)
    @rule(which=some)
    def lose_a_gateway(self, which: int) -> None:
        gateway = self.play.gateway(which)
        self.play.up.remove(gateway.name)
        self.play.leave(gateway.sockets, for_good=False)
        for socket in gateway.sockets.values():
            socket.deaf = True
        self.world.lose(gateway.name)
        self.play.look()

    @rule(seconds=st.sampled_from([10.0, RESUME_FOR]))
    def let_time_pass(self, seconds: float) -> None:
        self.play.pass_time(seconds)
        self.play.expire()
        self.world.say(Tick(self.world.term))
        due = self.world.core.next_deadline()
        assert due is None or due > self.world.core.state.now, "all that was due has happened"
        self.play.look()

    @rule(seconds=st.sampled_from([0.0, RESUME_FOR]))
    def change_the_speaker(self, seconds: float) -> None:
        """Whatever the one before says is due, is not."""
        self.play.pass_time(seconds)
        self.world.term += 1
        self.world.say(Speaking(self.world.term))
        self.world.say(Tick(self.world.term - 1))
        self.world.say(GatewayLost(self.world.term - 1, self.play.up[0], 0))

    @invariant()
    def the_state_is_sound(self) -> None:
        check(self.world.core.state, self.world.core.limits)

    @invariant()
    def rooms_and_seats_are_as_expected(self) -> None:
        state, model = self.world.core.state, self.play.model
        assert state.rooms.keys() == model.rooms.keys()
        for name, expected in model.rooms.items():
            assert state.rooms[name].owner == expected.owner
            assert list(state.rooms[name].members) == expected.members
            assert {peer: len(one.acks) for peer, one in state.rooms[name].pending.items()} == expected.pending
        assert state.conns == {seat.conn: peer for peer, seat in self.play.seats.items() if seat.conn}
        assert state.absent.keys() == {peer for peer, seat in self.play.seats.items() if not seat.conn}

    @invariant()
    def everybody_is_told_what_concerns_them_once_in_order_and_nothing_else(self) -> None:
        for person in self.play.people:
            person.read()
            told = self.play.model.told.get(person.token.peer_id, {})
            if self.play.speaks(person) and not person.socket.gateway.stuck:
                assert person.story == told
            else:
                assert all(told[room][: len(story)] == story for room, story in person.story.items())

    @invariant()
    def acknowledgements_are_answered_once_and_when_the_outcome_is_final(self) -> None:
        assert all(count == 1 for count in self.answers.acks.values())
        assert self.answers.acks.keys() <= {(asked.conn, asked.number) for asked in self.play.asked}
        for asked in self.play.asked:
            assert (asked.conn, asked.number) in self.answers.acks or not self.play.settled(asked)

    def teardown(self) -> None:
        check_replays(self.world)


TestCore = Machine.TestCase
TestCore.settings = settings(max_examples=100, stateful_step_count=40, deadline=None, phases=PHASES)
