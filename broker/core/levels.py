"""Levels and limits: what all brokers must go by alike, and so stands in the log.

A rule that is to do something else from a level on asks ``state.level``, which is the log's. An event that a level
brings says so in its declaration, and is refused until then, as brokers refuse it that do not know it.
"""

from broker.core.context import Context
from broker.core.limits import Limits
from shared.envelopes import levels
from shared.envelopes.deliveries import LevelHolds
from shared.envelopes.entries import LevelRaised, LimitsSet


class NewerLog(Exception):
    """The log, or a snapshot of it, has what only a later release knows: this broker must not guess."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what}. This release is too old for this log: start the one that wrote it, or a later one")


def check(level: int) -> None:
    """Make sure that this release knows a level. Raises NewerLog."""
    if level > levels.LEVEL:
        raise NewerLog(f"level {level} holds, and this broker knows those up to {levels.LEVEL}")


def rise(core: Context, raised: LevelRaised) -> None:
    """A higher level holds from here on. Raises NewerLog."""
    check(raised.level)
    if raised.level > core.state.level:
        if core.state.level < levels.LIFE <= raised.level:
            for peer in core.state.peers.select(lambda peer: peer.slow):
                peer.slow_at = core.state.now  # when it began, snapshots of the release before do not say
        core.state.level = raised.level
        core.notices.switch()
        for gateway in core.state.gateways:
            tell(core, gateway)


def tell(core: Context, gateway: str) -> None:
    """Tell a gateway which level holds, if it is not the first and it knows of levels."""
    level = core.state.level
    if level > levels.FIRST and core.state.gateways[gateway].level > levels.FIRST:
        core.out.tell_level(gateway, LevelHolds(level))


def limit(core: Context, said: LimitsSet) -> None:
    """Other limits hold from here on, whatever this broker's own settings are."""
    core.set_limits(Limits(**{name: getattr(said, name) for name in NAMES}))


def limits_set(term: int, limits: Limits) -> LimitsSet:
    """The entry that makes these limits hold."""
    return LimitsSet(term, **{name: getattr(limits, name) for name in NAMES})


NAMES = tuple(Limits.__dataclass_fields__)
if _odd := set(NAMES) ^ (set(LimitsSet.__struct_fields__) - {"term"}):
    raise TypeError(f"{', '.join(sorted(_odd))}: a limit has its field in LimitsSet, and a field its limit")
