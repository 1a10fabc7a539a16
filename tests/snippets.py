"""The programs that the documents offer to be copied, each marked ``<!-- snippet: NAME -->``."""

import re
from collections.abc import Mapping

from tests.system.rig.process import ROOT

_MARKED = re.compile(r"^<!-- snippet: (\S+) -->\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def snippets(document: str) -> dict[str, str]:
    """Every snippet of that document, by its name."""
    return dict(_MARKED.findall((ROOT / document).read_text()))


def moved(snippet: str, places: Mapping[str, str]) -> str:
    """The snippet with its addresses replaced. Each of them must be in it."""
    for documented, actual in places.items():
        assert documented in snippet, f"the snippet does not name {documented}"
        snippet = snippet.replace(documented, actual)
    return snippet
