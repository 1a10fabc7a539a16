"""The charts in BENCHMARKS.md and RELIABILITY.md, drawn from the figures in the tables there: one for each theme."""

import dataclasses
import html
import math
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WIDTH, ROW = 860, 34  # pixels
LABELS = 330  # pixels for what stands to the left of the bars
SECONDS = (0.01, 0.1, 1, 10, 30)  # marked on the axis of a fault chart, which is logarithmic

_PAIR = re.compile(r"([\d,.]+) / ([\d,.]+)")
_SPREAD = re.compile(r"([\d.]+) / ([\d.]+) / ([\d.]+)")


@dataclasses.dataclass(frozen=True)
class Theme:
    """Colours, for pages of one brightness."""

    text: str
    faint: str
    ours: str
    theirs: str


THEMES = {
    "light": Theme(text="#1f2933", faint="#c9d1d9", ours="#0f766e", theirs="#9aa5b1"),
    "dark": Theme(text="#e5e9f0", faint="#3d4654", ours="#2dd4bf", theirs="#7b8794"),
}


def benchmarks(theme: str) -> str:
    """What an operation takes here and at the server that Parley replaces, for each number of gateways."""
    head, *rows = _table("BENCHMARKS.md", "## Against the server it replaces")
    panels = {number: name.partition(":")[0] for number, name in enumerate(head) if name.endswith("Parley / old")}
    return _Bars(THEMES[theme], rows, panels).svg()


def faults(theme: str) -> str:
    """How long clients wait when a process fails."""
    _, *rows = _table("RELIABILITY.md", "What clients notice when a process fails:")
    return _Spreads(THEMES[theme], [(row[0], _numbers(_SPREAD, row[2])) for row in rows]).svg()


def _table(document: str, after: str) -> list[list[str]]:
    """The first table behind that line, head first. Raises ValueError if there is none."""
    lines = (ROOT / document).read_text().partition(after)[2].splitlines()
    start = next((number for number, line in enumerate(lines) if line.startswith("|")), None)
    if start is None:
        raise ValueError(f"{document} has no table behind {after!r}")
    table = []
    for line in lines[start:]:
        if not line.startswith("|"):
            break
        table.append([cell.strip().replace("`", "") for cell in line.removeprefix("|").removesuffix("|").split("|")])
    return [table[0], *table[2:]]


def _numbers(pattern: re.Pattern[str], cell: str) -> list[float]:
    found = pattern.search(cell)
    if found is None:
        raise ValueError(f"a table has {cell!r} where figures are expected")
    return [float(number.replace(",", "")) for number in found.groups()]


class _Bars:
    """Two bars in each row of each panel, as long as their share of the longer one."""

    def __init__(self, theme: Theme, rows: Sequence[Sequence[str]], panels: dict[int, str]) -> None:
        self._theme, self._rows, self._panels = theme, rows, panels
        self._width = (WIDTH - LABELS) / len(panels)

    def svg(self) -> str:
        height = 56 + ROW * len(self._rows)
        return _svg(self._theme, height, "Parley and the server it replaces", [*self._legend(), *self._all_rows()])

    def _legend(self) -> Iterable[str]:
        for place, (colour, name) in enumerate(((self._theme.ours, "Parley"), (self._theme.theirs, "the old server"))):
            yield _rect(place * 90, 8, 12, 12, colour)
            yield _text(self._theme, place * 90 + 18, 18, name)
        for place, name in enumerate(self._panels.values()):
            yield _text(self._theme, LABELS + place * self._width, 18, name, weight="600")

    def _all_rows(self) -> Iterable[str]:
        for number, row in enumerate(self._rows):
            y = 40 + ROW * number
            yield _text(self._theme, 0, y + 17, row[0])
            for place, column in enumerate(self._panels):
                yield from self._pair(LABELS + place * self._width, y, row[column])

    def _pair(self, x: float, y: float, cell: str) -> Iterable[str]:
        ours, theirs = _numbers(_PAIR, cell)
        longest = self._width - 80  # leaves room for the figure behind a bar
        shown = zip((self._theme.ours, self._theme.theirs), (ours, theirs), cell.split(" / "), strict=True)
        for place, (colour, value, text) in enumerate(shown):
            length = longest * value / max(ours, theirs)
            yield _rect(x, y + place * 13, length, 11, colour)
            yield _text(self._theme, x + length + 5, y + place * 13 + 10, text, size=11)


class _Spreads:
    """A line from the least to the most in each row, with a dot at the median."""

    def __init__(self, theme: Theme, rows: Sequence[tuple[str, Sequence[float]]]) -> None:
        self._theme, self._rows = theme, rows
        self._bottom = 12 + ROW * len(rows)

    def svg(self) -> str:
        title = "Seconds until service after a fault: least, median, most"
        return _svg(self._theme, self._bottom + 40, title, [*self._axis(), *self._all_rows()])

    def _axis(self) -> Iterable[str]:
        for seconds in SECONDS:
            x = self._x(seconds)
            yield f'<path d="M{x:.1f} 4V{self._bottom}" stroke="{self._theme.faint}"/>'
            yield _text(self._theme, x, self._bottom + 16, f"{seconds:g} s", anchor="middle")
        yield _text(
            self._theme,
            WIDTH,
            self._bottom + 34,
            "until service: least, median (the figure), most",
            size=11,
            anchor="end",
        )

    def _all_rows(self) -> Iterable[str]:
        for number, (name, (least, median, most)) in enumerate(self._rows):
            y = 26 + ROW * number
            for place, line in enumerate(_wrapped(name)):
                yield _text(self._theme, 0, y + 4 + 14 * place - (7 if len(_wrapped(name)) > 1 else 0), line)
            path = f"M{self._x(least):.1f} {y}H{self._x(most):.1f}"
            yield f'<path d="{path}" stroke="{self._theme.theirs}" stroke-width="5" stroke-linecap="round"/>'
            yield f'<circle cx="{self._x(median):.1f}" cy="{y}" r="6" fill="{self._theme.ours}"/>'
            yield _text(self._theme, max(self._x(most), self._x(median) + 6) + 8, y + 4, f"{median:g} s", size=11)

    def _x(self, seconds: float) -> float:
        first, last = SECONDS[0], SECONDS[-1]
        share = math.log(max(seconds, first) / first) / math.log(last / first)
        return LABELS + 10 + share * (WIDTH - LABELS - 70)


def _wrapped(text: str, most: int = 46) -> list[str]:
    """One line, or two."""
    if len(text) <= most:
        return [text]
    end = text.rfind(" ", 0, most)
    return [text[:end], text[end + 1 :]]


def _svg(theme: Theme, height: int, title: str, parts: Iterable[str]) -> str:
    inside = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        f'role="img" font-family="system-ui, sans-serif" font-size="12" fill="{theme.text}">\n'
        f"<title>{html.escape(title)}</title>\n{inside}\n</svg>\n"
    )


def _rect(x: float, y: float, width: float, height: float, colour: str) -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height}" rx="2" fill="{colour}"/>'


def _text(
    theme: Theme, x: float, y: float, text: str, size: int = 12, anchor: str = "start", weight: str = "400"
) -> str:
    said = f' font-size="{size}"' if size != 12 else ""
    said += f' text-anchor="{anchor}"' if anchor != "start" else ""
    said += f' font-weight="{weight}"' if weight != "400" else ""
    return f'<text x="{x:.1f}" y="{y:.1f}"{said}>{html.escape(text)}</text>'
