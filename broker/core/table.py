"""A table of what the state knows, that can be watched: whoever copies it while it lives on sees what is to change.

The rules change what they find in a table, never the table's copy of it, so all that matters is that they look it up.
Nothing that was found is used again at the next entry of the log.
"""

from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


class Table(dict[str, T]):
    """Things by key. An ordinary dict, as long as nobody watches."""

    __slots__ = ("_see",)
    _see: Callable[[str, T], None]

    def watch(self, see: Callable[[str, T], None]) -> None:
        """Call ``see`` with each thing before it is handed out or removed, as often as that happens."""
        self._see = see
        self.__class__ = _Watched  # looking things up costs nothing more while nobody watches

    def unwatch(self) -> None:
        """Nobody watches any more."""
        self.__class__ = Table

    def peek(self, key: str) -> T:
        """A thing, for looking at it. Raises KeyError."""
        return dict.__getitem__(self, key)

    def select(self, fits: Callable[[T], bool]) -> list[T]:
        """The things that fit, in order."""
        return [thing for thing in dict.values(self) if fits(thing)]


class _Watched(Table[T]):
    """One that is watched. What is not here hands nothing out, or is not used."""

    __slots__ = ()

    def __getitem__(self, key: str) -> T:
        thing = dict.__getitem__(self, key)
        self._see(key, thing)
        return thing

    def __setitem__(self, key: str, thing: T) -> None:
        self._see_one(key)
        super().__setitem__(key, thing)

    def __delitem__(self, key: str) -> None:
        self._see_one(key)
        super().__delitem__(key)

    def get(self, key: str, default: Any = None) -> Any:
        self._see_one(key)
        return super().get(key, default)

    def pop(self, key: str, *default: Any) -> Any:
        self._see_one(key)
        return super().pop(key, *default)

    def values(self) -> Any:
        for key, thing in dict.items(self):
            self._see(key, thing)
        return super().values()

    def items(self) -> Any:
        self.values()
        return super().items()

    def select(self, fits: Callable[[T], bool]) -> list[T]:
        found = [(key, thing) for key, thing in dict.items(self) if fits(thing)]
        for key, thing in found:
            self._see(key, thing)
        return [thing for _, thing in found]

    def _see_one(self, key: str) -> None:
        thing = dict.get(self, key)
        if thing is not None:
            self._see(key, thing)
