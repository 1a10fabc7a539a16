"""What is packed for a gateway can be read again."""

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
    Parcel,
    Revoked,
    pack_beat,
    pack_fenced,
    pack_head,
    pack_parcel,
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
)


@given(numbers, numbers, st.lists(deliveries, max_size=5), st.floats(0, 1e10))
def test_a_parcel_survives(number: int, position: int, said: list[Delivery], taken: float) -> None:
    read = unpack_message(pack_parcel(Parcel(number, position, said, taken)))
    assert read == Parcel(number, position, said, taken)
    assert isinstance(read, Parcel)
    assert [type(delivery) for delivery in read.deliveries] == [type(delivery) for delivery in said]


@given(numbers, words.filter(bool), st.booleans(), st.booleans())
def test_the_small_messages_survive(number: int, gateway: str, gap: bool, prompt: bool) -> None:
    assert unpack_message(pack_head(Head(number))) == Head(number)
    assert unpack_message(pack_fenced()) == Fenced()
    assert unpack_beat(pack_beat(Beat(gateway, number, gap, prompt))) == Beat(gateway, number, gap, prompt)
