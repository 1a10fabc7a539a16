"""The simulation finds faults: those that were mended once, put back into the code."""

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from tests.sim.mutation import changed
from tests.sim.mutations import MUTATIONS
from tests.system.rig.process import ROOT

Hunt = subprocess.CompletedProcess[str]


@pytest.mark.parametrize("name", MUTATIONS)
def test_what_was_mended_can_be_undone(name: str) -> None:
    for module, old, new in MUTATIONS[name].changes:
        file = ROOT / (module.replace(".", "/") + ".py")
        assert changed(file.read_text(), old, new, module) != file.read_text()


@pytest.fixture(scope="module")
def hunts(request: pytest.FixtureRequest) -> Iterator[dict[str, Future[Hunt]]]:
    """All that are asked for, as many at a time as there are processors."""
    tests = [item for item in request.session.items if getattr(item, "originalname", "") == "test_it_is_found"]
    names = [str(test.callspec.params["name"]) for test in tests if isinstance(test, pytest.Function)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield {name: pool.submit(_hunt, name) for name in names}
        pool.shutdown(cancel_futures=True)


def _hunt(name: str) -> Hunt:
    mutation = MUTATIONS[name]
    environment = {
        **os.environ,
        "SIM_MUTATION": name,
        "SIM_FROM": str(mutation.seed),
        "SIM_COUNT": str(mutation.within),
        "SIM_FIRST_FAULT": "yes",
        "SIM_MINUTES": "10",
    }
    command = [sys.executable, "-m", "tests.sim"]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.timeout(900)  # if the code has changed, another seed has to be looked for
@pytest.mark.parametrize("name", [name for name in MUTATIONS if not MUTATIONS[name].rare])
def test_it_is_found(name: str, hunts: dict[str, Future[Hunt]]) -> None:
    """The seed that found it, which finds nothing otherwise; or one of those that follow."""
    hunt = hunts[name].result()
    assert hunt.returncode == 1, hunt.stdout + hunt.stderr
    assert " 1 with faults" in hunt.stdout, hunt.stderr
