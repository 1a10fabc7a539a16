"""An entry goes to the log only if all brokers that may be up do with it what it says."""

import msgspec

from gateway.switchboard import level_of
from shared.envelopes.entries import Authenticated, Closed, Identified, Said
from shared.envelopes.levels import FIRST, LIFE, RIGHTS
from shared.envelopes.users import User

SAID = Said("e", "c", 1, "r", "p", b"")
SHOWN = Authenticated("c", None, "app", b"", True, "", 0, b"", None)


def test_what_an_entry_takes() -> None:
    assert [level_of(entry) for entry in (SAID, SHOWN, Closed("c", 1, "lost", False))] == [FIRST] * 3
    identified = Identified(SHOWN, User("u", "n", 1, 2, {}))
    assert [level_of(entry) for entry in (identified, msgspec.structs.replace(SHOWN, version=2))] == [RIGHTS] * 2
    assert level_of(msgspec.structs.replace(SAID, n=0)) == LIFE
