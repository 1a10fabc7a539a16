"""A room's policy: how one gets in, and what becomes of the room."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

MOST_HISTORY = 50  # messages that a newcomer can be shown
LONGEST_TEXT = 256  # characters of a text that people are shown
LEAST_PEERS = 2

Admission = Literal["ask", "open", "closed"]
OwnerLeaves = Literal["pass", "close"]
Text = Annotated[str, Meta(max_length=LONGEST_TEXT)]
MaxPeers = Annotated[int, Meta(ge=LEAST_PEERS, le=2**31)]
MessagesShown = Annotated[int, Meta(ge=0, le=MOST_HISTORY)]


class Policy(msgspec.Struct, frozen=True):
    """How a room is governed. A new room has the defaults.

    admission     ``ask``: a host decides about everybody; ``open``: whoever asks is in; ``closed``: nobody gets in
    max_peers     how many may be in the room; None: as many as the server allows
    owner_leaves  ``pass``: somebody else becomes the owner; ``close``: the room is closed
    waiting_text  what a candidate is told while it waits
    history       how many messages a newcomer is shown
    """

    admission: Admission = "ask"
    max_peers: MaxPeers | None = None
    owner_leaves: OwnerLeaves = "pass"
    waiting_text: Text = ""
    history: MessagesShown = 0

    def limit(self, most: int) -> int:
        """How many may be in the room, where the server allows ``most``."""
        return most if self.max_peers is None else min(most, self.max_peers)

    def shown(self, most: int) -> dict[str, Any]:
        """All of it, as clients get it."""
        return {**msgspec.structs.asdict(self), "max_peers": self.limit(most)}


class PolicyShown(msgspec.Struct, frozen=True):
    """A policy as clients get it."""

    admission: Admission
    max_peers: int
    owner_leaves: OwnerLeaves
    waiting_text: str
    history: int


class PolicyChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The keys of a policy that are to change."""

    admission: Admission | UnsetType = UNSET
    max_peers: MaxPeers | UnsetType | None = UNSET
    owner_leaves: OwnerLeaves | UnsetType = UNSET
    waiting_text: Text | UnsetType = UNSET
    history: MessagesShown | UnsetType = UNSET

    def on(self, policy: Policy) -> Policy:
        """The policy after the change."""
        given = {name: value for name, value in msgspec.structs.asdict(self).items() if value is not UNSET}
        return msgspec.structs.replace(policy, **given)


DEFAULT = Policy()


def read_change(encoded: bytes) -> PolicyChange | None:
    """A change as JSON; None if it cannot be one."""
    try:
        return _decode(encoded)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None


_decode = msgspec.json.Decoder(PolicyChange).decode

if not PolicyChange.__struct_fields__ == PolicyShown.__struct_fields__ == Policy.__struct_fields__:
    raise TypeError("Policy, PolicyChange and PolicyShown do not have the same keys")
