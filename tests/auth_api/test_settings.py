from typing import Any

import pytest

from auth_api.gateways import connect_sources, gateway_urls
from auth_api.ice_servers import ice_servers
from auth_api.settings import Settings
from shared.process.settings import SettingError, read

ENVIRON = {"APP_SECRET": "s" * 32, "APP_PASS": "p"}


def test_secret_and_password_are_all_it_needs() -> None:
    settings = read(Settings, ENVIRON)
    assert (settings.app_port, settings.demo, settings.gateway_url) == (8000, True, ())
    assert "sss" not in repr(settings)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("APP_SECRET", ""),
        ("APP_SECRET", "s" * 31),
        ("APP_PASS", ""),
        ("APP_PORT", "http"),
        ("ICE_SERVERS", "{"),
        ("ICE_SERVERS", "{}"),
        ("ICE_SERVERS", "[1]"),
        ("ICE_SERVERS", "[{}]"),
        ("ICE_SERVERS", '[{"urls":[]}]'),
        ("ICE_SERVERS", '[{"urls":"https://a"}]'),
        ("ICE_SERVERS", '[{"urls":"stun:a","url":"stun:a"}]'),
        ("GATEWAY_URL", "localhost:5000"),
        ("GATEWAY_URL", "ftp://a"),
        ("GATEWAY_URL", "http://a;script-src *"),
        ("GATEWAY_URL", "http://a,http://b/path"),
        ("TRUSTED_PROXIES", "10.0.0.0/33"),
        ("DEMO", "maybe"),
        ("THROTTLE_SECONDS", "nan"),
        ("WEBHOOK_URL", "backend.example.org"),
        ("WEBHOOK_SECRET_OLD", "whsec_short"),
    ],
)
def test_what_is_wrong_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingError, match=f"^{name}: "):
        read(Settings, {**ENVIRON, name: value})


@pytest.mark.parametrize("value", ["", "secret", "whsec_c2hvcnQ="])
def test_webhooks_need_a_good_secret(value: str) -> None:
    with pytest.raises(SettingError, match=r"^WEBHOOK_SECRET: must .*openssl"):
        read(Settings, {**ENVIRON, "WEBHOOK_URL": "https://backend.example.org/", "WEBHOOK_SECRET": value})


def test_webhooks_are_signed_with_both_secrets() -> None:
    secrets = {name: "whsec_" + name[-1] * 32 for name in ("WEBHOOK_SECRET", "WEBHOOK_SECRET_OLD")}
    settings = read(Settings, {**ENVIRON, "WEBHOOK_URL": "https://user:word@a/", **secrets})  # pragma: allowlist secret
    assert len(settings.webhook_secrets) == 2
    assert settings.webhook_secrets[0] != settings.webhook_secrets[1]
    assert not any(text in repr(settings) for text in ("whsec_", "word"))


@pytest.mark.parametrize(
    "servers",
    [
        [],
        [{"urls": "stun:stun.example.org:3478"}],
        [{"urls": ["turn:a?transport=udp", "turns:a:443"], "username": "u", "credential": "c"}],
    ],
)
def test_ice_servers_are_passed_on_as_they_are(servers: list[Any]) -> None:
    assert ice_servers(str(servers).replace("'", '"')) == servers


def test_the_page_may_connect_to_each_gateway_in_both_ways() -> None:
    urls = gateway_urls(("http://localhost:5000/", "https://[2001:db8::1]:5001"))
    assert urls == ["http://localhost:5000", "https://[2001:db8::1]:5001"]
    assert connect_sources(urls).split() == [
        "'self'",
        "http://localhost:5000",
        "https://[2001:db8::1]:5001",
        "ws://localhost:5000",
        "wss://[2001:db8::1]:5001",
    ]
