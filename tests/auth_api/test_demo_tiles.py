"""Where the demo puts its tiles, which of them is large, who is said to speak, and how good a connection is."""

import itertools
from pathlib import Path
from typing import Any

import pytest

from tests.auth_api.modules import ask

DESKTOP, NARROW, PHONE, LYING = (1240, 640), (880, 640), (366, 690), (800, 260)
LEAST = (64, 48)  # px; a face that is smaller cannot be told from another
ARRANGE = "return given.map(([count, main, whole, ...space]) => it.arrange(count, { main, whole }, ...space));"

Box = dict[str, int]


def overlap(one: Box, other: Box) -> bool:
    return all(
        one[start] < other[start] + other[length] and other[start] < one[start] + one[length]
        for start, length in (("x", "width"), ("y", "height"))
    )


@pytest.mark.parametrize("space", [DESKTOP, NARROW, PHONE, LYING])
def test_up_to_sixteen_tiles_have_room_with_or_without_a_large_one(tmp_path: Path, space: tuple[int, int]) -> None:
    asked = [
        [count, main, whole, *space]
        for count in range(1, 17)
        for main, whole in ((-1, False), (0, False), (count - 1, True), (count // 2, True))
    ]
    for (count, main, *_), boxes in zip(asked, ask(tmp_path, "layout", ARRANGE, asked), strict=True):
        assert len(boxes) == count
        for box in boxes:
            assert box["x"] >= 0
            assert box["y"] >= 0
            assert box["x"] + box["width"] <= space[0]
            assert box["y"] + box["height"] <= space[1]
            assert (box["width"], box["height"]) >= LEAST, (count, main, box)
            assert box["height"] >= LEAST[1] or space == LYING, (count, main, box)
        assert not any(overlap(one, other) for one, other in itertools.combinations(boxes, 2)), (count, main)
        if main >= 0 and count > 1:
            large = boxes.pop(main)
            assert all(box["width"] * box["height"] < large["width"] * large["height"] for box in boxes), (count, main)


def test_a_gallery_fills_what_it_can(tmp_path: Path) -> None:
    asked = [[count, -1, False, *DESKTOP] for count in range(1, 17)]
    for boxes in ask(tmp_path, "layout", ARRANGE, asked):
        used = sum(box["width"] * box["height"] for box in boxes)
        assert used > 0.5 * DESKTOP[0] * DESKTOP[1], len(boxes)


SPOTLIGHT = """
const mains = [];
const light = new it.Spotlight(() => {});
for (const [step, ...of] of given) { light[step](...of); mains.push(light.main); }
return mains;
"""


def mains(folder: Path, *steps: tuple[str, ...]) -> Any:
    return ask(folder, "spotlight", SPOTLIGHT, steps)


def test_a_pin_goes_before_screens_and_screens_before_who_speaks(tmp_path: Path) -> None:
    steps = [
        (("speak", "ann"), ""),
        (("toggleFollowing",), "ann"),
        (("speak", "ben"), "ben"),
        (("addScreen", "ann/screen"), "ann/screen"),
        (("addScreen", "ben/screen"), "ben/screen"),
        (("togglePin", "cleo"), "cleo"),
        (("togglePin", "ann"), "ann"),
        (("togglePin", "ann"), "ben/screen"),
        (("remove", "ben/screen"), "ann/screen"),
        (("remove", "ann/screen"), "ben"),
        (("togglePin", "ann"), "ann"),
        (("remove", "ann"), "ben"),
        (("toggleFollowing",), ""),
    ]
    assert mains(tmp_path, *(step for step, _ in steps)) == [main for _, main in steps]


SPEAKER = """
const speaker = new it.Speaker();
let now = 0;
return given.map(([seconds, levels]) => {
  for (let step = 0; step < seconds * 10; step++) speaker.hear(Object.entries(levels), "me", now += 100);
  return [speaker.hear(Object.entries(levels), "me", now), speaker.isHeard("me")];
});
"""


@pytest.mark.parametrize(
    ("heard", "speaks"),
    [
        # a quiet room, and our own voice
        ([(3, {"me": 0, "ann": 0.01, "ben": 0.02})], ""),
        ([(3, {"me": 0.8, "ann": 0, "ben": 0})], ""),
        # somebody speaks, pauses, and somebody else does
        ([(1, {"ann": 0.3, "ben": 0})], "ann"),
        ([(1, {"ann": 0.3, "ben": 0}), (5, {"ann": 0, "ben": 0})], "ann"),
        ([(2, {"ann": 0.3, "ben": 0}), (1, {"ann": 0, "ben": 0.3})], "ben"),
        # a cough, a word in between, and two who are about as loud
        ([(2, {"ann": 0.3, "ben": 0}), (0.1, {"ann": 0.3, "ben": 0.6})], "ann"),
        ([(0.5, {"ann": 0.3, "ben": 0}), (0.5, {"ann": 0, "ben": 0.5})], "ann"),
        ([(2, {"ann": 0.3, "ben": 0}), (5, {"ann": 0.3, "ben": 0.4})], "ann"),
        # the one who spoke has gone
        ([(2, {"ann": 0.3, "ben": 0}), (0.5, {"ben": 0})], ""),
        ([(0.5, {"ann": 0.3, "ben": 0}), (0.5, {"ben": 0.3})], "ben"),
    ],
)
def test_who_speaks_stays_so_until_somebody_else_clearly_does(
    tmp_path: Path, heard: list[tuple[float, dict[str, float]]], speaks: str
) -> None:
    assert ask(tmp_path, "speaker", SPEAKER, heard)[-1] == [speaks, "me" in heard[-1][1] and heard[-1][1]["me"] > 0]


QUALITY = "const quality = new it.Quality(); return given.map((one) => quality.judge(one));"


def test_a_connection_is_judged_by_its_delay_and_its_losses(tmp_path: Path) -> None:
    measured = [(None, 0), (40, 0), (40, 0.3), (40, 0), (40, 0), (40, 0), (40, 0), (450, 0), (450, 0), (2000, 0)]
    steps = ask(tmp_path, "quality", QUALITY, [{"rtt": rtt, "loss": loss} for rtt, loss in measured])
    assert steps == ["", "good", "poor", "fair", "fair", "good", "good", "good", "fair", "poor"]
