"""The faults that the simulation must find: those that CHANGELOG.md calls fixed and that lie in what is simulated, and
some that would be felt by nobody but those who read notices.

What it cannot find lies outside: transport, HTTP, the demo, alerts and deployment; hostile writers of the log and
stolen passwords; how long something takes a processor, and how large a message or a log gets (all of it is small
here); a connection that is closed for good; a rule that raises, since none does (``test_rule_failures.py`` has one);
a broker that is away for minutes, or has no good snapshot while another one speaks (``test_replica.py`` has both).
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

Replacement = tuple[str, str, str]  # module, what is there, what was there in place of it

ARRIVALS, DEPARTURES, ROLES, ROOMS = (
    f"broker.core.rules.{name}" for name in ("arrivals", "departures", "roles", "rooms")
)
SPEAKER, LEASE, SNAPSHOTS = "broker.speaking.speaker", "broker.speaking.lease", "broker.storage.snapshots"
ADMISSION, MODERATION, REPEATS, REQUESTS = (
    f"broker.core.rules.{name}" for name in ("admission", "moderation", "repeats", "requests")
)
IMAGE = "broker.storage.image"
INBOX, LOG_WRITER = "gateway.outgoing.inbox", "gateway.incoming.log_writer"


@dataclasses.dataclass(frozen=True)
class Mutation:
    """``fault`` is what was wrong; ``seed`` found it when it was last looked for, at most ``within`` have to.

    ``shape`` is that of histories in which it shows often (``cluster.py``), so that a seed finds it soon whatever has
    changed in the code. One that is ``rare`` takes hundreds of histories all the same: it is looked for by hand.
    """

    fault: str
    changes: tuple[Replacement, ...]
    seed: int = 1
    within: int = 40
    rare: bool = False
    shape: Mapping[str, Any] = dataclasses.field(default_factory=dict)


def _one(module: str, old: str, new: str, fault: str, seed: int = 1, rare: bool = False, **shape: Any) -> Mutation:
    return Mutation(fault, ((module, old, new),), seed, rare=rare, shape=shape)


# Brokers begin from an older snapshot again and again, and gateways have not confirmed what followed from before it.
IN_VAIN: Mapping[str, Any] = {
    "opening": 90.0,
    "slower": 100.0,
    "without_brokers": True,
    "in_vain": True,
    "snapshots": 1.0,
    "mix": ("kill_brokers", "stall_consumer", "partition"),
}

MUTATIONS: dict[str, Mutation] = {
    "history-by-time-alone": _one(
        "broker.core.history",
        "self._parcels[0][2] < now - HISTORY_SECONDS and self._is_confirmed():",
        "self._parcels[0][2] < now - HISTORY_SECONDS:",
        "with no broker for more than 45 s under light traffic, gateways were too far behind and all rooms lost",
        opening=80.0,
        without_brokers=True,
    ),
    "restored-differs": _one(
        "broker.core.outbox",
        "line.history.forget_old(self._state.now)",
        "pass",
        "a restored broker could differ from the live one",
        rare=True,
        opening=90.0,
        slower=100.0,
        without_brokers=False,
        clients=6,
        mix=("kill_broker", "kill_gateway"),
    ),
    "log-time": _one(
        "broker.speaking.log_clock",
        "return now + self._ahead",
        "return now + self._ahead - 20",
        "an absent peer kept its place for as long as the broker's clock was behind",
        resume_for=8.0,
        seed=2,
    ),
    "clocks-apart": _one(
        "shared.contract.tokens",
        "CLOCKS_APART = 10.0",
        "CLOCKS_APART = 0.0",
        "app tokens of a clock that is ahead were not accepted",
    ),
    "no-withdrawal": _one(
        "broker.core.rights",
        "if room is None or not (peer.peer_id in room.members or peer.peer_id in room.pending):",
        "if room is None or peer.peer_id not in room.members:",
        "a join request could not be taken back",
        seed=2,
    ),
    "resume-asked-twice": _one(
        ARRIVALS,
        "return peer, entry.resume_id == known and entry.resume_generation < peer.generation",
        "return peer, False",
        "one that asked twice to be let back in on one socket was told that it was not",
        seed=2,
    ),
    "created-twice": _one(
        ROOMS,
        "elif asked.room.owner != peer.peer_id:",
        "else:",
        "the owner that created its room again was refused",
    ),
    "unheard-resume": _one(
        ARRIVALS,
        "or entry.resume_generation not in peer.starts:",
        "or entry.resume_generation != peer.generation:",
        "a peer whose answer to a resume was never heard lost its place when it tried again",
        mix=("lose_connection", "kill_nats", "swallow"),
        seed=4,
    ),
    "unheard-twice": _one(
        ARRIVALS,
        "MOST_GENERATIONS = 64",
        "MOST_GENERATIONS = 2",
        "a peer that tried to come back more than twice while NATS was away lost its place",
        mix=("kill_nats", "elect"),
    ),
    "unheard-open": _one(
        ARRIVALS,
        "if not _may_take_over(core, peer):",
        "if len(peer.starts) > 1:",
        "a peer whose unheard socket still looked open lost its place when it tried again",
        mix=("kill_nats", "swallow", "elect"),
        seed=5,
    ),
    "lease-lost": _one(
        LEASE,
        "self._bucket = None  # it may be gone: opening it again makes it",
        "pass",
        "after the loss of the lease's bucket nobody could take over",
        mix=("lose_lease", "kill_broker"),
        seed=3,
    ),
    "lease-low": Mutation(
        "after the loss of the lease's bucket, what time causes no longer counted",
        (
            (LEASE, "self.term = max(revision, self._newest() + 1)", "self.term = revision"),
            (LEASE, "if self._newest() > self.term:", "if False:"),
        ),
        shape={"mix": ("lose_lease", "kill_gateway", "kill_broker")},
    ),
    "half-a-snapshot": _one(
        SNAPSHOTS,
        'if info.chunks != (await self._chunks()).get(f"{CHUNKS}{info.nuid}", 0):',
        "if False:",
        "a snapshot with missing parts held up the broker's start for ever",
        opening=60.0,
        without_brokers=False,
        mix=("lose_part_of_snapshot",),
    ),
    "unannounced-term": _one(
        SPEAKER,
        "if state.term < term:",
        "if False:",
        "a term that the log did not take at once was never announced",
        mix=("change_speaker",),
    ),
    "stored-twice": Mutation(
        "a batch whose acknowledgement was lost was stored again, and done again",
        (
            ("gateway.incoming.flight", "Nats-Msg-Id: %s:%d", "Nats-Other-Id: %s:%d"),
            ("broker.core.machine", "if gateway is None or batch.number <= gateway.batch:", "if gateway is None:"),
        ),
        shape={"mix": ("swallow", "lose_connection", "elect", "kill_nats")},
        seed=2,
    ),
    "two-in-flight": _one(
        LOG_WRITER,
        "self._gathering or self._flight.busy or not",
        "self._gathering or not",
        "batches were sent before the one in flight was stored, and lost or out of order when it was sent again",
        mix=("elect", "kill_nats", "lose_connection", "slow_store"),
    ),
    "parcel-twice": Mutation(
        "what two speakers said was heard twice",
        (
            (INBOX, "if parcel.number <= self.have:", "if False:"),
            (INBOX, "if parcel.number != self.have + 1:", "if parcel.number > self.have + 1:"),
        ),
        shape={"mix": ("freeze", "partition", "kill_broker")},
    ),
    "gap-unnoticed": _one(
        INBOX,
        "if parcel.number != self.have + 1:",
        "if False:",
        "a parcel that was lost was never asked for",
        mix=("swallow", "kill_while_publishing"),
        seed=2,
    ),
    "no-fence": _one(
        SPEAKER,
        "self._send(gateway, pack_message(Fenced()))",
        "pass",
        "a gateway that had been given up went on as if nothing had happened",
        mix=("freeze", "partition"),
        seed=2,
    ),
    "gateway-kept": _one(
        "broker.speaking.watch",
        "return now - heard.at > self._timeout or",
        "return",
        "the peers of a gateway that had died stayed in their rooms",
        mix=("kill_gateway", "kill_host"),
    ),
    "unsent-parcels": Mutation(
        "parcels that a dead speaker had not sent were lost",
        (
            (SPEAKER, "misses = beat.have < gateway.parcel and", "misses = False and"),
            (SPEAKER, "if self._watch.has_heard(gateway):", "if False:"),
        ),
        shape={"mix": ("kill_brokers", "kill_while_publishing")},
    ),
    "newest-snapshot": _one(
        SNAPSHOTS,
        "return base or newest, newest",
        "return newest, newest",
        "a broker that began from the newest snapshot did not know what gateways had been told",
        mix=("kill_brokers", "kill_gateway"),
    ),
    "trimmed-too-far": _one(
        "broker.storage.retention",
        "and name.position < newest.unconfirmed",
        "",
        "the log was trimmed although a gateway had not confirmed what follows from it",
        **IN_VAIN,
        seed=9,
    ),
    "rehearsed-in-earnest": _one(
        "broker.core.rules.arrivals",
        " and not core.out.is_believed(peer)",
        "",
        "a broker that began from an older snapshot gave up places on the way, and then knew nothing of some gateways",
        **IN_VAIN,
        seed=25,
    ),
    "resent-forgotten": _one(
        "broker.core.rehearsal",
        "return later.resent",
        "pass",
        "a broker that began from an older snapshot did not know what had been sent again on the way",
        **IN_VAIN,
        seed=25,
    ),
    "words-unbounded": _one(
        "broker.core.keeping",
        'return "The peer is away or slow, and enough of yours waits for it"',
        "pass",
        "what one sender let wait for an absent peer was not bounded",
        seed=6,
    ),
    "silent-owner": _one(
        ROLES,
        "        core.out.tell(told, RoomOwner(room=room.name, peer_id=peer_id), keeping.owned(room.key))\n",
        "        pass\n",
        "members were not told of a new owner",
        seed=2,
    ),
    "notices-without-condition": _one(
        "broker.storage.notice_stream",
        "pack_bundle(before, notices), headers=headers)",
        "pack_bundle(before, notices))",
        "of two brokers that both take themselves for the speaker, each stores all notices",
        mix=("freeze", "partition"),
        seed=6,
    ),
    "notices-stored-again": _one(
        "broker.speaking.notices",
        "        self._unstored.note_end(stored)\n",
        "",
        "a new speaker stores again what another one has stored",
        mix=("kill_brokers", "freeze"),
    ),
    "count-anew": _one(
        ARRIVALS,
        "peer.gaps |= dict.fromkeys(sorted(missing), peer.generation)",
        "pass",
        "a peer of version 2 lost its place when the answer to its return was lost, and state of its rooms before that",
        mix=("kill_gateway", "lose_connection", "swallow"),
        seed=3,
    ),
    "witness-of-one-place": _one(
        "gateway.witness",
        "if position > self._newest.position and taken:",
        "if position > self._newest.position and taken and not self._unanswered:",
        "a gateway was not noticed that knew what NATS had lost when it was away twice in a row",
        rare=True,
        mix=("cut_power", "kill_nats", "lose_connection"),
    ),
    "renewed-elsewhere": _one(
        ARRIVALS,
        "if entry.renews and core.state.level >= RIGHTS:",
        "if False:",
        "a renewal on a socket that its peer had left made somebody new",
        suffering=("drop",),
        mix=("partition", "slow_store", "elect"),
        seed=2,
    ),
    "banned-waits": _one(
        ADMISSION,
        "elif bans.is_banned(room, candidate, core.state.now):",
        "elif False:",
        "one who was banned could ask again",
        seed=2,
    ),
    "kicked-still-waits": _one(
        MODERATION,
        "        if other.peer_id in room.pending:\n",
        "        if other.peer_id in room.pending and ban:\n"
        "            continue\n"
        "        if other.peer_id in room.pending:\n",
        "one who was banned while it waited went on waiting",
        mix=("set_clock",),
    ),
    "identity-not-kicked": _one(
        MODERATION,
        "banned = [other for other in _same(core, room, peer) if bans.is_banned(room, other, core.state.now)]",
        "banned: list[Peer] = []",
        "the other devices of one who was banned stayed in the room",
        seed=6,
    ),
    "ban-lost-in-snapshot": _one(
        IMAGE,
        "rooms=Table({room.key: room for room in rooms}),",
        "rooms=Table({room.key: msgspec.structs.replace(room, bans={}) for room in rooms}),",
        "a broker that began from a snapshot did not know who was banned",
        mix=("kill_brokers",),
        seed=6,
    ),
    "role-lost-at-failover": _one(
        IMAGE,
        "rooms=Table({room.key: room for room in rooms}),",
        "rooms=Table({room.key: msgspec.structs.replace(room, members={name: type(one)(one.joined) for name, one in "
        "room.members.items()}) for room in rooms}),",
        "a broker that began from a snapshot did not know the moderators",
        mix=("kill_brokers",),
    ),
    "policy-lost-in-snapshot": _one(
        IMAGE,
        "rooms=Table({room.key: room for room in rooms}),",
        "rooms=Table({room.key: msgspec.structs.replace(room, policy=type(room.policy)()) for room in rooms}),",
        "a broker that began from a snapshot did not know a room's policy",
        mix=("kill_brokers",),
    ),
    "host-locked-out": _one(
        ADMISSION,
        'if grant in ("moderate", "own"):',
        'if grant in ("moderate", "own") and room.policy.admission != "closed":',
        "a host by grant was locked out of a closed room",
        seed=6,
    ),
    "open-room-keeps-waiting": _one(
        MODERATION,
        "    if opened:\n",
        "    if False:\n",
        "those who waited were not let in when a room was opened",
        seed=3,
    ),
    "end-of-request-untold": _one(
        REQUESTS,
        "if any(host.version > 1 for host in deciders):",
        "if False:",
        "hosts were not told that a request was over",
        seed=2,
    ),
    "member-decides": _one(
        "broker.core.rights",
        "if room.owner != peer.peer_id and not is_host(room, peer.peer_id):",
        "if peer.peer_id not in room.members:",
        "any member could decide who comes in",
        seed=2,
    ),
    "anybody-kicks": _one(
        "broker.core.rights",
        "    if not is_host(room, peer.peer_id):\n",
        "    if False:\n",
        "any member could do what only hosts may",
    ),
    "role-untold": _one(
        ROLES,
        "    core.out.tell(told, news, keeping.has_role(room.key, peer_id))\n",
        "    pass\n",
        "members were not told of a new role",
    ),
    "ghost-of-a-user": _one(
        "broker.core.rules.endings",
        "end_session(core, peer, REVOKED)",
        "pass",
        "peers of an identity stayed when that was revoked",
        mix=("revoke_user",),
    ),
    "change-without-a-level": _one(
        ROOMS,
        'refusal = Refusal(NOT_FOUND, "Room is closed.")',
        'refusal = Refusal(NOT_FOUND, "Room is gone.")',
        "brokers of the last release said something else, and the level was the same",
        older=2,
        seed=2,
    ),
    "slow-and-stale": _one(
        ROOMS,
        "if peer.kept and core.state.level >= LIFE:",
        "if False:",
        "a client that read slowly was told that it was in a room after it had left that",
        suffering=("stall",),
        seed=6,
    ),
    "place-written-anew": _one(
        "broker.speaking.parting",
        "if self._log.marks.deny(beat.position, beat.taken):  # something else has been written there meanwhile",
        "if False:",
        "a gateway was not noticed that knew of a place which was written anew while it was looked for",
        rare=True,
        mix=("cut_power", "kill_brokers", "stall_consumer"),
    ),
    "level-alone": _one(
        "broker.speaking.agreement",
        "return min([levels.LEVEL, *(level for _, level in self._heard.values()), *gateways])",
        "return levels.LEVEL",
        "the level was raised while a process was up that did not know it",
        older=2,
        seed=2,
    ),
    "done-twice": _one(
        REPEATS,
        "    if numbers is None or n > numbers.newest:\n",
        "    if True:\n",
        "what a client sent again was done again",
        mix=("kill_gateway", "lose_connection", "kill_nats"),
    ),
    "rejection-forgotten": _one(
        REQUESTS,
        'candidate.numbers.add(Answered(n, checksum(RoomJoinRequest.NAME, room.name, ""), outcome, []))',
        "pass",
        "a request to join that had been rejected was made again when its client asked again for the answer",
        seed=4,
    ),
    "numbers-not-in-snapshots": _one(
        IMAGE,
        "peers=Table({peer.peer_id: peer for peer in peers}),",
        "peers=Table({peer.peer_id: msgspec.structs.replace(peer, numbers=None) for peer in peers}),",
        "a broker that began from a snapshot did not know what had been done",
        mix=("kill_brokers",),
    ),
    "notices-lost-at-takeover": _one(
        "broker.speaking.notices",
        "        self._unstored.add(position, notices)\n",
        "        if self._lease.held:\n            self._unstored.add(position, notices)\n",
        "a new speaker did not know the notices that the one before had not stored",
        mix=("kill_broker", "freeze"),
        seed=3,
    ),
    "rights-before-their-level": _one(
        "shared.contract.told",
        "return version >= event.SINCE and (not event.UNTIL or version <= event.UNTIL)",
        "return version >= event.SINCE",
        "clients of version 2 were told what only those of version 1 understand",
    ),
    "endings-forgotten": _one(
        "broker.core.rules.deadlines",
        "    Deadline(endings.next_end, endings.pass_ends),\n",
        "",
        "peers stayed in their rooms although their user tokens had ended",
        opening=60.0,
        without_brokers=False,
        seed=3,
    ),
    "goodbye-forgotten": _one(
        "gateway.switchboard",
        '"lost" if lost else "closed", for_good))',
        '"lost" if lost else "closed", False))',
        "one that had said goodbye kept its place",
        seed=8,
    ),
    "late-answer": _one(
        "gateway.incoming.flight",
        "if not self.busy or subject != self.reply:",
        "if not self.busy:",
        "the answer to a batch that had been sent twice was taken for one to the next batch, which was lost",
        mix=("slow_store", "elect", "swallow"),
    ),
    "same-number-again": _one(
        "broker.core.machine",
        "if gateway is None or batch.number <= gateway.batch:",
        "if gateway is None or batch.number < gateway.batch:",
        "a batch that was stored twice in a row was done twice",
        mix=("repeat_batch",),
        seed=4,
    ),
    "count-not-in-snapshots": _one(
        IMAGE,
        "        number=image.number,\n",
        "",
        "a broker that began from a snapshot gave versions of data and ids of messages once more",
        mix=("kill_brokers",),
    ),
    "absence-not-in-snapshots": _one(
        IMAGE,
        "        absent=image.absent,\n",
        "",
        "a broker that began from a snapshot let those who were absent stay for ever",
        mix=("kill_brokers", "kill_gateway"),
    ),
    "revocations-not-in-snapshots": _one(
        IMAGE,
        "        revoked_users=image.revoked_users,\n",
        "",
        "a broker that began from a snapshot let in whose token was revoked",
        mix=("kill_brokers", "revoke_user"),
    ),
    "leave-unnoticed": _one(
        ROOMS,
        "        core.notices.peer_left(room, peer, reason)\n",
        "        if reason != 'lost':\n            core.notices.peer_left(room, peer, reason)\n",
        "backends were not noticed of those whose connection was lost",
        resume_for=8.0,
        seed=2,
    ),
    "decision-unnoticed": _one(
        REQUESTS,
        "    core.notices.request_decided(room, candidate, reason, by)\n",
        "    if by is not None:\n        core.notices.request_decided(room, candidate, reason, by)\n",
        "backends were not noticed of requests that ended by themselves",
    ),
    "counted-again": _one(
        "broker.core.outbox",
        "peer.told += counts(kept.kind, peer.version) and not kept.count",
        "peer.told += counts(kept.kind, peer.version)",
        "what was sent again was counted again, and one that came back once more lost its place or missed something",
        mix=("lose_connection", "kill_gateway"),
        seed=2,
    ),
    "end-of-a-room-unheard": _one(
        ARRIVALS,
        "        before = kept.count or before\n        if before > had:\n",
        "        before = kept.count\n        if before > had:\n",
        "one of version 1 that was put out while its connection was dead believed to be in an empty room",
        rare=True,
        mix=("freeze", "partition"),
    ),
    "released-before-it-is-stored": _one(
        SNAPSHOTS,
        "        store = await self._open()\n        await store.put(str(name), Pieces(encoded.pieces))\n",
        "        store = await self._open()\n        self._trimming.release(name.position)\n"
        "        await store.put(str(name), Pieces(encoded.pieces))\n",
        "the log was released behind a snapshot that was not stored yet",
        opening=60.0,
        without_brokers=False,
        mix=("kill_brokers", "kill_while_publishing"),
    ),
}
