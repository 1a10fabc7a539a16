from hypothesis import given
from hypothesis import strategies as st

from broker.storage.pieces import Pieces


@given(st.lists(st.binary(max_size=20)), st.integers(1, 30))
def test_pieces_are_read_as_one(pieces: list[bytes], size: int) -> None:
    read, reader, chunk = b"", Pieces(pieces), bytearray(size)
    while count := reader.readinto(chunk):
        assert count == min(size, len(b"".join(pieces)) - len(read))
        read += chunk[:count]
    assert read == b"".join(pieces)
