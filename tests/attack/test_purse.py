"""An attack ends by itself."""

import pytest

from tests.attack.purse import Purse, Spent


def test_bytes_are_bounded() -> None:
    purse = Purse(60, 100)
    purse.begin()
    purse.pay(100)
    with pytest.raises(Spent):
        purse.pay(1)
    assert purse.sent == 100


def test_time_is_bounded() -> None:
    purse = Purse(0, 100)
    purse.begin()
    with pytest.raises(Spent):
        purse.pay(1)


def test_preparing_is_free() -> None:
    purse = Purse(60, 100)
    purse.pay(1000)
    purse.begin()
    assert purse.sent == 0
