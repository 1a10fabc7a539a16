"""What `make run` can be told by the environment."""

import dataclasses
from pathlib import Path

from shared.process.settings import setting


@dataclasses.dataclass(frozen=True)
class Settings:
    """Each field is the environment variable of the same name in capitals."""

    gateways: int = setting(2, "How many gateways to start.", at_least=1, at_most=64)
    brokers: int = setting(
        1, "How many brokers to start. One speaks; further brokers are standbys.", at_least=1, at_most=8
    )
    gateway_port: int = setting(
        5000, "Port of the first gateway; the next has the next one.", at_least=1, at_most=65000
    )
    auth_api_port: int = setting(8000, "Port of auth_api.", at_least=1, at_most=65535)
    broker_port: int = setting(9000, "Port of the first broker's probes.", at_least=1, at_most=65000)
    nats_port: int = setting(4222, "Port of the NATS server.", at_least=1, at_most=65535)
    nats_sync: str = setting(
        "2m",
        "When NATS makes sure that the disk has what it took: after that time, or `always`, which no power cut undoes.",
    )
    app_host: str = setting("127.0.0.1", "Address that gateways and auth_api listen on; 0.0.0.0 for every address.")
    kill_switch: bool = setting(
        True, "Let the demo page kill a gateway or the broker, from this machine alone, to show that nothing is lost."
    )
    data_dir: str = setting(".parley", "Folder for the secrets and the log's data.")
    ready_seconds: float = setting(30.0, "Seconds the processes have to get ready.", at_least=1, at_most=600)

    @property
    def folder(self) -> Path:
        """``data_dir`` as a path that stays true in another folder."""
        return Path(self.data_dir).absolute()
