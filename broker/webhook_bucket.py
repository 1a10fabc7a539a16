"""The bucket in which auth_api notes which webhooks are delivered.

Brokers make it: whoever may make a stream may have it copy any other, and auth_api may not read the log.
"""

import asyncio
import contextlib
import logging

from nats.errors import Error as NatsError
from nats.js.api import KeyValueConfig, StorageType
from nats.js.errors import BadRequestError, NotFoundError

from shared.envelopes import subjects
from shared.messaging.messaging import Messaging

log = logging.getLogger(__name__)

MAX_BYTES = 1024 * 1024  # it holds one small record
LOOK_INTERVAL = 5.0  # seconds


async def keep_bucket(nc: Messaging, replicas: int) -> None:
    """Make the bucket, and make it again when it is lost, until cancelled."""
    while True:
        try:
            await make_bucket(nc, replicas)
        except (NatsError, TimeoutError) as error:
            log.debug("the bucket for webhooks cannot be made now: %s", type(error).__name__)
        await asyncio.sleep(LOOK_INTERVAL)


async def make_bucket(nc: Messaging, replicas: int) -> None:
    """Make the bucket unless there is one. Raises NatsError and TimeoutError."""
    js = nc.jetstream(timeout=1.0)
    try:
        await js.key_value(subjects.WEBHOOKS_BUCKET)
    except NotFoundError:
        config = KeyValueConfig(
            bucket=subjects.WEBHOOKS_BUCKET, storage=StorageType.FILE, replicas=replicas, max_bytes=MAX_BYTES
        )
        with contextlib.suppress(BadRequestError):  # another broker of other settings was faster
            await js.create_key_value(config)
