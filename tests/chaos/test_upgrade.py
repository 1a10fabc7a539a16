"""The last release and the present code work together while one replaces the other, and say the same things."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from broker.core.levels import limits_set
from broker.storage.encoding import encode
from shared.envelopes import subjects
from shared.envelopes.deliveries import LevelHolds, Parcel, pack_message, unpack_message
from shared.envelopes.entries import LevelRaised, LimitsSet, unpack_batch
from shared.envelopes.levels import FIRST, LEVEL
from tests.broker.sentences import SITUATIONS
from tests.broker.world import World
from tests.chaos.rig.record import Sent, replay
from tests.chaos.rig.release import COMMITS, unpack
from tests.chaos.rig.upgrade import Upgrade
from tests.system.rig.process import ROOT

SEED = 7
ENOUGH = 300  # events, for a run to mean anything
ROLL = ("broker", "gateway")  # the order of deploy/roll.sh

READ = """
import sys
from broker.storage.image import decode
state = decode("log", sys.stdin.buffer.read())
print(len(state.peers), len(state.rooms), sum(len(peer.kept) for peer in state.peers.values()))
"""


@pytest.mark.timeout(240)
@pytest.mark.parametrize("services", [ROLL, ROLL[::-1]], ids=["as roll.sh does", "gateways first"])
async def test_nobody_notices_an_upgrade(tmp_path: Path, last_release: Path, services: tuple[str, ...]) -> None:
    """As long as the last release runs, it says the same; then the level is raised, and there is no way back."""
    old, new = last_release, ROOT
    run = Upgrade(tmp_path, SEED, old, new, services)
    outcome = await run.run()
    assert outcome.faults + outcome.complaints == [], run.steps
    assert sum(sent.answer is not None for story in outcome.stories for sent in story.sent()) > ENOUGH
    by_old, by_new = (replay(run.record.log, code, tmp_path) for code in (old, new))
    said = [entry for *_, data in run.record.log for entry in unpack_batch(data).entries]
    raised = [entry.level for entry in said if isinstance(entry, LevelRaised)]
    assert raised in ([LEVEL], [LEVEL - 1, LEVEL]), "once no old broker was left"
    assert sum(isinstance(entry, LimitsSet) for entry in said) <= len(raised), "again if there is a new one"
    both = enumerate(zip(by_old, by_new, strict=False))
    same = next((number for number, (one, other) in both if one != other), len(by_old))
    assert same > ENOUGH
    assert LevelHolds(LEVEL) in parcel_of(by_new[same]).deliveries, "up to there, both make the same of one log"
    recorded = max(position for position, *_ in run.record.log)  # clients that part say a little more
    check_what_was_sent([sent for sent in run.record.sent if parcel_of(sent).position <= recorded], by_new)


@pytest.mark.parametrize(("level", "commit"), [*enumerate(COMMITS, FIRST)], ids=str)
def test_who_is_refused_is_told_the_same_as_by_the_release_of_that_level(
    tmp_path: Path, level: int, commit: str
) -> None:
    """In every situation in which that release refuses something."""
    unpack(commit, tmp_path)
    worlds = [one.at(lower) for one in SITUATIONS for lower in range(one.level, level + 1)]
    expected = [
        Sent(subjects.deliveries(gateway), parcel.number, pack_message(parcel))
        for world in worlds
        for gateway, parcel in world.parcels
    ]
    assert len(expected) > ENOUGH
    assert replay([message for world in worlds for message in world.log], tmp_path, tmp_path) == expected


def test_the_last_release_reads_a_snapshot_of_the_present_code(last_release: Path) -> None:
    """A broker of the last release may be started again while it is being replaced."""
    world = World(FIRST)
    owner, absent = world.peer(), world.peer(resumable=True)
    world.room(owner, absent)
    absent.close()
    owner.say("relay-ice-candidate", "room", absent.peer_id, payload=1)
    world.say(limits_set(0, world.limits))
    image = asyncio.run(encode("log", world.core.state)).whole
    found = subprocess.run([sys.executable, "-c", READ], input=image, cwd=last_release, check=True, capture_output=True)
    assert found.stdout.split() == [b"2", b"1", b"1"]


def parcel_of(sent: Sent) -> Parcel:
    parcel = unpack_message(sent.data)
    assert isinstance(parcel, Parcel)
    return parcel


def check_what_was_sent(sent: list[Sent], follows: list[Sent]) -> None:
    """Whoever spoke said what follows from the log."""
    expected = {(parcel.subject, parcel.number): parcel.data for parcel in follows}
    assert len(sent) > ENOUGH
    assert [parcel for parcel in sent if expected.get((parcel.subject, parcel.number)) != parcel.data] == []
