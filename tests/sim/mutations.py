"""The faults that the simulation must find: those that CHANGELOG.md calls fixed and that lie in what is simulated.

Each is a few replacements in the source. ``seed`` found it when it was last looked for.
"""

import dataclasses

Replacement = tuple[str, str, str]  # module, what is there, what was there


@dataclasses.dataclass(frozen=True)
class Mutation:
    """``fault`` is what was wrong, in words; ``within`` how many seeds may be needed, from ``seed`` on."""

    fault: str
    changes: tuple[Replacement, ...]
    seed: int = 0
    within: int = 60


MUTATIONS: dict[str, Mutation] = {
    "history-by-time-alone": Mutation(
        "with no broker for more than 45 s under light traffic, gateways were too far behind and all rooms lost",
        (
            (
                "broker.core.history",
                "self._parcels[0][2] < now - HISTORY_SECONDS and self._is_confirmed():",
                "self._parcels[0][2] < now - HISTORY_SECONDS:",
            ),
        ),
    ),
    "restored-differs": Mutation(
        "a restored broker could differ from the live one",
        (("broker.core.outbox", "line.history.forget_old(self._state.now)", "pass"),),
    ),
    "log-time": Mutation(
        "an absent peer kept its place for as long as the broker's clock was behind",
        (("broker.speaking.log_clock", "return now + self._ahead", "return now + self._ahead - 20"),),
    ),
    "clocks-apart": Mutation(
        "app tokens of a clock that is ahead were not accepted",
        (("shared.contract.tokens", "CLOCKS_APART = 10.0", "CLOCKS_APART = 0.0"),),
    ),
    "no-withdrawal": Mutation(
        "a join request could not be taken back",
        (
            (
                "broker.core.rules.rooms",
                "if room is None or not (peer.peer_id in room.members or peer.peer_id in room.pending):",
                "if room is None or peer.peer_id not in room.members:",
            ),
        ),
    ),
    "resume-asked-twice": Mutation(
        "one that asked twice to be let back in on one socket was told that it was not",
        (
            (
                "broker.core.rules.arrivals",
                "resumed = entry.resume_id == known and entry.resume_generation < peer.generation",
                "resumed = False",
            ),
        ),
    ),
    "created-twice": Mutation(
        "the owner that created its room again was refused",
        (("broker.core.rules.rooms", "elif room.owner != peer.peer_id:", "else:"),),
    ),
    "unheard-resume": Mutation(
        "a peer whose answer to a resume was never heard lost its place when it tried again",
        (
            (
                "broker.core.rules.arrivals",
                "or entry.resume_generation not in peer.starts:",
                "or entry.resume_generation != peer.generation:",
            ),
        ),
    ),
    "unheard-twice": Mutation(
        "a peer that tried to come back more than twice while NATS was away lost its place",
        (("broker.core.rules.arrivals", "MOST_GENERATIONS = 64", "MOST_GENERATIONS = 2"),),
    ),
    "unheard-open": Mutation(
        "a peer whose unheard socket still looked open lost its place when it tried again",
        (("broker.core.rules.arrivals", "if not _may_take_over(core, peer):", "if len(peer.starts) > 1:"),),
    ),
    "lease-lost": Mutation(
        "after the loss of the lease's bucket nobody could take over",
        (("broker.speaking.lease", "self._bucket = None  # it may be gone: opening it again makes it", "pass"),),
    ),
    "lease-low": Mutation(
        "after the loss of the lease's bucket, what time causes no longer counted",
        (
            ("broker.speaking.lease", "self.term = max(self._revision, self._newest() + 1)", "self.term = self._revision"),
            ("broker.speaking.lease", "if self._newest() > self.term:", "if False:"),
        ),
    ),
    "half-a-snapshot": Mutation(
        "a snapshot with missing parts held up the broker's start for ever",
        (
            (
                "broker.storage.snapshots",
                'if info.chunks != (await self._chunks()).get(f"{CHUNKS}{info.nuid}", 0):',
                "if False:",
            ),
        ),
    ),
    "unannounced-term": Mutation(
        "a term that the log did not take at once was never announced",
        (("broker.speaking.speaker", "if state.term < term:", "if False:"),),
    ),
    "stored-twice": Mutation(
        "a batch whose acknowledgement was lost was stored again",
        (
            ("gateway.incoming.log_writer", "Nats-Msg-Id: %s:%d", "Nats-Other-Id: %s:%d"),
            ("broker.core.machine", "if gateway is None or batch.number <= gateway.batch:", "if gateway is None:"),
        ),
    ),
    "two-in-flight": Mutation(
        "a batch that was sent again came after the next one",
        (
            ("gateway.incoming.log_writer", "        if not self._packed:\n            self._go_on()", "        self._send_next()"),
        ),
    ),
    "parcel-twice": Mutation(
        "what two speakers said was heard twice",
        (
            ("gateway.outgoing.inbox", "if parcel.number <= self.have:", "if False:"),
            ("gateway.outgoing.inbox", "if parcel.number != self.have + 1:", "if parcel.number > self.have + 1:"),
        ),
    ),
    "gap-unnoticed": Mutation(
        "a parcel that was lost was never asked for",
        (
            ("gateway.outgoing.inbox", "if parcel.number != self.have + 1:", "if False:"),
        ),
    ),
    "no-fence": Mutation(
        "a gateway that had been given up went on as if nothing had happened",
        (("broker.speaking.speaker", "self._send(gateway, pack_message(Fenced()))", "pass"),),
    ),
    "gateway-kept": Mutation(
        "the peers of a gateway that had died stayed in their rooms",
        (("broker.speaking.watch", "return now - heard.at > self._timeout or", "return"),),
    ),
    "two-brokers-late": Mutation(
        "parcels that a dead speaker had not sent were lost",
        (
            ("broker.speaking.speaker", "misses = beat.have < gateway.parcel and", "misses = False and"),
            ("broker.speaking.speaker", "if self._watch.has_heard(gateway):", "if False:"),
        ),
    ),
    "snapshot-too-new": Mutation(
        "a broker that began from the newest snapshot did not know what gateways had been told",
        (("broker.storage.snapshots", "return base or newest, newest", "return newest, newest"),),
    ),
    "trimmed-too-far": Mutation(
        "the log was trimmed although a gateway had not confirmed what follows from it",
        (("broker.storage.retention", "and name.position < newest.unconfirmed", ""),),
    ),
    "kept-not-bounded": Mutation(
        "words for one who was absent were dropped instead of refused",
        (("broker.core.keeping", '            raise Refusal(TOO_MANY, "The peer is away or slow, and enough of yours waits for it")', "            peer.kept.clear()"),),
    ),
    "ownership-moves": Mutation(
        "an owner that was away for a moment lost its room",
        (("broker.core.rules.departures", "    core.out.recover(gateway, peers, seen)", "    core.out.recover(gateway, peers, seen)\n    for peer in peers:\n        for key in list(peer.rooms)[:1]:\n            if core.state.rooms[key].owner == peer.peer_id:\n                core.state.rooms[key].owner = next(reversed(core.state.rooms[key].members))"),),
    ),
}  # fmt: skip
