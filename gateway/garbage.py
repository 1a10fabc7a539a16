"""When Python's garbage collector looks at what a gateway holds.

A connection that has ended is freed by reference counting (tests/gateway sees to that), so there is little to collect.
Left alone, the collector walks through all connections whenever a quarter more have come, while everybody waits: in a
burst of a thousand, for 100 ms and more.
"""

import gc

# Containers that have come and not gone until the youngest are looked at: those of 30 connections, which takes less
# than a millisecond, and least for each while they are in the processor's cache. Then how many such looks there are to
# one at all that have come since the last of that kind: 18,000 connections. After 500, as once, such a look took 20 ms,
# and all of them twice as long as those at the youngest. Every second time, all connections are looked at.
THRESHOLDS = (2500, 600, 1)


def look_seldom() -> None:
    """Leave what has been loaded alone for good, and the rest mostly."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
