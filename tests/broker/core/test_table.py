from collections.abc import Callable

import pytest

from broker.core.table import Table

Act = Callable[[Table[list[str]]], object]


@pytest.fixture
def table() -> Table[list[str]]:
    return Table({"a": ["1"], "b": ["2"]})


def replace(table: Table[list[str]]) -> None:
    table["a"] = ["new"]


def remove(table: Table[list[str]]) -> None:
    del table["a"]


@pytest.mark.parametrize(
    ("act", "seen"),
    [
        (lambda table: table["a"], ["a"]),
        (lambda table: table.get("a"), ["a"]),
        (lambda table: table.get("none"), []),
        (lambda table: table.pop("a"), ["a"]),
        (lambda table: table.pop("none", None), []),
        (replace, ["a"]),
        (remove, ["a"]),
        (lambda table: list(table.values()), ["a", "b"]),
        (lambda table: list(table.items()), ["a", "b"]),
        (lambda table: table.select(lambda thing: thing == ["2"]), ["b"]),
        (lambda table: table.peek("a"), []),
        (lambda table: ("a" in table, len(table), list(table)), []),
    ],
)
def test_one_that_watches_sees_what_may_change_before(table: Table[list[str]], act: Act, seen: list[str]) -> None:
    saw: list[tuple[str, list[str]]] = []
    before = {key: list(thing) for key, thing in table.items()}
    table.watch(lambda key, thing: saw.append((key, thing)))
    found = act(table)
    assert list(dict.fromkeys(key for key, _ in saw)) == seen
    assert all(thing == before[key] for key, thing in saw)
    same = Table(before)
    assert found == act(same)
    table.unwatch()
    assert table == same
    table.clear()
    table["a"] = ["again"]
    act(table)
    assert ["again"] not in [thing for _, thing in saw]


def test_what_is_put_there_meanwhile_is_seen_from_then_on(table: Table[list[str]]) -> None:
    saw: list[str] = []
    table.watch(lambda key, _: saw.append(key))
    table["c"] = ["3"]
    assert saw == []
    assert table["c"] == ["3"]
    assert saw == ["c"]


def test_what_is_not_there_is_not_found(table: Table[list[str]]) -> None:
    table.watch(lambda *_: None)
    for look in (table.__getitem__, table.pop, table.peek, table.__delitem__):
        with pytest.raises(KeyError):
            look("none")
