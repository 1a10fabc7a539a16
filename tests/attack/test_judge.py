"""The judge can say no: each goal that is missed gets its sentence."""

from typing import Any

import msgspec
import pytest

from tests.attack import report
from tests.attack.judge import Evidence

GOOD = Evidence(attack="a", what="an attack", answers=500, worst=0.4, grown={"gateway-0": 60.0}, sent=1000, cpu=0.001)


def test_an_attack_that_nobody_noticed_misses_nothing() -> None:
    assert GOOD.missed == []


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        ({"worst": 0.51}, "a witness waited 510 ms"),
        ({"answers": 0}, "no witness was answered at all"),
        ({"disconnected": 2}, "witnesses were disconnected 2 times"),
        ({"refused": {"too-many-requests": 3}}, "witnesses were refused: too-many-requests 3"),
        ({"places": 1}, "1 places were lost"),
        ({"rooms": 1}, "1 rooms were lost"),
        ({"grown": {"gateway-0": 1.0, "nats": 64.5}}, "nats grew by 64 MiB"),
        ({"tracebacks": 1}, "1 tracebacks were logged"),
        ({"ended": ["broker-1"]}, "broker-1 has ended"),
        ({"breaches": ["the log was purged"]}, "the log was purged"),
    ],
)
def test_each_goal_can_be_missed(seen: dict[str, Any], words: str) -> None:
    assert msgspec.structs.replace(GOOD, **seen).missed == [words]


def test_the_report_says_which_attacks_missed_what() -> None:
    made = report.made([GOOD, msgspec.structs.replace(GOOD, attack="b", rooms=1)])
    assert made.missed == {"b": ["1 rooms were lost"]}
    text = report.text(made)
    assert "MISSED b: 1 rooms were lost" in text
    assert "all goals reached" not in text


def test_the_report_says_that_all_held() -> None:
    assert "all goals reached" in report.text(report.made([GOOD]))


def test_the_table_has_cpu_for_each_byte_and_what_grew_most() -> None:
    row = dict(zip(report.HEAD, report.row(msgspec.structs.replace(GOOD, grown={"a": 1.0, "b": 3.0})), strict=True))
    assert (row["most grown"], row["MiB"], row["CPU ns/byte"], row["worst ms"]) == ("b", "3", "1,000", "400")


def test_the_page_says_what_each_attack_does_and_what_it_missed() -> None:
    made = report.made([GOOD, msgspec.structs.replace(GOOD, attack="b", what="a | b", rooms=1)])
    *_, good, bad = report.page(made).splitlines()
    assert good == "| `a` | an attack | 0.0 | 400 ms | gateway-0 60 MiB | held |"
    assert bad == "| `b` | a &#124; b | 0.0 | 400 ms | gateway-0 60 MiB | 1 rooms were lost |"
