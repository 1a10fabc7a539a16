"""One history from a seed: a cluster, clients, faults, calm, and the judgement."""

import dataclasses
import gc
import itertools
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tests.chaos.rig.cast import somebody
from tests.chaos.rig.guest import Party
from tests.sim import release
from tests.sim.client import Client
from tests.sim.cluster import APP, SECRET, Cluster, Shape
from tests.sim.conduct import Conduct
from tests.sim.faults import Faults
from tests.sim.judge import Judge, watching
from tests.sim.process import running
from tests.sim.server import EPOCH
from tests.sim.trace import Trace
from tests.sim.universe import Universe

# When, in seconds: faults do not happen any more; all is as if there had been none; nobody says goodbye any more;
# everybody must be back, and is answered; clients do nothing more by themselves; they ask how it is; all is over.
CALM, SETTLED, STAYING, BACK, QUIET, TRUTH, END = 36.0, 44.0, 46.0, 50.0, 52.0, 57.0, 60.0
SOON = 1.0  # seconds after which a speaker has seen to what is due
# Seconds before that in which little happens, so that there are snapshots and the log is trimmed.
OPENING = (55.0, 90.0)
SLOWLY = 0.3  # how often
WITHOUT_BROKERS = 0.5  # how often there are no brokers then
BRISK = 8.0  # seconds until they are slow
SLOWER = (10.0, 10.0, 100.0)  # times as slow as later
CLIENTS = (20, 20, 20, 6)
PACES = (0.5, 1.0, 1.0, 8.0)  # seconds between two things that a client does
PARTIES = 4
MIXED = 0.2  # how often a release before this one is replaced by it
NOTHING: Mapping[str, Any] = {}
AHEAD = 6  # seconds by which the clock of who makes tokens is ahead
SHORT = 0.3  # how often user tokens end while the history goes on
LIVES = (20, 30)  # seconds that they live then


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What a history came to. ``hash`` is the same whenever it is played again."""

    seed: int
    faults: list[str]
    hash: str
    events: int


def shape_of(universe: Universe) -> Shape:
    """What the seed makes of a cluster."""
    chance = universe.chance_of("shape")
    return Shape(
        clients=chance.choice(CLIENTS),
        opening=chance.uniform(*OPENING) if chance.random() < SLOWLY else 0.0,
        slower=chance.choice(SLOWER),
        without_brokers=chance.random() < WITHOUT_BROKERS,
        older=chance.choice(sorted(release.OF_LEVEL)) if chance.random() < MIXED else 0,
    )


def play(seed: int, trace: Trace | None = None, shape: Mapping[str, Any] = NOTHING, hasty: bool = False) -> Outcome:
    """Let a history happen; ``shape`` is what chance does not decide. If it is ``hasty``, it ends at a fault."""
    with _swept_afterwards():
        return _play(seed, trace, shape, hasty)


@contextmanager
def _swept_afterwards() -> Iterator[None]:
    """Look for garbage once, and only among what has come up meanwhile."""
    was_enabled = gc.isenabled()
    gc.disable()
    gc.freeze()
    try:
        yield
    finally:
        gc.collect()
        gc.unfreeze()
        if was_enabled:
            gc.enable()


def _play(seed: int, trace: Trace | None, shape: Mapping[str, Any], hasty: bool) -> Outcome:
    universe = Universe(seed, trace)
    cluster = Cluster(universe, dataclasses.replace(shape_of(universe), **shape))
    judge = Judge(cluster, hasty)
    try:
        with watching(judge), _logs(universe, judge), release.knowing(lambda: cluster.level_of(running())):
            clients = _run(cluster, judge)
        if not universe.over:
            judge.judge_the_end(clients)
    finally:
        cluster.dispose()
    universe.note("end", f"{universe.steps} {universe.chance.random()}")
    numbers = sum(len(story.sent()) for client in clients for story in client.stories)
    return Outcome(seed, judge.faults, universe.trace.hash, numbers)


def _run(cluster: Cluster, judge: Judge) -> list[Client]:
    universe, opening = cluster.universe, cluster.shape.opening
    conducts = _invite(cluster)
    clients = [conduct.client for conduct in conducts]
    faults = Faults(cluster, [client.person for client in clients], opening + CALM)
    cluster.start()

    def run(until: float) -> None:
        universe.run(opening + until)

    if opening:
        _open_slowly(cluster, conducts, faults)
    for client in clients:
        client.home_by = opening + SETTLED
    faults.begin()
    run(CALM)
    faults.end()
    run(SETTLED - SOON)
    judge.note_deadlines()
    run(SETTLED)
    judge.judge_deadlines()
    for conduct in conducts:
        conduct.suffers = False
    run(STAYING)
    for client in clients:
        client.stays = True
    run(BACK)
    judge.judge_answers(clients, decided=False)
    run(QUIET)
    for conduct in conducts:
        conduct.acting = False
    run(TRUTH)
    judge.judge_answers(clients)
    for client in clients:
        client.ask_for_truth()
    run(END - SOON)
    judge.note_deadlines()
    run(END)
    judge.judge_answers(clients)
    for client in clients:
        client.learn_truth()
    return clients


def _open_slowly(cluster: Cluster, conducts: list[Conduct], faults: Faults) -> None:
    shape = cluster.shape
    paces = [conduct.pace for conduct in conducts]
    cluster.universe.run(BRISK)
    for conduct, pace in zip(conducts, paces, strict=True):
        conduct.go_on(pace * shape.slower)
    if shape.without_brokers:
        faults.take_brokers_away(BRISK + 2.0, shape.opening - 3.0)
    cluster.universe.run(shape.opening)
    for conduct, pace in zip(conducts, paces, strict=True):
        conduct.go_on(pace)


def _invite(cluster: Cluster) -> list[Conduct]:
    universe, numbers = cluster.universe, itertools.count(1)
    parties = {name: Party(name) for name in (f"party-{number}" for number in range(PARTIES))}
    conducts = []
    for number in range(cluster.shape.clients):
        chance = universe.chance_of(f"client {number}")
        person = somebody(chance, SECRET, APP, int(EPOCH) + AHEAD)
        if person.identity and chance.random() < SHORT:
            person.life = chance.choice(LIVES)
        client = Client(
            universe,
            cluster.gateways,
            f"client-{number}",
            numbers,
            person,
            resumable=number % 5 != 4,
            counts=number % 5 != 3,
            # who numbers events is refused as long as there may be brokers that do not know what that means
            numbers_events=person.version > 1 and not (cluster.shape.older and number % 2),
            chance=universe.chance_of(f"connection of client {number}"),
        )
        conduct = Conduct(client, parties, f"party-{number % PARTIES}", chance.choice(PACES), chance)
        conduct.suffering = cluster.shape.suffering or conduct.suffering
        conducts.append(conduct)
    return conducts


@contextmanager
def _logs(universe: Universe, judge: Judge) -> Iterator[None]:
    """Take down what processes say in their logs; what calls for somebody is a fault."""

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            universe.note(running(), f"logs {record.getMessage()}")
            if record.levelno >= logging.ERROR or record.exc_info:
                judge.logged(record.getMessage())

    handler = Handler(logging.WARNING)
    loggers = [logging.getLogger(name) for name in ("broker", "gateway", "shared")]
    for logger in loggers:
        logger.addHandler(handler)
        logger.propagate = False
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeHandler(handler)
            logger.propagate = True
