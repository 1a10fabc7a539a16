"""Playing a log again."""

from broker.core.machine import Core
from tests.broker.invariants import plain
from tests.broker.world import World, read


def check_replays(world: World) -> None:
    """Another core that reads the same log comes to the same state and says the same."""
    core = Core(world.limits)
    core.state.level = world.level
    applied = [(message.position, read(core, message)) for message in world.log]
    assert [parcel for _, one in applied for parcel in one.parcels] == world.parcels
    assert [(position, notice) for position, one in applied for notice in one.notices] == world.notices
    assert plain(core.state) == plain(world.core.state)
