"""Subjects give nothing away, and hold nothing that NATS would take for something else."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.outgoing.link import new_gateway_id
from shared.envelopes import subjects
from shared.process.world import World


@given(st.text(max_size=64))
def test_where_deliveries_go_does_not_tell_the_id(gateway: str) -> None:
    subject = subjects.deliveries(gateway)
    prefix, _, name = subject.rpartition(".")
    assert prefix == "parley.deliver"
    assert name.isalnum()
    assert name.isascii()


def test_ids_of_this_version_cannot_be_guessed_and_are_told_from_those_of_the_one_before() -> None:
    ids = {new_gateway_id(World()) for _ in range(100)}
    assert len(ids) == 100
    assert all(len(each) == 33 and each not in subjects.deliveries(each) for each in ids)
    assert subjects.deliveries("g0123456789abcdef") == "parley.deliver.g0123456789abcdef"
    assert subjects.public_id("g0123456789abcdef") not in "parley.deliver.g0123456789abcdef"
