"""The types in client/events.d.ts, as socket.io's own types take them."""

import subprocess
from pathlib import Path

import pytest

from dev.documents import ROOT
from tests.system.rig.node import find_node

SAMPLE = Path(__file__).parent / "types"
COMPILER = ROOT / "node_modules/typescript/bin/tsc"


def compiled(folder: Path) -> str:
    """What the compiler says; nothing if all is well."""
    done = subprocess.run(
        [find_node("typescript"), COMPILER, "-p", folder], capture_output=True, text=True, timeout=60, check=False
    )
    return done.stdout


def test_a_client_compiles_and_its_mistakes_do_not() -> None:
    assert compiled(SAMPLE) == ""


@pytest.mark.parametrize("expected", ["no such event", "nobody is addressed", "no such code"])
def test_a_mistake_is_one_because_of_the_types(tmp_path: Path, expected: str) -> None:
    sample = (SAMPLE / "sample.ts").read_text()
    before, _, after = sample.partition(f"// @ts-expect-error: {expected}\n")
    assert after
    sample = (before + after).replace("../../../client/events", str(ROOT / "client/events"))
    (tmp_path / "sample.ts").write_text(sample)
    (tmp_path / "tsconfig.json").write_text((SAMPLE / "tsconfig.json").read_text())
    (tmp_path / "node_modules").symlink_to(ROOT / "node_modules")
    line = before.count("\n") + 1
    assert f"sample.ts({line}," in compiled(tmp_path)
