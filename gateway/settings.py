"""The settings of a gateway."""

import dataclasses

from gateway.incoming.sizes import Sizes, check_together
from gateway.transport.origins import origins
from gateway.turn import Turn
from shared.contract.user_tokens import LONGEST_LIFE
from shared.envelopes.subjects import MAX_BODY
from shared.http.client_address import networks
from shared.messaging.settings import NatsSettings
from shared.process.logs import LogSettings
from shared.process.settings import SettingError, secret, setting

FRAME_BYTES = 8192  # of an event beside its bodies


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(NatsSettings, Sizes, LogSettings):
    """One field for each environment variable."""

    app_secret: str = secret(
        "Signs app tokens and session tokens; must be the same for gateways and auth_api.", min_bytes=32
    )
    app_secret_old: str = secret(
        "A previous APP_SECRET: tokens signed with it are still accepted.", min_bytes=32, default=""
    )
    user_keys: str = setting(
        "", "A JWKS file: the keys that apps' backends sign user tokens with. It is read again when it changes."
    )
    user_token_max_life: int = setting(
        LONGEST_LIFE, "Longest life of a user token, in seconds.", at_least=60, at_most=366 * 86400
    )
    anonymous: bool = setting(True, "Whether an app token is enough to come in. Off: only user tokens are.")
    app_host: str = setting("0.0.0.0", "Address to listen on.")
    app_port: int = setting(5000, "Port to listen on.", at_least=0, at_most=65535)
    gateway_name: str = setting("", "A name for logs and metrics; if empty, the host name and port.")
    token_lifetime: int = setting(86400, "Lifetime of a session token, in seconds.", at_least=1)
    cors_origins: tuple[str, ...] = setting(
        ("*",), "Origins of pages that may connect, comma-separated: `https://www.example.org`; `*` for all."
    )
    max_message: int = setting(65536, "Largest message a client may send, in bytes.", at_least=1024, at_most=1048576)
    events_per_second: float = setting(200.0, "Events per second that one client may send, on average.", at_least=1)
    events_burst: int = setting(2000, "Events that one client may send in a burst.", at_least=1)
    bytes_per_second: float = setting(
        1048576.0, "Bytes per second that one client may send, on average.", at_least=65536
    )
    bytes_burst: int = setting(4194304, "Bytes that one client may send in a burst.", at_least=65536)
    clients_per_address: float = setting(
        16.0,
        "One address may send as many events as this many clients, and a sixteenth of their bytes and bursts.",
        at_least=1,
    )
    handshakes_per_second: float = setting(
        50.0, "Sockets per second that one address may open, on average. For IPv6, an address is a /64.", at_least=0.1
    )
    handshakes_burst: int = setting(1000, "Sockets that one address may open in a burst.", at_least=1)
    max_connections_per_address: int = setting(1000, "Open sockets per address.", at_least=1)
    max_unauthenticated: int = setting(
        2000, "Unauthenticated sockets per gateway; beyond that, the oldest are closed.", at_least=1
    )
    newcomers_per_second: float = setting(
        2000.0, "Handshakes that a gateway serves per second at most; fewer while it is busy. Others wait.", at_least=1
    )
    max_waiting: int = setting(
        2000, "Handshakes that wait for their turn; beyond that, they are answered 503 with Retry-After.", at_least=0
    )
    max_connections: int = setting(50000, "TCP connections per gateway.", at_least=1)
    trusted_proxies: tuple[str, ...] = setting(
        (), "Addresses or networks (10.0.0.0/8), separated by commas, whose X-Forwarded-For is believed."
    )
    max_unsent: int = setting(
        262144,
        "Bytes that the gateway holds for a client that reads slowly; the broker keeps the rest.",
        at_least=65536,
    )
    max_unsent_per_address: int = setting(
        16777216,
        "The same for all clients of one address; beyond that, each of them may have a sixteenth of `MAX_UNSENT`.",
        at_least=65536,
    )
    max_held: int = setting(
        33554432, "Bytes of events held for all clients while NATS cannot be reached.", at_least=65536
    )
    max_held_per_client: int = setting(4194304, "The same for one client.", at_least=65536)
    auth_timeout: float = setting(30.0, "Seconds a socket has to authenticate.", at_least=0.1)
    ping_interval: float = setting(15.0, "Seconds between pings.", at_least=0.1)
    ping_timeout: float = setting(10.0, "Seconds a client has to answer a ping.", at_least=0.1)
    drain_notice: float = setting(
        2.0,
        "Seconds a stopping gateway keeps serving while /readyz reports it as stopping, so that load balancers notice.",
        at_least=0,
    )
    drain_seconds: float = setting(
        10.0, "Seconds over which a stopping gateway closes its sockets; 0: at once, without notice.", at_least=0
    )
    turn_urls: tuple[str, ...] = setting(
        (), "TURN servers that clients are told of: comma-separated `turn:` and `turns:` URLs."
    )
    turn_secret: str = secret("The `static-auth-secret` of these TURN servers.", default="")
    turn_lifetime: int = setting(
        86400,
        "Lifetime of a TURN credential, in seconds; it ends with the user token of its peer at the latest.",
        at_least=60,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        _ = self.turn  # a wrong combination is refused at the start
        check_together(self, MAX_BODY - FRAME_BYTES)
        networks(self.trusted_proxies)
        _ = self.origins

    @property
    def secrets(self) -> tuple[str, ...]:
        """The secrets that tokens are checked with, the newest first."""
        return tuple(filter(None, (self.app_secret, self.app_secret_old)))

    @property
    def origins(self) -> tuple[str, ...]:
        """CORS_ORIGINS as browsers write them. Raises SettingError."""
        return origins(self.cors_origins)

    @property
    def turn(self) -> Turn | None:
        """The TURN servers, if there are any. Raises SettingError when their secret is missing."""
        if not self.turn_urls:
            return None
        if not self.turn_secret:
            raise SettingError("TURN_SECRET", "is required with TURN_URLS: the static-auth-secret of the TURN servers.")
        return Turn(self.turn_urls, self.turn_secret, self.turn_lifetime)
