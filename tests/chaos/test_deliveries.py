"""What is found in webhooks that are not delivered as the documents promise."""

import json
from typing import Any

import pytest

from tests.chaos.rig.deliveries import Deliveries

STREAM = [{"id": f"log-{position}-0", "type": "room-closed"} for position in range(1, 6)]


def body(notices: list[dict[str, Any]]) -> bytes:
    return json.dumps({"data": notices}).encode()


def delivered(*batches: list[dict[str, Any]]) -> Deliveries:
    """Each taken before the next one comes."""
    deliveries = Deliveries()
    for number, notices in enumerate(batches):
        deliveries.arrive(f"batch-{number}", body(notices))
        deliveries.take(f"batch-{number}")
    return deliveries


def test_what_comes_in_order_is_no_fault_though_some_of_it_comes_again() -> None:
    deliveries = delivered(STREAM[:2], STREAM[2:])
    deliveries.arrive("batch-0", body(STREAM[:2]))
    deliveries.take("batch-0")
    assert list(deliveries.faults(STREAM)) == []
    assert (deliveries.batches, deliveries.posts) == (2, 3)


@pytest.mark.parametrize("missing", range(len(STREAM)))
def test_one_that_never_came_is_found(missing: int) -> None:
    [fault] = delivered(STREAM[:missing], STREAM[missing + 1 :]).faults(STREAM)
    assert fault == f"{STREAM[missing]['id']} never came"


def test_one_that_came_but_was_not_taken_is_found() -> None:
    deliveries = delivered(STREAM[:4])
    deliveries.arrive("batch-1", body(STREAM[4:]))
    assert list(deliveries.faults(STREAM)) == ["log-5-0 never came"]


def test_one_that_is_invented_is_found() -> None:
    [fault] = delivered(STREAM, [{"id": "log-9-0"}]).faults(STREAM)
    assert fault == "log-9-0 came, and is not in the stream"


def test_one_in_the_place_of_another_is_found() -> None:
    [fault] = delivered([STREAM[1], STREAM[0]], STREAM[2:]).faults(STREAM)
    assert fault == "log-2-0 came in the place of log-1-0"


def test_one_that_says_something_else_is_found() -> None:
    [fault] = delivered(STREAM[:4], [{**STREAM[4], "type": "room-created"}]).faults(STREAM)
    assert fault.startswith("log-5-0 came as ")


def test_one_in_two_batches_is_found() -> None:
    [fault] = delivered(STREAM[:3], STREAM[2:]).faults(STREAM)
    assert fault == "log-3-0 came in 2 batches"


def test_a_batch_that_is_not_waited_for_is_found() -> None:
    deliveries = Deliveries()
    deliveries.arrive("first", body(STREAM[:3]))
    deliveries.arrive("second", body(STREAM[3:]))
    for batch in ("first", "second"):
        deliveries.take(batch)
    assert list(deliveries.faults(STREAM)) == ["second came although ['first'] had not been taken"]


def test_a_batch_that_comes_late_a_second_time_is_no_fault() -> None:
    deliveries = delivered(STREAM[:3])
    deliveries.arrive("batch-1", body(STREAM[3:]))
    deliveries.arrive("batch-0", body(STREAM[:3]))
    deliveries.take("batch-1")
    assert list(deliveries.faults(STREAM)) == []


def test_a_batch_that_changes_is_found() -> None:
    deliveries = delivered(STREAM)
    deliveries.arrive("batch-0", body(STREAM[:2]))
    assert list(deliveries.faults(STREAM)) == ["batch-0 came again with another body"]
