from typing import Any

import pytest

from broker.core.history import HISTORY_SECONDS
from gateway.settings import Settings
from shared.process.settings import SettingError, read

SECRET = "a secret for tests, 32 bytes long"


def settings(**environ: str) -> Settings:
    return read(Settings, {"APP_SECRET": SECRET, **environ})


def test_a_secret_is_all_it_needs() -> None:
    assert settings() == Settings(app_secret=SECRET)


def test_it_sees_that_a_socket_is_dead_while_brokers_still_know_what_that_was_sent() -> None:
    assert settings().ping_interval + settings().ping_timeout < HISTORY_SECONDS


@pytest.mark.parametrize("environ", [{}, {"APP_SECRET": ""}, {"APP_SECRET": "x" * 31}])
def test_without_a_good_secret_there_is_no_gateway(environ: dict[str, str]) -> None:
    with pytest.raises(SettingError) as error:
        read(Settings, environ)
    assert error.value.name == "APP_SECRET"
    assert "x" * 31 not in str(error.value)


def test_the_new_secret_comes_first() -> None:
    assert settings().secrets == (SECRET,)
    assert settings(APP_SECRET_OLD="o" * 32).secrets == (SECRET, "o" * 32)


def test_secrets_are_not_shown() -> None:
    shown = repr(settings(APP_SECRET_OLD="o" * 32, TURN_SECRET="north", TURN_URLS="turn:x"))
    assert not any(secret in shown for secret in (SECRET, "o" * 32, "north"))


@pytest.mark.parametrize(
    ("environ", "name"),
    [
        ({"APP_SECRET_OLD": "short"}, "APP_SECRET_OLD"),
        ({"NATS_URL": "http://nats:4222"}, "NATS_URL"),
        ({"APP_PORT": "65536"}, "APP_PORT"),
        ({"APP_PORT": "-1"}, "APP_PORT"),
        ({"MAX_MESSAGE": "1023"}, "MAX_MESSAGE"),
        ({"MAX_MESSAGE": "1048577"}, "MAX_MESSAGE"),
        ({"MAX_PAYLOAD": "many"}, "MAX_PAYLOAD"),
        ({"MAX_SESSION_DESCRIPTION": "520000"}, "MAX_SESSION_DESCRIPTION"),
        ({"MAX_PEERINFO": "470000"}, "MAX_SESSION_DESCRIPTION"),
        ({"EVENTS_PER_SECOND": "nan"}, "EVENTS_PER_SECOND"),
        ({"AUTH_TIMEOUT": "0"}, "AUTH_TIMEOUT"),
        ({"TURN_LIFETIME": "59"}, "TURN_LIFETIME"),
        ({"LOG_LEVEL": "loud"}, "LOG_LEVEL"),
        ({"CORS_ORIGINS": "https://a.example,www.example.org"}, "CORS_ORIGINS"),
    ],
)
def test_a_wrong_value_is_refused_by_name(environ: dict[str, str], name: str) -> None:
    with pytest.raises(SettingError) as error:
        settings(**environ)
    assert error.value.name == name


@pytest.mark.parametrize(
    ("name", "text", "field", "value"),
    [
        (
            "CORS_ORIGINS",
            "https://a.example, https://b.example,",
            "cors_origins",
            ("https://a.example", "https://b.example"),
        ),
        ("APP_PORT", "0", "app_port", 0),
        ("MAX_MESSAGE", "1048576", "max_message", 1048576),
        ("DRAIN_SECONDS", "0", "drain_seconds", 0.0),
        ("EVENTS_PER_SECOND", "0.5e2", "events_per_second", 50.0),
        ("NATS_URL", "tls://a:1,nats://b:2", "nats_url", "tls://a:1,nats://b:2"),
        ("NATS_URL", "", "nats_url", "nats://127.0.0.1:4222"),
    ],
)
def test_a_good_value_is_read(name: str, text: str, field: str, value: Any) -> None:
    assert getattr(settings(**{name: text}), field) == value


def test_turn_servers_come_with_their_secret_or_not_at_all() -> None:
    assert settings().turn is None
    assert settings(TURN_SECRET="north").turn is None
    turn = settings(TURN_URLS="turn:a,turns:b", TURN_SECRET="north", TURN_LIFETIME="60").turn
    assert turn is not None
    assert (turn.urls, turn.secret, turn.lifetime) == (("turn:a", "turns:b"), "north", 60)
    with pytest.raises(SettingError) as error:
        settings(TURN_URLS="turn:a")
    assert error.value.name == "TURN_SECRET"
