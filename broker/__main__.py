"""``python -m broker``."""

import logging
import sys

from broker.core.levels import NewerLog
from broker.server import Broker
from broker.settings import Settings
from shared.process.logs import configure
from shared.process.start import run, settings_from_environment
from shared.process.world import World

TOO_OLD = 3  # exit code: starting this release again is of no use
WHAT = "The Parley broker: the authority over rooms. One speaks; more of them are standbys that take over."

if __name__ == "__main__":
    settings = settings_from_environment("broker", WHAT, Settings)
    configure(settings.log_level, settings.log_format, "broker")
    try:
        run(Broker(settings, World()).run)
    except NewerLog as error:
        logging.getLogger("broker").critical("%s", error)
        sys.exit(TOO_OLD)
