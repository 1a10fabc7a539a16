"""The numbers under which a peer's events took effect, with what each was answered, in a few bytes.

All are kept in one piece of bytes, in the order in which they were answered: as objects they would take ten times as
much. A record is the number; two bytes, the mark, with a checksum of what was asked, how it ended, and how the values
are written; and the values, which are the fields of the answer that cannot be made again. Whole numbers are written in
groups of seven bits, the lowest first, and the high bit says that another one follows.

A number that is higher than all before is new: only for others the records are looked through.
"""

import zlib
from typing import Any, NamedTuple

import msgspec

MOST = 64  # numbers that are remembered
LONGEST = 64  # bytes of values, beyond which they are not remembered: then the answer is made without them
_JSON = 3  # how values are written that are not one or two whole numbers
_OUTCOMES = 8
_SUMS = 2**11
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(list[Any]).decode


class Answered(NamedTuple):
    """What took effect under a number.

    checksum  of what was asked, below 2048
    outcome   how it ended, below 8 (``broker/core/rules/repeats.py``)
    values    fields of the answer, in the order in which the event declares them (``REMEMBERED``)
    """

    n: int
    checksum: int
    outcome: int
    values: list[Any]


class Numbers(msgspec.Struct, gc=False):
    """Of one peer.

    newest     the highest that took effect, or that waits for a decision
    forgotten  the highest that is not remembered any more
    count      how many are remembered
    records    those
    """

    newest: int = -1
    forgotten: int = -1
    count: int = 0
    records: bytes = b""

    def find(self, n: int) -> Answered | None:
        """What took effect under a number, if that is remembered."""
        if n > self.newest:
            return None
        start = 0
        while start < len(self.records):
            answered, start = _unpack(self.records, start)
            if answered.n == n:
                return answered
        return None

    def add(self, answered: Answered) -> None:
        """Remember an answer, and forget the oldest if there are too many."""
        self.newest = max(self.newest, answered.n)
        self.records += _pack(answered)
        self.count += 1
        if self.count > MOST:
            oldest, end = _unpack(self.records, 0)
            self.forgotten = max(self.forgotten, oldest.n)
            self.records = self.records[end:]
            self.count -= 1


def checksum(event: str, room: str, peer_id: str) -> int:
    """Of what was asked, so that a number which a client gives to another event is noticed, if not always."""
    return zlib.crc32(f"{event}\n{room}\n{peer_id}".encode()) % _SUMS


def _pack(answered: Answered) -> bytes:
    n, summed, outcome, values = answered
    form = len(values)
    if form >= _JSON or not all(type(value) is int and value >= 0 for value in values):
        form, written = _JSON, _encode(values)
        if len(written) > LONGEST:
            written = b"[]"
        rest = _pack_int(len(written)) + written
    else:
        rest = b"".join(map(_pack_int, values))
    mark = (summed * _OUTCOMES + outcome) * (_JSON + 1) + form
    return _pack_int(n) + mark.to_bytes(2) + rest


def _unpack(records: bytes, start: int) -> tuple[Answered, int]:
    """The record that begins there, and where it ends."""
    n, place = _unpack_int(records, start)
    mark, form = divmod(int.from_bytes(records[place : place + 2]), _JSON + 1)
    place += 2
    values: list[Any] = []
    if form == _JSON:
        length, place = _unpack_int(records, place)
        values, place = _decode(records[place : place + length]), place + length
    else:
        for _ in range(form):
            value, place = _unpack_int(records, place)
            values.append(value)
    return Answered(n, mark // _OUTCOMES, mark % _OUTCOMES, values), place


def _pack_int(number: int) -> bytes:
    groups = bytearray()
    while number > 127:
        groups.append(number & 127 | 128)
        number >>= 7
    groups.append(number)
    return bytes(groups)


def _unpack_int(records: bytes, place: int) -> tuple[int, int]:
    """The number that is written there, and where it ends."""
    number = shift = 0
    while (group := records[place]) > 127:
        number |= (group & 127) << shift
        place, shift = place + 1, shift + 7
    return number | group << shift, place + 1
