"""Playing one history after the other, and telling of what was found."""

import itertools
import random
import time
from collections.abc import Iterator, Mapping
from typing import Any

from tests.sim.history import Outcome, play
from tests.sim.mutations import MUTATIONS
from tests.sim.seeds import SEEDS
from tests.sim.trace import Trace

MOST_TOLD = 10  # faults of one history


def main(environment: Mapping[str, str]) -> int:
    """Play what the environment asks for; returns 1 if a fault was found."""
    environment = {name: value for name, value in environment.items() if value}
    if "SIM_SEED" in environment:
        return _play_again(int(environment["SIM_SEED"]), environment)
    first = int(environment.get("SIM_FROM", random.randrange(10**9)))
    count = int(environment.get("SIM_COUNT", 10**9))
    end = time.monotonic() + 60 * float(environment.get("SIM_MINUTES", 1))
    seeds = _seeds(first, count, "SIM_FROM" not in environment)
    return _hunt(seeds, end, "SIM_FIRST_FAULT" in environment, _shape(environment))


def _shape(environment: Mapping[str, str]) -> Mapping[str, Any]:
    """What suits the fault that was put into the code."""
    return MUTATIONS[environment["SIM_MUTATION"]].shape if "SIM_MUTATION" in environment else {}


def _seeds(first: int, count: int, kept_too: bool) -> Iterator[int]:
    if kept_too:
        yield from SEEDS
    print(f"histories from seed {first} on", flush=True)
    yield from itertools.islice(itertools.count(first), count)


def _hunt(seeds: Iterator[int], end: float, first_only: bool, shape: Mapping[str, Any]) -> int:
    histories = events = found = 0
    cpu = time.process_time()
    for seed in seeds:
        outcome = play(seed, shape=shape, hasty=first_only)
        histories += 1
        events += outcome.events
        if outcome.faults:
            found += 1
            _tell(outcome)
        if time.monotonic() > end or (found and first_only):
            break
    print(f"{histories} histories, {events} events, {time.process_time() - cpu:.0f} s of CPU, {found} with faults")
    return 1 if found else 0


def _play_again(seed: int, environment: Mapping[str, str]) -> int:
    about = tuple(filter(None, (environment.get("SIM_PEER"), environment.get("SIM_ROOM"))))
    outcome = play(seed, Trace(lambda line: print(line), about), _shape(environment))
    _tell(outcome)
    return 1 if outcome.faults else 0


def _tell(outcome: Outcome) -> None:
    print(f"seed {outcome.seed}: {len(outcome.faults)} faults, trace {outcome.hash}", flush=True)
    for fault in outcome.faults[:MOST_TOLD]:
        print(f"    {fault}", flush=True)
