"""A snapshot is made while the state lives on, and is of the state as it was."""

import itertools
from typing import Any
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from broker.core.machine import Core
from broker.storage import encoding
from broker.storage.encoding import Encoding
from broker.storage.image import decode
from shared.envelopes.entries import unpack_batch
from tests.broker.core.test_replay import LIMITS, Feeder, messages, of_sockets, said, seen
from tests.broker.invariants import plain

Log = list[tuple[int, float, bytes]]


def apply(core: Core, log: Log) -> None:
    for position, time, data in log:
        core.apply(position, time, unpack_batch(data))


def encoded_at_once(core: Core) -> tuple[Any, int]:
    with Encoding("log", core.state) as at_once:
        for _ in at_once.steps():
            pass
        result = at_once.result()
    return plain(decode("log", result.whole)), result.needed


@settings(max_examples=200, deadline=None)
@given(messages(said() | of_sockets(st.none() | st.integers(0, 3), seen), seen), st.data())
def test_what_happens_meanwhile_is_not_in_it(log: list[Any], data: st.DataObject) -> None:
    first = Feeder(Core(LIMITS))
    for message in log:
        first.feed(*message)
    begin = data.draw(st.integers(0, len(first.log)))
    core, other = Core(LIMITS), Core(LIMITS)
    apply(core, first.log[:begin])
    apply(other, first.log[:begin])
    then = encoded_at_once(other)
    rest = iter(first.log[begin:])
    with patch.object(encoding, "SLICE", 1), Encoding("log", core.state) as making:
        apply(core, list(itertools.islice(rest, data.draw(st.integers(0, 3)))))
        for _ in making.steps():
            apply(core, list(itertools.islice(rest, data.draw(st.integers(0, 2)))))
        result = making.result()
    assert (plain(decode("log", result.whole)), result.needed) == then
    apply(core, list(rest))
    assert plain(core.state) == plain(first.core.state)
