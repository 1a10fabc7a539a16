"""When Python's garbage collector looks at what a gateway holds.

A connection that has ended is freed by reference counting (tests/gateway sees to that), so there is little to collect.
Left alone, the collector walks through all connections whenever a quarter more have come, while everybody waits: in a
burst of a thousand, for 100 ms and more.
"""

import gc

# Containers that have come and not gone until the youngest are looked at; a connection has some 90. Then how many
# such looks there are to one at the next generation, the last of which is all connections.
THRESHOLDS = (10_000, 3, 30)


def look_seldom() -> None:
    """Leave what has been loaded alone for good, and the rest mostly."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
