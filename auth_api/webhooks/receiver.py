"""One attempt to deliver a batch: an HTTP request, and what came of it."""

import asyncio
import enum
from collections.abc import Sequence
from types import TracebackType
from typing import NamedTuple, Self

import aiohttp

from auth_api.webhooks.address import without_secrets
from auth_api.webhooks.notices import Batch
from auth_api.webhooks.signature import signed

TIMEOUT = 20.0  # seconds for one attempt; Standard Webhooks recommends 15 to 30
IDLE = 1.0  # seconds that a connection is kept for the next batch; many servers close theirs after some more
HEADERS = {"Content-Type": "application/json", "User-Agent": "Parley", "Accept-Encoding": "identity"}


class Outcome(enum.Enum):
    """What came of an attempt. The values are labels of the metric."""

    DELIVERED = "delivered"
    REDIRECTED = "redirected"
    GONE = "gone"
    REFUSED = "refused"  # any other 4xx
    FAILED = "failed"  # 5xx, and what is no status at all
    TIMED_OUT = "timed_out"
    UNREACHABLE = "unreachable"  # no connection, or no answer that is HTTP


class Answer(NamedTuple):
    """An attempt's outcome, what to tell an operator of it, and its ``Retry-After``."""

    outcome: Outcome
    why: str
    retry_after: str = ""


class Receiver:
    """Where the app's backend listens. Of its answers only status and head are read; redirects are not followed."""

    def __init__(self, url: str, secrets: Sequence[bytes]) -> None:
        self._url = url
        self._secrets = secrets
        self.name = without_secrets(url)

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(keepalive_timeout=IDLE, limit=1),
            timeout=aiohttp.ClientTimeout(total=TIMEOUT),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=HEADERS,
            auto_decompress=False,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def post(self, batch: Batch, now: float) -> Answer:
        """Try once. ``now`` is in seconds since the epoch."""
        body = batch.body
        headers = signed(self._secrets, batch.id, int(now), body)
        try:
            async with asyncio.timeout(TIMEOUT):
                response = await self._session.post(self._url, data=body, headers=headers, allow_redirects=False)
        except TimeoutError:
            return Answer(Outcome.TIMED_OUT, f"no answer within {TIMEOUT:g} s")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Answer(Outcome.UNREACHABLE, type(error).__name__)
        response.release()  # with a body that has not come yet, this closes the connection
        return Answer(_outcome(response.status), str(response.status), response.headers.get("Retry-After", ""))


def _outcome(status: int) -> Outcome:
    if status == 410:
        return Outcome.GONE
    kinds = {2: Outcome.DELIVERED, 3: Outcome.REDIRECTED, 4: Outcome.REFUSED}
    return kinds.get(status // 100, Outcome.FAILED)
