"""What is packed for a gateway can be read again."""

import typing
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.envelopes.deliveries import (
    Admit,
    Beat,
    Close,
    Delivery,
    Emit,
    Fenced,
    Head,
    LevelHolds,
    Parcel,
    Revoked,
    Shows,
    Speaks,
    pack_beat,
    pack_message,
    unpack_beat,
    unpack_message,
)

words = st.text(max_size=20).filter(lambda text: text.isprintable())
numbers = st.integers(0, 2**53)
raw = st.binary(max_size=30)
deliveries: st.SearchStrategy[Delivery] = st.one_of(
    st.builds(Emit, st.lists(words, max_size=3), raw, numbers),
    st.builds(
        Admit, words, st.none() | numbers, words, words, numbers, raw, st.floats(0, 100), st.booleans(), raw, raw
    ),
    st.builds(Close, words, st.booleans()),
    st.builds(Revoked, words, numbers),
    st.builds(Shows, words, raw),
)


@given(numbers, numbers, st.lists(deliveries, max_size=5), st.floats(0, 1e10))
def test_a_parcel_survives(number: int, position: int, said: list[Delivery], taken: float) -> None:
    read = unpack_message(pack_message(Parcel(number, position, said, taken)))
    assert read == Parcel(number, position, said, taken)
    assert isinstance(read, Parcel)
    assert [type(delivery) for delivery in read.deliveries] == [type(delivery) for delivery in said]


@given(numbers, words.filter(bool), st.booleans(), st.booleans())
def test_the_small_messages_survive(number: int, gateway: str, gap: bool, prompt: bool) -> None:
    assert unpack_message(pack_message(Head(number))) == Head(number)
    assert unpack_message(pack_message(Fenced())) == Fenced()
    assert unpack_beat(pack_beat(Beat(gateway, number, gap, prompt))) == Beat(gateway, number, gap, prompt)


GOLDEN: dict[str, Parcel | Head | Fenced] = {
    "9600070997940092 a161a162c4043432 5b5d059b01a16103 a170a361707002c4 027b7dcb403e0000 "
    "00000000c3c4025b 5dc40131 9302a161 c39303a36170700b 9204029305a16102 9306a161c4027b7d "
    "cb3ff80000000000 00cd012c": Parcel(
        7,
        9,
        [
            Emit(["a", "b"], b"42[]", 5),
            Admit("a", 3, "p", "app", 2, b"{}", 30.0, True, b"[]", b"1"),
            Close("a", True),
            Revoked("app", 11),
            LevelHolds(2),
            Speaks("a", 2),
            Shows("a", b"{}"),
        ],
        1.5,
        300,
    ),
    "92010c": Head(12),
    "9202a0": Fenced(),
}


@pytest.mark.parametrize("golden", GOLDEN)
def test_bytes_mean_for_ever_what_they_mean_now(golden: str) -> None:
    assert pack_message(GOLDEN[golden]) == bytes.fromhex(golden)
    assert unpack_message(bytes.fromhex(golden)) == GOLDEN[golden]


def test_there_are_golden_bytes_of_every_kind() -> None:
    parcel = next(message for message in GOLDEN.values() if isinstance(message, Parcel))
    assert {type(delivery) for delivery in parcel.deliveries} == set(typing.get_args(Delivery))


def test_a_reader_ignores_new_fields_and_does_without_later_ones() -> None:
    newer = msgspec.msgpack.encode([0, 7, 9, [[0, ["a"], b"42[]", 5, "new"]], 1.5, 300, "new"])
    assert unpack_message(newer) == Parcel(7, 9, [Emit(["a"], b"42[]", 5)], 1.5, 300)
    admit: list[Any] = [1, "a", None, "p", "app", 2, b"", 30.0, True, b"[]", b"1"]
    older = msgspec.msgpack.encode([0, 7, 9, [[0, ["a"], b"42[]"], [2, "a"], admit]])
    admitted = Admit("a", None, "p", "app", 2, b"", 30.0, True, b"[]", b"1")
    said: list[Delivery] = [Emit(["a"], b"42[]"), Close("a"), admitted]
    assert unpack_message(older) == Parcel(7, 9, said)
