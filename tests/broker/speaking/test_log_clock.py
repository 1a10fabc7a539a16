import math

from broker.speaking.log_clock import LogClock


def test_it_goes_on_from_the_newest_message() -> None:
    clock = LogClock()
    clock.set(1_000_000.0, 50.0)
    assert clock.read(52.5) == 1_000_002.5
    clock.set(1_000_001.0, 53.0)
    assert clock.read(53.0) == 1_000_001.0


def test_before_the_first_message_no_deadline_is_over() -> None:
    assert LogClock().read(1e9) == -math.inf
