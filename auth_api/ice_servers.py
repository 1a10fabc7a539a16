"""The ICE servers that the demo page is given."""

from typing import Any

import msgspec

from shared.process.settings import SettingError

_SCHEMES = ("stun:", "stuns:", "turn:", "turns:")


class IceServer(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True):
    """An RTCIceServer, as browsers take it."""

    urls: str | list[str]
    username: str = ""
    credential: str = ""


def ice_servers(text: str) -> list[dict[str, Any]]:
    """The servers in the JSON text of ICE_SERVERS. Raises SettingError."""
    try:
        servers = msgspec.json.decode(text, type=list[IceServer])
    except msgspec.MsgspecError as error:
        raise SettingError("ICE_SERVERS", f"must be a JSON array of RTCIceServer objects: {error}") from None
    for server in servers:
        urls = [server.urls] if isinstance(server.urls, str) else server.urls
        if not urls or not all(url.startswith(_SCHEMES) for url in urls):
            raise SettingError("ICE_SERVERS", f"urls must start with one of {', '.join(_SCHEMES)}")
    built: list[dict[str, Any]] = msgspec.to_builtins(servers)
    return built
