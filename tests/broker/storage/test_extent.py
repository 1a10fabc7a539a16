import pytest

from broker.storage.extent import CROWDED, NEARLY_FULL, Extent


@pytest.mark.parametrize(
    ("extent", "position", "part"),
    [
        (Extent("log", 1, 100, size=500, space=1000), 0, 0.5),
        (Extent("log", 1, 100, size=500, space=1000), 80, 0.1),
        (Extent("log", 101, 200, size=500, space=1000), 180, 0.1),
        (Extent("log", 1, 100, size=500, space=1000), 100, 0.0),
        (Extent("log", 1, 0, size=0, space=1000), 0, 0.0),
    ],
)
def test_it_tells_how_much_comes_after_a_position(extent: Extent, position: int, part: float) -> None:
    assert extent.part_behind(position) == pytest.approx(part)


@pytest.mark.parametrize(("used", "crowding"), [(0.1, 0), (CROWDED, 0), (0.65, 0.5), (NEARLY_FULL, 1), (1.0, 1)])
def test_a_log_is_crowded_from_half_of_its_space_on(used: float, crowding: float) -> None:
    assert Extent("log", 1, 100, size=int(used * 1000), space=1000).crowding == pytest.approx(crowding)
