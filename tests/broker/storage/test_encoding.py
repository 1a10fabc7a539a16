"""A snapshot is made while the state lives on, and is of the state as it was."""

import itertools
from typing import Any
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from broker.core.machine import Core
from broker.core.state import Kept, Peer, State
from broker.core.table import Table
from broker.storage import encoding
from broker.storage.encoding import HEAVY, SLICE, Encoding
from broker.storage.image import decode
from shared.contract.told import PLAIN
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


def test_peers_for_whom_much_waits_are_encoded_a_few_at_a_time() -> None:
    light = {name: Peer(name, "app", name, "g", b"", True) for name in map(str, range(100))}
    frames = [Kept(b"x" * 10 * HEAVY, 1, kind=PLAIN), Kept(b"y" * 10 * HEAVY, 2, kind=PLAIN)]
    heavy = {
        name: Peer(name, "app", "", "", b"", True, kept={1: frames[0]}, kept_bytes=10 * HEAVY, past=[frames[1]])
        for name in map(str, range(100, 200))
    }
    state = State(peers=Table({**light, **heavy}))
    with Encoding("log", state) as making:
        breaks = sum(1 for _ in making.steps())
        result = making.result()
    assert breaks > 2 * 10 * len(heavy) // SLICE - 2
    assert plain(decode("log", result.whole)) == plain(State(peers=state.peers, conns={name: name for name in light}))


def test_a_frame_that_waits_for_many_is_in_it_once() -> None:
    frame = b"z" * 5000
    peers = {
        name: Peer(name, "app", "", "", b"", True, kept={1: Kept(frame, 1, kind=PLAIN)}) for name in map(str, range(50))
    }
    with Encoding("log", State(peers=Table(peers))) as making:
        assert list(making.steps()) == []
        whole = making.result().whole
    assert whole.count(frame) == 1
    assert [peer.kept[1].frame for peer in decode("log", whole).peers.values()] == [frame] * 50
