import gc

from gateway.garbage import THRESHOLDS, look_seldom


def test_what_was_there_is_left_alone_and_the_rest_looked_at_seldom() -> None:
    before = gc.get_threshold()
    try:
        look_seldom()
        assert gc.get_freeze_count() > 10_000
        assert gc.get_threshold() == THRESHOLDS
    finally:
        gc.unfreeze()
        gc.set_threshold(*before)
