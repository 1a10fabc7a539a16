"""The names of people as the demo shows them: without what cannot be seen, or reaches beyond the name."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.system.rig.node import find_node
from tests.system.rig.process import ROOT

WOMAN, JOINER = "\U0001f469", "\u200d"
CHAIN = WOMAN + JOINER
FAMILY = JOINER.join("\U0001f468\U0001f469\U0001f467\U0001f466")
ASK = """
import { personName } from "./names.mjs";
console.log(JSON.stringify(JSON.parse(process.argv[2]).map(personName)));
"""

PERSIAN = "\u0646\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"
SHOWN = {
    "Ann": "Ann",
    "  Ann \n Lee ": "Ann Lee",
    # turned round, and not turned back
    "\u202eAnn": "Ann",
    "\u2067Ann\u2066": "Ann",
    # nothing to be seen
    "\u200b\u2060\ufeff": "",
    "\u3164\u115f\uffa0": "",
    "\u2800": "",
    "\u0301\u0301": "",
    "\ud800": "",
    # joiners join, or are not there
    f"A{JOINER}nn": "Ann",
    PERSIAN: PERSIAN,
    FAMILY: FAMILY,
    # marks and emoji that would grow over everything
    "a" + "\u0301" * 50: "a" + "\u0301" * 4,
    CHAIN * 300 + WOMAN: JOINER.join([WOMAN] * 8),
    CHAIN * 20 + WOMAN + CHAIN * 20 + WOMAN: JOINER.join([WOMAN] * 8) * 2,
    # as many characters as people count
    "W" * 100: "W" * 40,
    "\U0001f1e9\U0001f1ea" * 60: "\U0001f1e9\U0001f1ea" * 40,
}


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("names")
    shutil.copy(ROOT / "auth_api/demo/names.js", folder / "names.mjs")
    return _ask(folder, list(SHOWN))


def _ask(folder: Path, names: list[str]) -> list[str]:
    (folder / "ask.mjs").write_text(ASK)
    command = [find_node(), str(folder / "ask.mjs"), json.dumps(names)]
    answer: list[str] = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return answer


@pytest.mark.parametrize("number", range(len(SHOWN)))
def test_a_name_is_shown_without_what_would_do_harm(shown: list[str], number: int) -> None:
    assert shown[number] == list(SHOWN.values())[number]
