"""What any release makes of a recorded log: runs in its folder, so it uses nothing but what all of them have.

Reads messages (position, time, subject, data) from one file, as MessagePack, and writes the parcels that follow to
another: where each goes, its number, and its bytes; up to where the level is one that it does not know. At the first
position, another log begins.
"""

import sys
from pathlib import Path
from typing import Any

import msgspec

from broker.core.belief import NOTHING, Unbelievable, believe
from broker.core.machine import Core
from broker.settings import Settings
from shared.envelopes import subjects
from shared.envelopes.deliveries import pack_message

core = Core(Settings().limits)
said = []
for position, time, subject, data in msgspec.msgpack.decode(Path(sys.argv[1]).read_bytes()):
    if position == 1:
        core = Core(Settings().limits)
    try:
        batch, _ = believe(core.state, subject, data)
    except Unbelievable:
        batch = NOTHING
    try:
        applied: Any = core.apply(position, time, batch)
    except Exception as error:  # by its name: it is of the release that runs here, if that knows it
        if type(error).__name__ == "NewerLog":
            break  # such a broker ends here
        raise
    for gateway, parcel in getattr(applied, "parcels", applied):  # releases before notices return nothing but parcels
        said.append((subjects.deliveries(gateway), parcel.number, pack_message(parcel)))
Path(sys.argv[2]).write_bytes(msgspec.msgpack.encode(said))
