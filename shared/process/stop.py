"""The end of a process: asked for, or because it cannot go on."""

import asyncio
import logging

log = logging.getLogger(__name__)


class Stop(asyncio.Event):
    """Set when the process is to end. ``why`` is empty if it was asked to, else what the trouble is."""

    def __init__(self) -> None:
        super().__init__()
        self.why = ""

    def give_up(self, why: str) -> None:
        """End in good order, with a code that makes a supervisor start the process again."""
        if not self.is_set():
            log.error("%s: giving up, to be started again", why)
            self.why = why
            self.set()
