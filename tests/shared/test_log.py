"""What is packed for the log can be read again, and nothing else is taken for it."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.log import (
    AppIssued,
    AppRevoked,
    Authenticated,
    Batch,
    Closed,
    GatewayDown,
    GatewayLost,
    GatewayUp,
    Malformed,
    PeerRemoved,
    RoomClosed,
    Said,
    Speaking,
    Tick,
    pack_batch,
    unpack_batch,
)

words = st.text(max_size=20).filter(lambda text: text.isprintable())
numbers = st.integers(0, 2**53)
maybe = st.none() | numbers
entries = st.one_of(
    st.builds(Said, words, words, maybe, words, words, st.binary(max_size=50)),
    st.builds(
        Authenticated, words, maybe, words, st.binary(max_size=20), st.none() | st.booleans(), words, numbers,
        st.binary(max_size=20), maybe,
    ),
    st.builds(Closed, words, numbers, words, st.booleans()),
    st.builds(GatewayUp, words),
    st.builds(GatewayDown, numbers),
    st.builds(GatewayLost, numbers, words, numbers),
    st.builds(Speaking, numbers),
    st.builds(Tick, numbers),
    st.builds(RoomClosed, words),
    st.builds(PeerRemoved, words),
    st.builds(AppIssued, words, numbers),
    st.builds(AppRevoked, words, numbers),
)  # fmt: skip


@given(words, numbers, st.lists(entries, max_size=5), st.floats(0, 1e10))
def test_a_batch_survives(writer: str, number: int, said: list[Said], taken: float) -> None:
    batch = Batch(writer, number, list(said), taken)
    read = unpack_batch(pack_batch(batch))
    assert read == batch
    assert [type(entry) for entry in read.entries] == [type(entry) for entry in said]


@given(st.binary(max_size=200))
def test_other_bytes_are_malformed_and_nothing_worse(data: bytes) -> None:
    try:
        unpack_batch(data)
    except Malformed:
        return
    assert pack_batch(unpack_batch(data))


@given(st.data())
def test_a_broken_batch_is_malformed_and_nothing_worse(data: st.DataObject) -> None:
    packed = bytearray(
        pack_batch(Batch("g", 1, [Said("room-join-request", "c", 1, "r", "p", b"{}"), Closed("c", 1, "", True)]))
    )
    packed[data.draw(st.integers(0, len(packed) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(Malformed):
        unpack_batch(bytes(packed))


def test_a_cut_batch_is_malformed() -> None:
    packed = pack_batch(Batch("g", 1, [Tick(1)]))
    with pytest.raises(Malformed):
        unpack_batch(packed[:-1])
