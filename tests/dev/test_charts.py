"""The charts show what the tables say."""

import re
from xml.etree import ElementTree

import pytest

from dev import charts
from dev.documents import ROOT

SVG = "{http://www.w3.org/2000/svg}"


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(svg).iter(f"{SVG}text")]  # noqa: S314 - our own


@pytest.mark.parametrize("theme", charts.THEMES)
def test_every_figure_of_the_benchmarks_is_shown(theme: str) -> None:
    table = (ROOT / "BENCHMARKS.md").read_text().partition("## Against")[2].partition("\n* ")[0]
    pairs = re.findall(r"([\d,.]+) / ([\d,.]+)", table)
    assert len(pairs) > 10
    shown = texts(charts.benchmarks(theme))
    assert [figure for pair in pairs for figure in pair if figure not in shown] == []


@pytest.mark.parametrize("theme", charts.THEMES)
def test_every_fault_has_its_median_where_the_axis_has_it(theme: str) -> None:
    svg = ElementTree.fromstring(charts.faults(theme))  # noqa: S314 - our own
    table = (ROOT / "RELIABILITY.md").read_text().partition("| fault |")[2].partition("\n\n")[0]
    medians = [float(found) for found in re.findall(r"[\d.]+ / ([\d.]+) / [\d.]+", table)]
    places = [float(dot.attrib["cx"]) for dot in svg.iter(f"{SVG}circle")]
    assert len(places) == len(medians) > 5
    assert [places.index(place) for place in sorted(places)] == [medians.index(median) for median in sorted(medians)]


def test_a_bar_is_as_long_as_its_share_of_the_longer_one() -> None:
    rows = [["cost", "10 / 40"]]
    svg = charts._Bars(charts.THEMES["light"], rows, {1: "2 gateways"}).svg()
    lengths = [float(bar.attrib["width"]) for bar in ElementTree.fromstring(svg).iter(f"{SVG}rect")][2:]  # noqa: S314
    assert lengths[0] / lengths[1] == pytest.approx(1 / 4, rel=0.01)


def test_a_table_without_figures_is_no_chart() -> None:
    with pytest.raises(ValueError, match="where figures are expected"):
        charts._Bars(charts.THEMES["light"], [["cost", "none"]], {1: "2 gateways"}).svg()
    with pytest.raises(ValueError, match="has no table"):
        charts._table("LICENSE", "MIT")
