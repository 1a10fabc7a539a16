import random
import uuid

from shared.process.world import World


def test_ids_are_made_of_what_nobody_can_guess() -> None:
    asked: list[int] = []

    def unguessable(size: int) -> bytes:
        asked.append(size)
        return bytes(range(size))

    world = World(unguessable=unguessable)
    assert world.new_id(3) == "000102"
    assert uuid.UUID(world.new_uuid()).version == 4
    assert asked == [3, 16]


def test_real_ids_differ() -> None:
    world = World()
    assert len({world.new_id() for _ in range(1000)} | {world.new_uuid() for _ in range(1000)}) == 2000


def test_two_worlds_of_the_same_chance_go_the_same_way() -> None:
    one, other = (World(chance=random.Random(7)) for _ in range(2))
    assert [one.chance.random() for _ in range(9)] == [other.chance.random() for _ in range(9)]
