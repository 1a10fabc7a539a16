"""One history from a seed: a cluster, clients, faults, calm, and the judgement."""

import dataclasses
import gc
import itertools
import logging
from collections.abc import Iterator
from contextlib import contextmanager

from tests.chaos.rig.guest import Party
from tests.sim.client import Client
from tests.sim.cluster import Cluster, Shape
from tests.sim.faults import Faults
from tests.sim.judge import Judge, watching
from tests.sim.process import running
from tests.sim.trace import Trace
from tests.sim.universe import Universe

# When, in seconds: faults do not happen any more; all is as if there had been none; nobody says goodbye any more;
# everybody must be back, and is answered; clients do nothing more by themselves; they ask how it is; all is over.
CALM, SETTLED, STAYING, BACK, QUIET, TRUTH, END = 36.0, 44.0, 46.0, 50.0, 52.0, 57.0, 60.0
OPENING = (
    55.0,
    90.0,
)  # seconds before that in which little happens, so that there are snapshots and the log is trimmed
SLOWLY = 0.3  # how often
LITTLE = 10.0  # times as slow as later
CLIENTS = (20, 20, 20, 6)
PACES = (0.5, 1.0, 1.0, 8.0)  # seconds between two things that a client does
PARTIES = 4


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What a history came to. ``hash`` is the same whenever it is played again."""

    seed: int
    faults: list[str]
    hash: str
    events: int


def play(seed: int, trace: Trace | None = None, shape: Shape | None = None) -> Outcome:
    """Let a history happen."""
    universe = Universe(seed, trace)
    chance = universe.chance
    shape = shape or Shape(clients=chance.choice(CLIENTS))
    cluster = Cluster(universe, shape)
    opening = chance.uniform(*OPENING) if chance.random() < SLOWLY else 0.0
    judge = Judge(cluster)
    gc_was_enabled = gc.isenabled()
    gc.disable()
    try:
        with watching(judge), _logs(universe, judge):
            clients = _run(cluster, judge, shape, opening)
        judge.judge_the_end(clients)
    finally:
        cluster.dispose()
        if gc_was_enabled:
            gc.enable()
    universe.note("end", f"{universe.steps} {chance.random()}")
    numbers = sum(len(story.sent()) for client in clients for story in client.stories)
    return Outcome(seed, judge.faults, universe.trace.hash, numbers)


def _run(cluster: Cluster, judge: Judge, shape: Shape, opening: float) -> list[Client]:
    universe = cluster.universe
    cluster.start()
    clients = _invite(cluster, shape)
    for client in clients:
        client.pace *= LITTLE if opening else 1

    faults = Faults(cluster, opening + CALM)

    def run(until: float) -> None:
        universe.run(opening + until)

    if opening and universe.chance.random() < 0.5:
        faults.take_brokers_away(2.0, opening - 3.0)
    run(0)
    for client in clients:
        client.pace /= LITTLE if opening else 1
        client.home_by = opening + SETTLED
    faults.begin()
    run(CALM)
    faults.end()
    run(SETTLED)
    for client in clients:
        client.suffers = False
    run(STAYING)
    for client in clients:
        client.stays = True
    run(BACK)
    judge.judge_answers(clients, decided=False)
    run(QUIET)
    for client in clients:
        client.acting = False
    run(TRUTH)
    judge.judge_answers(clients)
    for client in clients:
        client.ask_for_truth()
    run(END)
    judge.judge_answers(clients)
    for client in clients:
        client.learn_truth()
    return clients


def _invite(cluster: Cluster, shape: Shape) -> list[Client]:
    numbers = itertools.count(1)
    parties = [Party(f"party-{number}") for number in range(PARTIES)]
    return [
        Client(
            cluster.universe,
            cluster.gateways,
            f"client-{number}",
            numbers,
            parties[number % PARTIES],
            cluster.token,
            resumable=number % 5 != 4,
            counts=number % 5 != 3,
            pace=cluster.universe.chance.choice(PACES),
        )
        for number in range(shape.clients)
    ]


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
