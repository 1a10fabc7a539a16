"""The stream of notices: made when missing, appended to at its end and nowhere else. The oldest are dropped by NATS."""

import contextlib
import logging
from collections.abc import Sequence
from typing import NamedTuple

import msgspec
from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StreamConfig
from nats.js.errors import BadRequestError, NotFoundError

from broker.settings import Settings
from shared.envelopes import subjects
from shared.envelopes.notices import NoticeId, decode_notice, id_of, pack_bundle, unpack_bundle
from shared.messaging.messaging import EXPECTED_LAST, JetStream

log = logging.getLogger(__name__)


class End(NamedTuple):
    """Where the stream ends: the sequence of its newest message, and the newest notice with its time.

    ``sequence`` is 0 if nothing was ever stored. ``newest`` is None if it is not known, as the last notices were too
    old to be kept. The time is in ms since the epoch.
    """

    sequence: int
    newest: NoticeId | None
    time: int = 0


class NoticeStream:
    """All of it raises NatsError and TimeoutError."""

    def __init__(self, js: JetStream, settings: Settings) -> None:
        self._js = js
        self._settings = settings

    async def open(self) -> None:
        """Make it if there is none, and let it keep what the settings say."""
        try:
            config = (await self._js.stream_info(subjects.NOTICE_STREAM)).config
        except NotFoundError:
            with contextlib.suppress(BadRequestError):  # another broker was faster
                await self._js.add_stream(self._config())
            return
        size, keep = self._settings.notices_max_bytes, self._settings.notices_keep
        if (config.max_bytes, config.max_age) != (size, keep):
            await self._js.update_stream(config.evolve(max_bytes=size, max_age=keep))
            log.info("notices are kept otherwise now", extra={"facts": {"bytes": size, "seconds": keep}})

    async def end(self) -> End:
        """Where it ends now. Raises NotFoundError if there is no stream."""
        state = (await self._js.stream_info(subjects.NOTICE_STREAM)).state
        try:
            message = await self._js.get_msg(subjects.NOTICE_STREAM, state.last_seq) if state.messages else None
            if message is None:
                return End(state.last_seq, None)
            newest = unpack_bundle(message.data or b"").notices[-1]
            return End(state.last_seq, id_of(newest), decode_notice(bytes(newest)).time)
        except (NotFoundError, msgspec.MsgspecError, ValueError):  # dropped a moment ago, or of a later release
            return End(state.last_seq, None)

    async def append(self, end: End, notices: Sequence[bytes]) -> int:
        """Append notices, in one message; returns its sequence. Raises BadRequestError if that is not the end."""
        before = str(end.newest or "")
        subject = f"{subjects.NOTICES}{id_of(notices[-1]).log}"
        headers = {EXPECTED_LAST: str(end.sequence)}
        return (await self._js.publish(subject, pack_bundle(before, notices), headers=headers)).seq

    def _config(self) -> StreamConfig:
        return StreamConfig(
            name=subjects.NOTICE_STREAM,
            subjects=[f"{subjects.NOTICES}>"],
            retention=RetentionPolicy.LIMITS,
            storage=StorageType(self._settings.log_storage),
            num_replicas=self._settings.log_replicas,
            max_bytes=self._settings.notices_max_bytes,
            max_age=self._settings.notices_keep,
            discard=DiscardPolicy.OLD,
        )
