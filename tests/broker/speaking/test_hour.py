"""What happened is counted by the minute, for an hour."""

from typing import Any

from broker.speaking.hour import MINUTES, Hour
from shared.envelopes.admin import MinuteLine
from shared.envelopes.notices import Notice, PeerJoined, PeerLeft, PeerRole, RoomClosed

NOW = 1_700_000_040.0  # the beginning of a minute
MINUTE = int(NOW // 60)


def said(kind: type[Notice], minutes: float = 0, **fields: Any) -> Notice:
    """A notice from that many minutes ago."""
    shared: dict[str, Any] = {"time": int((NOW - minutes * 60) * 1000), "app": "x", "room": "tea", "key": "tea"}
    return kind(**shared, **fields)


def joined(minutes: float) -> Notice:
    return said(PeerJoined, minutes, peer_id="p", identity=None, role="member")


def test_each_kind_is_counted_in_its_minute() -> None:
    hour = Hour()
    hour.take([joined(2), joined(1)])
    hour.take([said(PeerLeft, 0.5, peer_id="p", identity=None, reason="left", seconds=1.0)])
    hour.take([said(PeerRole, peer_id="p", identity=None, role="moderator", by=None)])
    hour.take([said(RoomClosed, reason="empty", by=None, seconds=1.0)])
    assert hour.page(NOW).minutes == [
        MinuteLine(MINUTE - 2, joined=1),
        MinuteLine(MINUTE - 1, joined=1, left=1),
        MinuteLine(MINUTE, closed=1),
    ]


def test_what_is_older_than_an_hour_is_not_told() -> None:
    hour = Hour()
    hour.take([joined(60), joined(59)])
    assert [line.minute for line in hour.page(NOW).minutes] == [MINUTE - 59]


def test_no_more_than_an_hour_is_remembered() -> None:
    hour = Hour()
    hour.take([joined(minutes) for minutes in range(500, 0, -1)])
    assert len(hour._minutes) == MINUTES
    assert len(hour.page(NOW).minutes) == MINUTES - 1
