"""What auth_api can be told by the environment."""

import dataclasses

from auth_api.gateways import gateway_urls
from auth_api.ice_servers import ice_servers
from shared.http.client_address import networks
from shared.messaging.settings import NatsSettings
from shared.process.logs import LogSettings
from shared.process.settings import secret, setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(NatsSettings, LogSettings):
    """Each field is the environment variable of the same name in capitals."""

    app_secret: str = secret("Signs app tokens; must be the same as the gateways'.", min_bytes=32)
    app_pass: str = secret("The password that POST /app asks for.")
    admin_token: str = secret(
        "Bearer token for the calls under /admin. If empty, there are no such calls.", min_bytes=32, default=""
    )
    app_host: str = setting("0.0.0.0", "Address to listen on.")
    app_port: int = setting(8000, "Port to listen on.", at_least=0, at_most=65535)
    trusted_proxies: tuple[str, ...] = setting(
        (), "Addresses or networks (10.0.0.0/8), separated by commas, whose X-Forwarded-For is believed."
    )
    throttle_tries: int = setting(10, "Wrong passwords that one address may send in a burst.", at_least=1, at_most=1000)
    throttle_seconds: float = setting(2.0, "Seconds until an address may try once more.", at_least=0.01, at_most=60)
    throttle_addresses: int = setting(10_000, "Addresses whose tries are remembered.", at_least=1, at_most=1_000_000)
    admin_calls_per_second: float = setting(
        20.0, "Calls under /admin that are answered per second, on average.", at_least=0.01, at_most=10_000
    )
    admin_calls_burst: int = setting(100, "Calls under /admin in a burst.", at_least=1, at_most=10_000)
    demo: bool = setting(
        True, "Serve the demo page. It gives a working app token to anyone who opens it: turn it off in production."
    )
    gateway_url: tuple[str, ...] = setting(
        (),
        "Where the demo page finds the gateways; several, separated by commas, share its visitors. "
        "If empty, where the page came from.",
    )
    ice_servers: str = setting("[]", "ICE servers for the demo page: a JSON array of RTCIceServer objects.")
    node_modules: str = setting(
        "node_modules", "Folder of npm packages that contains socket.io-client, relative to the top of the repository."
    )

    def __post_init__(self) -> None:
        """Refuse what would only come to light when somebody asks. Raises SettingError."""
        super().__post_init__()
        networks(self.trusted_proxies)
        gateway_urls(self.gateway_url)
        ice_servers(self.ice_servers)
