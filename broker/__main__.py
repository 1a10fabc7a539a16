"""``python -m broker``."""

from broker.server import Broker
from broker.settings import Settings
from shared.process.logs import configure
from shared.process.start import run, settings_from_environment
from shared.process.world import World

WHAT = "The Parley broker: the authority over rooms. One speaks; more of them are standbys that take over."

if __name__ == "__main__":
    settings = settings_from_environment("broker", WHAT, Settings)
    configure(settings.log_level, settings.log_format, "broker")
    run(Broker(settings, World()).run)
