"""``python -m gateway``."""

from gateway.server import Gateway
from gateway.settings import Settings
from shared.process.logs import configure
from shared.process.start import run, settings_from_environment
from shared.process.world import World

WHAT = "A Parley gateway: socket.io clients on one side, the event log and the broker's deliveries on the other."

if __name__ == "__main__":
    settings = settings_from_environment("gateway", WHAT, Settings)
    configure(settings.log_level, settings.log_format, "gateway")
    run(Gateway(settings, World()).run)
