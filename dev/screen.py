"""What the person at the terminal sees: every line with the name of its process."""

import os
from typing import TextIO

_COLOURS = (36, 32, 33, 35, 34, 96, 92, 93, 95, 94)  # ANSI codes that can be read on dark and on light


class Screen:
    """Writes lines to ``out``, a name in front of each; coloured if that is a terminal."""

    def __init__(self, out: TextIO, names: list[str]) -> None:
        self._out = out
        self._width = max(map(len, names), default=0)
        in_colour = out.isatty() and "NO_COLOR" not in os.environ
        self._colours = dict(zip(names, _COLOURS * len(names), strict=False)) if in_colour else {}

    def line(self, name: str, text: str) -> None:
        label = f"{name:{self._width}} |"
        if colour := self._colours.get(name):
            label = f"\x1b[{colour}m{label}\x1b[0m"
        print(label, text, file=self._out, flush=True)
