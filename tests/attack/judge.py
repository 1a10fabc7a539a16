"""The judge: from what was seen during an attack to the goals that were missed. Pure."""

from collections.abc import Iterator

import msgspec

WORST = 0.5  # seconds that a witness may wait for an answer
GROWTH = 64.0  # MiB that a process may grow by


class Evidence(msgspec.Struct, kw_only=True):
    """What one attack did. Times are in seconds, ``grown`` in MiB for each process.

    ``worst`` is the longest wait of a witness. ``refused`` counts refusals by code, ``disconnected`` connections that
    were closed; ``places`` and ``rooms`` were lost. ``sent`` bytes of the attacker's took all servers ``cpu`` seconds
    more than the witnesses alone do. ``tracebacks`` are in the logs, and so many ``lines`` more (NATS's aside).
    ``ended`` are processes that are not there any more; ``breaches`` say what the attacker could do that it must not.
    ``lateness`` is that of the witnesses' own process: so much of ``worst`` may not be the servers' doing.
    """

    attack: str
    what: str
    row: int = 0
    worst: float = 0.0
    answers: int = 0
    disconnected: int = 0
    refused: dict[str, int] = {}
    places: int = 0
    rooms: int = 0
    grown: dict[str, float] = {}
    sent: int = 0
    seconds: float = 0.0
    cpu: float = 0.0
    tracebacks: int = 0
    lines: int = 0
    ended: list[str] = []
    breaches: list[str] = []
    lateness: float = 0.0
    prepared: str = ""

    @property
    def missed(self) -> list[str]:
        """A sentence for each goal that was missed."""
        return self.missed_within(WORST)

    def missed_within(self, worst: float) -> list[str]:
        """The same, where a witness may wait so many seconds."""
        return list(_missed(self, worst))


def _missed(seen: Evidence, worst: float) -> Iterator[str]:
    if seen.answers == 0:
        yield "no witness was answered at all"
    if seen.worst > worst:
        yield f"a witness waited {seen.worst * 1000:,.0f} ms"
    if seen.disconnected:
        yield f"witnesses were disconnected {seen.disconnected} times"
    if seen.refused:
        yield f"witnesses were refused: {', '.join(f'{code} {times}' for code, times in seen.refused.items())}"
    if seen.places:
        yield f"{seen.places} places were lost"
    if seen.rooms:
        yield f"{seen.rooms} rooms were lost"
    yield from _missed_by_processes(seen)


def _missed_by_processes(seen: Evidence) -> Iterator[str]:
    for name, grown in seen.grown.items():
        if grown > GROWTH:
            yield f"{name} grew by {grown:,.0f} MiB"
    if seen.tracebacks:
        yield f"{seen.tracebacks} tracebacks were logged"
    for name in seen.ended:
        yield f"{name} has ended"
    yield from seen.breaches
