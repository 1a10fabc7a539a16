"""What a process takes from the world around it: the time, chance, and what nobody can guess.

Each process makes one World when it starts, and passes it to whatever needs it. With another one, and an event loop
and a messaging client to match, the same code runs under virtual time and does the same things each time.
"""

import dataclasses
import random
import secrets
import time
import uuid
from collections.abc import Callable

ID_BYTES = 16  # that nobody can guess


@dataclasses.dataclass(frozen=True, slots=True)
class World:
    """``now`` is in seconds since the epoch; ``monotonic`` is in seconds of a clock that nobody sets.

    ``unguessable`` makes that many random bytes. ``chance`` is for what need not be kept secret.
    """

    now: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    unguessable: Callable[[int], bytes] = secrets.token_bytes
    chance: random.Random = dataclasses.field(default_factory=random.Random)

    def new_id(self, size: int = ID_BYTES) -> str:
        """An id that nothing has had before: two hexadecimal digits for each of ``size`` bytes."""
        return self.unguessable(size).hex()

    def new_uuid(self) -> str:
        """The same as a UUID (version 4)."""
        return str(uuid.UUID(bytes=self.unguessable(ID_BYTES), version=4))
