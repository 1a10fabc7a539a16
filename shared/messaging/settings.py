"""How a process finds NATS, and speaks TLS with it."""

import dataclasses

from shared.messaging.tls import Tls
from shared.process.settings import SettingError, setting

SCHEMES = ("nats://", "tls://")
SECURE = "tls://"


@dataclasses.dataclass(frozen=True, kw_only=True)
class NatsSettings:
    """What gateways, brokers and auth_api have in common."""

    nats_url: str = setting(
        "nats://127.0.0.1:4222",
        "URLs of the NATS servers, comma-separated; they are tried in this order. With `tls://` or one of the three "
        "below, the process speaks TLS with verified certificates and nothing else.",
        schemes=SCHEMES,
    )
    nats_ca: str = setting("", "PEM file of the certificates that the NATS servers' own must be signed by.")
    nats_cert: str = setting("", "PEM file of the certificate that this process shows to NATS.")
    nats_key: str = setting("", "PEM file of the key that belongs to it.")

    def __post_init__(self) -> None:
        """Refuse files that would only be missed when it connects. Raises SettingError."""
        for name, given, other in (
            ("NATS_KEY", self.nats_key, self.nats_cert),
            ("NATS_CERT", self.nats_cert, self.nats_key),
        ):
            if other and not given:
                raise SettingError(name, "is required: NATS_CERT and NATS_KEY go together.")
        for name, path in (("NATS_CA", self.nats_ca), ("NATS_CERT", self.nats_cert), ("NATS_KEY", self.nats_key)):
            _check_readable(name, path)
        if self.nats_ca:
            _check_whole("NATS_CA", Tls(self.nats_ca))
        if self.nats_cert:
            _check_whole("NATS_CERT", Tls("", self.nats_cert, self.nats_key))

    @property
    def tls(self) -> Tls | None:
        """The files for TLS; None if it is not asked for."""
        asked = self.nats_ca or self.nats_cert or SECURE in self.nats_url
        return Tls(self.nats_ca, self.nats_cert, self.nats_key) if asked else None


def _check_readable(name: str, path: str) -> None:
    if path:
        try:
            with open(path, "rb") as file:
                file.read(1)
        except OSError as error:
            raise SettingError(name, f"{path} cannot be read: {error.strerror}") from None


def _check_whole(name: str, tls: Tls) -> None:
    try:
        tls.context()
    except OSError as error:
        path = tls.cert or tls.ca
        raise SettingError(name, f"{path} is not a usable certificate: {error}") from None
