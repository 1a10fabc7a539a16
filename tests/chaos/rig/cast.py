"""Who the clients are: what their backend says of them and lets them do, and the version of the contract they know."""

import dataclasses
import functools
import random

from shared.contract.tokens import make_app_token
from shared.contract.user_tokens import make_user_token
from shared.envelopes.users import Grant, User

LIFE = 86400  # seconds that a user token lives
ANONYMOUS = 0.5  # how many have no identity
VERSIONS = (1, 1, 2, 2, 2)
BANS = (False, False, False, True, 5, 20)  # seconds; True: as long as the room is there

_ROUNDS = range(1, 60)
# Several clients are the same person. What one may do with rooms that are not named, ``*`` says.
GRANTS: dict[str, dict[str, Grant]] = {
    "cleo": {"*": "create"},
    "carl": {"*": "create"},
    "eric": {"*": "enter"},
    "knut": {"*": "knock"},
    "mona": {"*": "create", **{f"party-1-{number}": "moderate" for number in _ROUNDS}},
    "olga": {"*": "create", **{f"party-0-{number}": "own" for number in _ROUNDS}},
    "otto": {"*": "enter", **{f"party-0-{number}": "own" for number in _ROUNDS}},
}


@dataclasses.dataclass
class Person:
    """Somebody with a device. ``issued`` is when its token was made, in seconds since the epoch.

    ``life`` is how many seconds a user token of it lives; ``revoked`` how often its tokens were made void.
    """

    secret: str
    app: str
    issued: int
    version: int = 1
    identity: str = ""
    life: int = LIFE
    revoked: int = 0

    @property
    def grants(self) -> dict[str, str] | None:
        return dict(GRANTS[self.identity]) if self.identity else None

    @property
    def token(self) -> str:
        """What it shows to be let in."""
        return _token(self.secret, self.app, self.issued, self.identity, self.life)


@functools.lru_cache(10_000)
def _token(secret: str, app: str, issued: int, identity: str, life: int) -> str:
    if not identity:
        return make_app_token(secret, app, issued)
    user = User(identity, identity.title(), issued, issued + life, GRANTS[identity])
    return make_user_token(secret, app, user)


def somebody(chance: random.Random, secret: str, app: str, issued: int) -> Person:
    """Anybody."""
    identity = "" if chance.random() < ANONYMOUS else chance.choice(sorted(GRANTS))
    return Person(secret, app, issued, chance.choice(VERSIONS), identity)
