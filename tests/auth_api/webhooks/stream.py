"""The stream of notices, without a broker that fills it."""

import time

from nats.js.api import StreamConfig

from shared.envelopes import subjects
from shared.envelopes.notices import Noticed, NoticeId, RoomClosed, encode_notice, pack_bundle, pack_noticed
from shared.messaging.nats import Client


class Stream:
    """The stream of notices as the speaker would fill it, one notice in each message."""

    def __init__(self, nc: Client) -> None:
        self._nc = nc
        self.ids: list[str] = []

    async def make(self) -> None:
        config = StreamConfig(name=subjects.NOTICE_STREAM, subjects=[f"{subjects.NOTICES}>"])
        await self._nc.jetstream().add_stream(config)

    async def add(self, count: int) -> None:
        for _ in range(count):
            name = NoticeId("log", len(self.ids) + 1, 0)
            notice = RoomClosed(
                time=int(time.time() * 1000), app="app", room="tea", key="tea", reason="empty", by=None, seconds=1.0
            )
            bundle = pack_bundle(self.ids[-1] if self.ids else "", [encode_notice(name, notice)])
            stored = await self._nc.jetstream().publish(f"{subjects.NOTICES}log", bundle)
            self._nc.publish_now(subjects.NOTICED, pack_noticed(Noticed(stored.seq, str(name))))
            self.ids.append(str(name))
