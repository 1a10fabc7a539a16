"""``python -m tests.sim``: histories of a simulated cluster, one after the other, as long as there is time.

Settings, from the environment: SIM_MINUTES (1); SIM_SEED plays one history again and tells what happens in it, or only
what names SIM_PEER or SIM_ROOM; SIM_FROM is the first of the seeds (chance decides), SIM_COUNT how many there are;
with SIM_FIRST_FAULT it ends at the first one found; SIM_MUTATION puts a fault into the code first (``mutations.py``).
"""

import os
import sys

if os.environ.get("SIM_MUTATION"):
    from tests.sim import mutation

    mutation.put_back(os.environ["SIM_MUTATION"])

from tests.sim import hunt

sys.exit(hunt.main(os.environ))
