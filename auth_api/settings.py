"""What auth_api can be told by the environment."""

import dataclasses
from collections.abc import Callable

from auth_api.gateways import gateway_urls, loopback_url
from auth_api.ice_servers import ice_servers
from auth_api.webhooks.address import checked
from auth_api.webhooks.secrets import secret_bytes
from shared.contract.user_tokens import LONGEST_LIFE
from shared.http.client_address import networks
from shared.messaging.settings import NatsSettings
from shared.process.logs import LogSettings
from shared.process.settings import SettingError, secret, setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(NatsSettings, LogSettings):
    """Each field is the environment variable of the same name in capitals."""

    app_secret: str = secret("Signs app tokens; must be the same as the gateways'.", min_bytes=32)
    app_pass: str = secret("The password that POST /app and POST /user ask for.")
    user_token_max_life: int = setting(
        LONGEST_LIFE,
        "Longest life of a user token, in seconds. Revoked users are remembered as long, so it must not be less than "
        "the gateways'.",
        at_least=60,
        at_most=366 * 86400,
    )
    admin_token: str = secret(
        "Bearer token for the calls under /admin. If empty, there are no such calls.", min_bytes=32, default=""
    )
    webhook_url: str = secret(
        "Where notices of what happens in rooms are sent as Standard Webhooks, with `https://` or `http://`. If empty, "
        "they are not sent.",
        default="",
    )
    webhook_secret: str = secret(
        "Signs webhooks: `whsec_` and the base64 of 24 to 64 random bytes. Required with `WEBHOOK_URL`.", default=""
    )
    webhook_secret_old: str = secret(
        "The former one while receivers change over: webhooks are signed with both.", default=""
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
        True,
        "Serve the demo page. It lets everybody in who opens it, for an hour at a time: turn it off in production.",
    )
    gateway_url: tuple[str, ...] = setting(
        (),
        "Where the demo page finds the gateways; several, separated by commas, share its visitors. "
        "If empty, where the page came from.",
    )
    kill_switch_url: str = setting(
        "",
        "Where `make run` kills a gateway or the broker when the demo page, opened on the same machine, asks for it. "
        "Leave it empty: `make run` sets it, and nothing else has such a switch.",
    )
    ice_servers: str = setting("[]", "ICE servers for the demo page: a JSON array of RTCIceServer objects.")
    node_modules: str = setting(
        "node_modules", "Folder with the npm packages socket.io-client and uqr, relative to the top of the repository."
    )

    def __post_init__(self) -> None:
        """Refuse what would only come to light when somebody asks. Raises SettingError."""
        super().__post_init__()
        networks(self.trusted_proxies)
        gateway_urls(self.gateway_url)
        ice_servers(self.ice_servers)
        loopback_url("KILL_SWITCH_URL", self.kill_switch_url)
        if self.webhook_url:
            _check("WEBHOOK_URL", checked, self.webhook_url)
            _check("WEBHOOK_SECRET", secret_bytes, self.webhook_secret)
        if self.webhook_secret_old:
            _check("WEBHOOK_SECRET_OLD", secret_bytes, self.webhook_secret_old)

    @property
    def webhook_secrets(self) -> list[bytes]:
        """What webhooks are signed with."""
        return [secret_bytes(text) for text in (self.webhook_secret, self.webhook_secret_old) if text]


def _check(name: str, read: Callable[[str], object], text: str) -> None:
    try:
        read(text)
    except ValueError as error:
        raise SettingError(name, str(error)) from None
