import sys, time
from tests.sim.history import play
from tests.sim.trace import Trace
a = int(sys.argv[1]); b = int(sys.argv[2]) if len(sys.argv) > 2 else a + 1
for seed in range(a, b):
    t = time.process_time()
    o = play(seed, Trace(print, tuple(sys.argv[4:])) if len(sys.argv) > 3 else None)
    print(seed, o.hash, o.events, f"{time.process_time()-t:.2f} s", len(o.faults), "".join(f"\n    {f}" for f in o.faults[:4]), flush=True)
