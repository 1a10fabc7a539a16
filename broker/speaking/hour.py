"""What happened in each minute of the last hour, counted from the notices: the charts of the operators' console."""

from collections.abc import Sequence

from shared.envelopes.admin import HourPage, MinuteLine
from shared.envelopes.notices import Notice, PeerJoined, PeerLeft, RequestMade, RoomClosed, RoomCreated

MINUTES = 60
_MINUTE = 60_000  # ms
_COUNTED: dict[type[Notice], str] = {
    RoomCreated: "created",
    RoomClosed: "closed",
    PeerJoined: "joined",
    PeerLeft: "left",
    RequestMade: "asked",
}


class Hour:
    """Every broker counts, so that it knows the hour when it begins to speak."""

    def __init__(self) -> None:
        self._minutes: dict[int, MinuteLine] = {}

    def take(self, notices: Sequence[Notice]) -> None:
        """Count what was said of one position of the log."""
        for notice in notices:
            if (name := _COUNTED.get(type(notice))) is not None:
                line = self._of(notice.time // _MINUTE)
                setattr(line, name, getattr(line, name) + 1)

    def page(self, now: float) -> HourPage:
        """The hour that ends now, in seconds since the epoch."""
        first = int(now // 60) - MINUTES
        return HourPage([line for minute, line in self._minutes.items() if minute > first])

    def _of(self, minute: int) -> MinuteLine:
        line = self._minutes.get(minute)
        if line is None:  # the log's time does not go back, so the newest minute is the last one
            line = self._minutes[minute] = MinuteLine(minute)
            if len(self._minutes) > MINUTES:
                del self._minutes[next(iter(self._minutes))]
        return line
