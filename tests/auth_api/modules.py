"""Modules of the demo page that need no browser, asked in Node."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from auth_api.demo_page import FILES
from tests.system.rig.node import find_node


def ask(folder: Path, module: str, script: str, given: Any = None) -> Any:
    """What ``script``, the body of a function, returns; ``it`` in it is the module, and ``given`` what it is given."""
    shutil.copy(FILES / f"{module}.js", folder / f"{module}.mjs")
    call = f'import * as it from "./{module}.mjs";\nconst given = JSON.parse(process.argv[2]);\n'
    (folder / "ask.mjs").write_text(f"{call}console.log(JSON.stringify((() => {{ {script} }})() ?? null));")
    command = [find_node(), str(folder / "ask.mjs"), json.dumps(given)]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
