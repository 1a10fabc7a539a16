"""What happened, in order: a hash of all of it, and on demand the lines that are about one peer or one room."""

import hashlib
from collections.abc import Callable

Say = Callable[[str], None]


class Trace:
    """With ``say``, lines that contain one of ``about`` are said as they come in; all of them if it names nothing."""

    def __init__(self, say: Say | None = None, about: tuple[str, ...] = ()) -> None:
        self._say = say
        self._about = about
        self._lines: list[str] = []
        self._hash = hashlib.blake2b(digest_size=16)

    def note(self, time: float, who: str, what: str) -> None:
        """Take a line down."""
        line = f"{time:11.6f} {who:<10} {what}"
        self._lines.append(line)
        if len(self._lines) > 1000:
            self._digest()
        if self._say is not None and (not self._about or any(word in what for word in self._about)):
            self._say(line)

    @property
    def hash(self) -> str:
        """The same for two histories in which the same happened."""
        self._digest()
        return self._hash.hexdigest()

    def _digest(self) -> None:
        self._hash.update("\n".join(self._lines).encode())
        self._lines.clear()
