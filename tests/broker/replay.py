"""Playing a log again."""

from broker.core.machine import Core
from tests.broker.invariants import plain
from tests.broker.world import World, read


def check_replays(world: World) -> None:
    """Another core that reads the same log comes to the same state and says the same."""
    core = Core(world.limits)
    parcels = [parcel for message in world.log for parcel in read(core, message)]
    assert parcels == world.parcels
    assert plain(core.state) == plain(world.core.state)
