"""The commands that judge one goal each: small, but real; and what they make of bad figures."""

import asyncio
import json
import re
import resource
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.bench import files, hold, idle, rooms, soak, standstill, stories, storm, takeovers
from tests.bench.client import Fault
from tests.bench.crowd import Crowd
from tests.bench.returning import Back
from tests.bench.rooms import Filled, Stage
from tests.bench.samples import MIB, Sample
from tests.bench.snapshot_speed import SnapshotSpeed
from tests.bench.soak import Soaked
from tests.bench.target import Target
from tests.conftest import StartSystem
from tests.system.rig.harness import APP_PASS, System
from tests.system.rig.waiting import until

ADMIN_TOKEN = "an-operator's-token-of-more-than-32-bytes"


def found(path: Path, code: int) -> Any:
    """What a command wrote. Its exit code must fit."""
    written = json.loads(path.read_bytes())
    assert code == (1 if written["missed"] else 0)
    return written


def test_hold_keeps_all_connections(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(idle, "SETTLING", 0.1)
    path = tmp_path / "hold.json"
    code = hold.main(["--connections=20", "--seconds=1.5", "--every=1", f"--json={path}"])
    held = found(path, code)
    samples = held["samples"]
    assert (held["connections"], held["lost"], len(samples)) == (20, 0, 3)
    assert samples[-1]["at"] > 1.4
    assert f"20 connections held for {samples[-1]['at']:.0f} s: 0 lost" in capsys.readouterr().out


async def test_hold_counts_lost_connections(
    start_system: StartSystem, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(idle, "SETTLING", 0.1)
    overrides = {"auth": {"ADMIN_TOKEN": ADMIN_TOKEN}, "gateway-0": {"PING_INTERVAL": "0.1"}}
    system = await start_system(gateways=1, overrides=overrides)
    target = target_of(system)
    crowd = Crowd(target, await target.app_token())
    options = hold.Options(connections=4, seconds=3.0, every=1.0)
    holding = asyncio.create_task(crowd.guard(hold.hold(crowd, target, options)))
    await until(lambda: re.search("[1-9] s: gateway", capsys.readouterr().err), "they were pinged")
    await revoke(system, "bench")
    held = await holding
    assert held.lost == 4
    assert held.pings >= 4
    assert "4 connections were lost" in held.missed


def target_of(system: System) -> Target:
    pids = {process.name: process.pid for process in system.processes}
    return Target("parley", system.auth.url, [gateway.url for gateway in system.gateways], APP_PASS, pids)


async def revoke(system: System, app: str) -> None:
    """The operator puts an app out: its clients are disconnected."""
    headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    url = f"{system.auth.url}/admin/apps/{app}"
    async with aiohttp.ClientSession(headers=headers) as http, http.delete(url) as answer:
        assert answer.status == 200


@pytest.mark.parametrize("story", stories.ALL)
async def test_each_story_comes_to_its_end(story: stories.Story, system: System) -> None:
    target = target_of(system)
    crowd = Crowd(target, await target.app_token())
    resident = await crowd.arrive(0, resumable=True)
    await crowd.guard(story(crowd, resident, 1))


def sample(at: float, memory: float, cpu: float = 0.0) -> Sample:
    """Of a gateway that has so many MiB, beside a broker that does nothing."""
    return Sample(at, {"gateway-0": int(memory * MIB), "broker-0": 100 * MIB}, {"gateway-0": cpu, "broker-0": 0.0})


@pytest.mark.parametrize(
    ("end", "complaint"),
    [
        (sample(100, 101, 4.9), None),
        (sample(100, 103, 4.9), "memory grew by 3.00%"),
        (sample(100, 101, 5.1), "took 5.10% of a core"),
    ],
)
def test_hold_judges_memory_and_cpu(end: Sample, complaint: str | None) -> None:
    held = hold.Held(connections=1, bytes_per_connection=1, lost=0, pings=0, samples=[sample(0, 100), end])
    assert_complaint(hold.missed(held), complaint)


@pytest.mark.parametrize(("growth", "complaint"), [(1, None), (3, "gateway-0's memory grew by 3.00%")])
def test_soak_judges_the_line_through_all_samples(growth: float, complaint: str | None) -> None:
    samples = [sample(at, 100 + growth * at / 100) for at in (0, 25, 50, 75, 100)]
    assert_complaint(soak.missed(Soaked(told=1, samples=samples)), complaint)


@pytest.mark.parametrize(("square", "complaint"), [(0, None), (1e-6, "join 64 costs")])
def test_rooms_are_judged_without_their_fan_out(square: float, complaint: str | None) -> None:
    def stage(size: int) -> Stage:
        fan_out = 15e-6 * (size - 1)
        return Stage(size, [200e-6 + fan_out + square * size**2, 1.0, 0.0], [150e-6 + fan_out])

    filled = Filled(rooms=1, stages=[stage(size) for size in rooms.sizes(64)])
    assert [stage.size for stage in filled.stages] == [8, 16, 32, 64]
    assert_complaint(rooms.missed(filled), complaint)


def assert_complaint(missed: list[str], complaint: str | None) -> None:
    """Just this one, or none."""
    assert len(missed) == (complaint is not None)
    assert all(complaint and complaint in goal for goal in missed)


def test_too_few_open_files_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1024, 4096))
    with pytest.raises(Fault, match=r"need 10,200 open files .* allows 4,096.* ulimit -Hn 10200"):
        files.allow(10_000)


def test_rooms_are_filled(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "rooms.json"
    filled = found(path, rooms.main(["--rooms=2", "--size=5", "--rounds=2", f"--json={path}"]))
    assert [(stage["size"], len(stage["joins"])) for stage in filled["stages"]] == [(2, 2), (5, 2)]
    assert "one join, 2 rooms" in capsys.readouterr().out


def test_soak_tells_all_stories(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "soak.json"
    code = soak.main(["--settling=0.5", "--seconds=1", "--every=0.5", "--rate=40", f"--json={path}"])
    soaked = found(path, code)
    assert soaked["told"] >= len(stories.ALL)
    assert len(soaked["samples"]) == 3
    assert "broker-0" in capsys.readouterr().out


def test_standstill_fills_a_system_and_kills_the_speaker(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "standstill.json"
    stood = found(path, standstill.main(["--peers=403", "--seconds=2", "--interval=0.5", "--kill=1", f"--json={path}"]))
    assert (stood["peers"], len(stood["killed"])) == (403, 1)
    assert stood["snapshots"]
    assert "403 peers, 2 brokers" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("brokers", "longest", "begin", "killed", "complaint"),
    [
        (2, 0.009, 0.009, 0.4, None),
        (2, 0.011, 0.009, 0.4, "nothing arrived for 11.0 ms, more than 10"),
        (2, 0.009, 0.3, 0.4, None),
        (1, 0.009, 0.051, 0.0, "a core alone stood still for 51.0 ms, more than 50"),
        (2, 0.009, 0.009, 0.6, "after a kill nothing arrived for 0.60 s"),
        (1, 0.049, 0.049, 0.0, None),
        (1, 0.051, 0.049, 0.0, "nothing arrived for 51.0 ms, more than 50"),
    ],
)
def test_standstill_judges_pauses(
    brokers: int, longest: float, begin: float, killed: float, complaint: str | None
) -> None:
    pauses = standstill.Pauses(longest, 0.0, 0.0, 0.0)
    alone = SnapshotSpeed(begin=begin, slice=0.0, all_slices=0.0, end=0.0, read=0.0, size=0, memory=0)
    stood = standstill.Stood(
        peers=1,
        brokers=brokers,
        before=pauses,
        during=pauses,
        snapshots=[],
        memory={},
        cpu={},
        killed=[killed],
        alone=alone,
    )
    assert_complaint(standstill.missed(stood), complaint)


def test_takeovers_are_counted_under_load(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "takeovers.json"
    kept = found(path, takeovers.main(["--seconds=1", "--brokers=2", f"--json={path}"]))
    assert (kept["brokers"], kept["takeovers"]) == (2, 0)
    assert kept["relays"]["rate"] > 0
    assert "0 takeovers in 1 s" in capsys.readouterr().out


def test_storm_sees_all_clients_back_in_their_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storm, "COUPLES", 2)
    monkeypatch.setattr(storm, "CALM", 0.3)
    monkeypatch.setattr(storm, "AFTER", 2.0)
    path = tmp_path / "storm.json"
    code = storm.main(["--clients", "12", "--rush=10", "--rounds=1", f"--json={path}"])
    kill, rush = found(path, code)["storms"]
    assert (kill["back"]["lost"], kill["back"]["resumed"], kill["fenced"]) == (4, 4, 0)
    assert kill["calm"]
    assert kill["meanwhile"]
    assert (rush["back"]["lost"], rush["fenced"]) == (0, 0)
    assert code == 0


def stormy(clients: int, p99: float, seconds: float, fenced: int = 0, resumed: int = 5) -> storm.Storm:
    """A storm in figures."""
    return storm.Storm(
        tree="here",
        kind="kill",
        clients=clients,
        calm=[0.001],
        meanwhile=[p99],
        afterwards=[],
        seconds=seconds,
        back=Back(1.0, lost=5, resumed=resumed),
        fenced=fenced,
    )


def test_storm_says_what_was_missed() -> None:
    assert storm.missed([stormy(1500, 0.02, 1.6)]) == []
    assert len(storm.missed([stormy(1500, 0.03, 1.8)])) == 2
    assert len(storm.missed([stormy(1500, 0.02, 1.6, fenced=1, resumed=4)])) == 2
    assert storm.missed([stormy(12, 9.0, 9.0)]) == []
