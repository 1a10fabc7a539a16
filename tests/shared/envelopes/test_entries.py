"""What is packed for the log can be read again, and nothing else is taken for it."""

import contextlib
import typing
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.envelopes.entries import (
    AppIssued,
    AppRevoked,
    Authenticated,
    BanLifted,
    Batch,
    Closed,
    Entry,
    GatewayDown,
    GatewayLost,
    GatewayUp,
    Identified,
    LevelRaised,
    LimitsSet,
    Malformed,
    Pace,
    PeerKicked,
    PeerRemoved,
    PolicySet,
    RoomClosed,
    Said,
    Speaking,
    Tick,
    UserRestored,
    UserRevoked,
    newer_kinds,
    pack_batch,
    unpack_batch,
)
from shared.envelopes.users import User

words = st.text(min_size=1, max_size=20).filter(lambda text: text.isprintable())
numbers = st.integers(0, 2**53)
acks = st.none() | st.integers(0, 10**15)
maybe = st.none() | numbers
entries = st.one_of(
    st.builds(Said, words, words, acks, words, words, st.binary(max_size=50), st.binary(max_size=50), acks),
    st.builds(
        Authenticated, words, acks, words, st.binary(max_size=20), st.none() | st.booleans(), words, numbers,
        st.binary(max_size=20), maybe, st.binary(max_size=16), words,
    ),
    st.builds(Closed, words, numbers, st.sampled_from(["closed", "lost"]), st.booleans()),
    st.builds(GatewayUp, words, numbers),
    st.builds(LevelRaised, numbers, numbers),
    st.builds(
        LimitsSet, numbers, numbers, numbers, numbers, numbers, st.floats(0, 1e9), numbers, numbers, st.floats(0, 1e9),
        numbers, st.booleans(), numbers, numbers, numbers, numbers, st.booleans(),
    ),
    st.builds(GatewayDown, numbers),
    st.builds(Pace, words, st.booleans()),
    st.builds(GatewayLost, numbers, words, numbers),
    st.builds(Speaking, numbers),
    st.builds(Tick, numbers),
    st.builds(RoomClosed, words),
    st.builds(PeerRemoved, words),
    st.builds(AppIssued, words, numbers),
    st.builds(AppRevoked, words, numbers),
)  # fmt: skip

SAID = Said("room-join-request", "c", 1, "r", "p", b"{}")
AUTHENTICATED = Authenticated("c", None, "app", b"", True, "", 0, b"", None)
# What was packed once is read for ever: a log outlives the version that wrote it.
GOLDEN: list[tuple[Entry, list[Any]]] = [
    (SAID, [0, "room-join-request", "c", 1, "r", "p", b"{}", b"", None]),
    (Said("e", "c", None, "r", "p", b"{}", b'{"a":1}', 9), [0, "e", "c", None, "r", "p", b"{}", b'{"a":1}', 9]),
    (
        Authenticated("c", 7, "app", b"1", None, "p", 2, b"3", 4, b"lock", "key", 2, "q"),
        [1, "c", 7, "app", b"1", None, "p", 2, b"3", 4, b"lock", "key", 2, "q"],
    ),
    (
        Identified(AUTHENTICATED, User("u", "n", 1, 2, {"r": "own"}, "newest")),
        [
            15,
            [1, "c", None, "app", b"", True, "", 0, b"", None, b"", "", 1, ""],
            ["u", "n", 1, 2, {"r": "own"}, "newest"],
        ],
    ),
    (UserRevoked("app", "u", 1, 2), [16, "app", "u", 1, 2]),
    (UserRestored("app", "u"), [17, "app", "u"]),
    (PeerKicked("key", "p", -1, "t"), [18, "key", "p", -1, "t"]),
    (PolicySet("key", b"{}"), [19, "key", b"{}"]),
    (BanLifted("key", "u", ""), [20, "key", "u", ""]),
    (Closed("c", 5, "lost", False), [2, "c", 5, "lost", False]),
    (GatewayUp("name", 2), [3, "name", 2]),
    (GatewayLost(1, "g", -1), [4, 1, "g", -1]),
    (Speaking(2), [5, 2]),
    (Tick(3), [6, 3]),
    (RoomClosed("key"), [7, "key"]),
    (PeerRemoved("p"), [8, "p"]),
    (AppIssued("app", 9), [9, "app", 9]),
    (AppRevoked("app", 10), [10, "app", 10]),
    (GatewayDown(11), [11, 11]),
    (Pace("c", True), [12, "c", True]),
    (LevelRaised(4, 2), [13, 4, 2]),
    (
        LimitsSet(4, 1, 2, 3, 5, 1.5, 6, 7, 2.5, 8, True, 9, 10, 11, 12, True),
        [14, 4, 1, 2, 3, 5, 1.5, 6, 7, 2.5, 8, True, 9, 10, 11, 12, True],
    ),
]
# Each of them is of the right form but for one value.
WRONG: list[Entry] = [
    Said("e" * 65, "c", 1, "r", "p", b""),
    Said("e", "", 1, "r", "p", b""),
    Said("e", "c" * 65, 1, "r", "p", b""),
    Said("e", "c", -1, "r", "p", b""),
    Said("e", "c", 10**15 + 1, "r", "p", b""),
    Said("e", "c", 1, "r" * 1025, "p", b""),
    Said("e", "c", 1, "r", "p" * 65, b""),
    Said("e", "c", 1, "r", "p", "text"),  # type: ignore[arg-type]
    Said("e", "c", True, "r", "p", b""),
    Said("e", "c", 1, "r", "p", b"", "text"),  # type: ignore[arg-type]
    Said("e", "c", 1, "r", "p", b"", b"", -1),
    Said("e", "c", 1, "r", "p", b"", b"", 2**53 + 1),
    Said("e", "c", 1, "r", "p", b"", b"", 1.5),  # type: ignore[arg-type]
    msgspec.structs.replace(AUTHENTICATED, conn=""),
    msgspec.structs.replace(AUTHENTICATED, app="a" * 129),
    msgspec.structs.replace(AUTHENTICATED, resumable=1),
    msgspec.structs.replace(AUTHENTICATED, resume_generation=2**53 + 1),
    msgspec.structs.replace(AUTHENTICATED, received=-1),
    msgspec.structs.replace(AUTHENTICATED, lock=b"l" * 33),
    msgspec.structs.replace(AUTHENTICATED, resume_key="k" * 65),
    Closed("c", -2, "closed", False),
    Closed("c", 0, "thrown out", False),  # type: ignore[arg-type]
    GatewayUp("n" * 257),
    GatewayUp("name", -1),
    LevelRaised(1, -1),
    LimitsSet(1, 1, 1, 1, 1, float("nan"), 1, 1, 1.0, 1, False),
    LimitsSet(1, 1, 1, 1, 1, 1.0, 1, 1, 1.0, 1, 1),  # type: ignore[arg-type]
    GatewayDown(2**64 - 1),
    Pace("c", 1),  # type: ignore[arg-type]
    GatewayLost(1, "", 0),
    Speaking(2**64 - 1),
    Speaking(-1),
    Tick(1.5),  # type: ignore[arg-type]
    RoomClosed("k" * 1154),
    PeerRemoved(7),  # type: ignore[arg-type]
    AppIssued("app", 2**53 + 1),
    AppRevoked("a" * 129, 1),
    msgspec.structs.replace(AUTHENTICATED, version=0),
    Identified(AUTHENTICATED, User("", "n", 1, 2)),
    Identified(AUTHENTICATED, User("u\n", "n", 1, 2)),
    Identified(AUTHENTICATED, User("u", "n" * 129, 1, 2)),
    Identified(AUTHENTICATED, User("u", "n", -1, 2)),
    Identified(AUTHENTICATED, User("u", "n", 1, 2, {"r": "king"})),  # type: ignore[dict-item]
    Identified(AUTHENTICATED, User("u", "n", 1, 2, {str(number): "own" for number in range(65)})),
    Identified(AUTHENTICATED, User("u", "n", 1, 2, {}, "both")),  # type: ignore[arg-type]
    UserRevoked("app", "", 1, 2),
    UserRestored("a" * 129, "u"),
    PeerKicked("key", "p", -2, ""),
    PeerKicked("key", "p", 0, "t" * 257),
    PolicySet("key", "{}"),  # type: ignore[arg-type]
    BanLifted("key", "u" * 129, ""),
]


@given(words, numbers, st.lists(entries, max_size=5), st.floats(0, 1e10))
def test_a_batch_survives(writer: str, number: int, said: list[Entry], taken: float) -> None:
    batch = Batch(writer, number, list(said), taken)
    read = unpack_batch(pack_batch(batch))
    assert read == batch
    assert [type(entry) for entry in read.entries] == [type(entry) for entry in said]


def test_the_bytes_of_a_batch_never_change() -> None:
    batch = Batch("g", 1, [SAID, Tick(2)], 1.5, 3, 4)
    assert pack_batch(batch) == (
        b"\x96\xa1g\x01\x92\x99\x00\xb1room-join-request\xa1c\x01\xa1r\xa1p\xc4\x02{}\xc4\x00\xc0\x92\x06\x02\xcb?\xf8"
        + bytes(6)
        + b"\x03\x04"
    )


def test_the_bytes_of_earlier_versions_are_read() -> None:
    data = (
        b"\x96\xa1g\x01\x91\x97\x00\xb1room-join-request\xa1c\x01\xa1r\xa1p\xc4\x02{}\xcb?\xf8" + bytes(6) + b"\x03\x04"
    )
    assert unpack_batch(data) == Batch("g", 1, [SAID], 1.5, 3, 4)


def test_there_are_golden_fields_of_every_kind() -> None:
    assert {type(entry) for entry, _ in GOLDEN} == set(typing.get_args(Entry))
    assert len({wire[0] for _, wire in GOLDEN}) == len({type(entry) for entry, _ in GOLDEN})


@pytest.mark.parametrize(("entry", "wire"), GOLDEN, ids=lambda value: type(value).__name__)
def test_no_entry_changes_its_number_or_its_fields(entry: Entry, wire: list[Any]) -> None:
    data = msgspec.msgpack.encode(["g", 1, [wire], 0.0, -1, 0])
    assert pack_batch(Batch("g", 1, [entry])) == data
    assert unpack_batch(data).entries == [entry]


@pytest.mark.parametrize(("entry", "wire"), GOLDEN, ids=lambda value: type(value).__name__)
def test_fields_of_later_versions_are_passed_over(entry: Entry, wire: list[Any]) -> None:
    data = msgspec.msgpack.encode(["g", 1, [[*wire, "new", {"more": 1}]], 0.0, -1, 0, "new"])
    assert unpack_batch(data).entries[0] == entry


def test_fields_that_earlier_versions_did_not_have_are_left_empty() -> None:
    data = msgspec.msgpack.encode(["g", 1, [[1, "c", None, "app", b"", True, "", 0, b"", None], [3, "name"]], 0.0])
    assert unpack_batch(data).entries == [AUTHENTICATED, GatewayUp("name", 1)]


@pytest.mark.parametrize("wrong", WRONG, ids=str)
def test_an_entry_with_a_value_that_cannot_be_right_is_left_out_and_the_others_are_not(wrong: Entry) -> None:
    assert unpack_batch(pack_batch(Batch("g", 7, [SAID, wrong, Tick(1)], 2.5))) == Batch("g", 7, [SAID, Tick(1)], 2.5)


def test_an_entry_of_a_kind_of_later_versions_is_left_out() -> None:
    data = msgspec.msgpack.encode(["g", 1, [[99, "x"], [6, 1], ["no number"], [], 5], 0.0])
    assert unpack_batch(data).entries == [Tick(1)]
    assert newer_kinds(data) == {99}


@given(st.binary(max_size=200))
def test_kinds_of_later_versions_are_looked_for_in_any_bytes(data: bytes) -> None:
    assert isinstance(newer_kinds(data), set)


def test_no_kind_is_newer_than_those_there_are() -> None:
    assert newer_kinds(pack_batch(Batch("b", 0, [entry for entry, _ in GOLDEN]))) == set()
    assert newer_kinds(pack_batch(Batch("b", 0, WRONG))) == set()


@pytest.mark.parametrize(
    "batch",
    [
        Batch("", 1, []),
        Batch("g" * 65, 1, []),
        Batch("g", -1, []),
        Batch("g", 2**64 - 1, []),
        Batch("g", 1, [], -1.0),
        Batch("g", 1, [], float("nan")),
        Batch("g", 1, [], float("inf")),
    ],
    ids=str,
)
def test_a_batch_with_a_value_that_cannot_be_right_is_malformed(batch: Batch) -> None:
    with pytest.raises(Malformed):
        unpack_batch(pack_batch(batch))


@given(st.binary(max_size=200))
def test_other_bytes_are_malformed_and_nothing_worse(data: bytes) -> None:
    try:
        unpack_batch(data)
    except Malformed:
        return
    assert pack_batch(unpack_batch(data))


@given(st.data())
def test_a_broken_batch_is_malformed_and_nothing_worse(data: st.DataObject) -> None:
    packed = bytearray(pack_batch(Batch("g", 1, [SAID, Closed("c", 1, "closed", True)])))
    packed[data.draw(st.integers(0, len(packed) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(Malformed):
        unpack_batch(bytes(packed))


def test_a_cut_batch_is_malformed() -> None:
    packed = pack_batch(Batch("g", 1, [Tick(1)]))
    with pytest.raises(Malformed):
        unpack_batch(packed[:-1])
