"""Settings are refused loudly, by name, and never show a secret."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.process.settings import SettingError, read, secret, setting, table

GOOD_SECRET = "s" * 32


@dataclasses.dataclass(frozen=True, kw_only=True)
class Example:
    app_secret: str = secret("Signs things.", min_bytes=32)
    port: int = setting(5000, "A port.", at_least=0, at_most=65535)
    seconds: float = setting(1.5, "A time.", at_least=0.1)
    demo: bool = setting(True, "Whether.")
    names: tuple[str, ...] = setting((), "Some.")
    scope: str = setting("all", "Which.", choices=("all", "app"))
    nats_url: str = setting("nats://127.0.0.1:4222", "Where.", schemes=("nats://", "tls://"))


def test_defaults_hold_and_an_empty_variable_is_not_set() -> None:
    example = read(Example, {"APP_SECRET": GOOD_SECRET, "PORT": "", "NAMES": ""})
    assert (example.port, example.seconds, example.demo, example.names) == (5000, 1.5, True, ())


def test_values_are_parsed_by_type() -> None:
    environ = {"APP_SECRET": GOOD_SECRET, "PORT": "80", "SECONDS": "2", "DEMO": "off", "NAMES": " a, b ,"}
    example = read(Example, environ)
    assert (example.port, example.seconds, example.demo, example.names) == (80, 2.0, False, ("a", "b"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("APP_SECRET", ""),
        ("APP_SECRET", "too short"),
        ("PORT", "eighty"),
        ("PORT", "-1"),
        ("PORT", "65536"),
        ("PORT", "1.5"),
        ("SECONDS", "nan"),
        ("SECONDS", "inf"),
        ("APP_SECRET", GOOD_SECRET + "\udcff"),
        ("SCOPE", "\udcff"),
        ("SECONDS", "0"),
        ("DEMO", "perhaps"),
        ("SCOPE", "none"),
        ("NATS_URL", "http://127.0.0.1"),
        ("NATS_URL", "nats://one:4222,two:4222"),
        ("NATS_URL", "nats://"),
        ("NATS_URL", "nats://one:99999"),
        ("NATS_URL", "nats://one:port"),
        ("NATS_URL", "nats://[::1"),
        ("NATS_URL", "nats://one:4222/stream"),
    ],
)
def test_a_wrong_value_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(SettingError, match=f"^{name}: "):
        read(Example, {"APP_SECRET": GOOD_SECRET, name: value})


@given(st.text(min_size=1, max_size=31).filter(lambda text: len(text.encode(errors="replace")) < 32))
def test_a_secret_is_never_shown(value: str) -> None:
    shown = []
    try:
        read(Example, {"APP_SECRET": "needle-" + value[:20]})
    except SettingError as error:
        shown.append(str(error))
    shown.append(repr(read(Example, {"APP_SECRET": "needle-" + GOOD_SECRET})))
    assert not any("needle" in text for text in shown)


@pytest.mark.parametrize("password", ["pa/ss-word", "pa#ss-word", "pa?ss-word", "pa,ss-word"])
def test_a_password_that_breaks_its_url_is_not_shown(password: str) -> None:
    with pytest.raises(SettingError, match="NATS_URL: must be URLs") as refused:
        read(Example, {"APP_SECRET": GOOD_SECRET, "NATS_URL": f"nats://gateway:{password}@nats:4222"})
    assert "ss-word" not in str(refused.value)


@pytest.mark.parametrize(
    "url", ["nats://one", "nats://a:p@ss~1@one:4222/", "tls://[::1]:4222", "nats://a:b@one, nats://two"]
)
def test_what_nats_can_be_reached_at_is_taken(url: str) -> None:
    assert read(Example, {"APP_SECRET": GOOD_SECRET, "NATS_URL": url}).nats_url == url


def test_the_table_names_every_setting() -> None:
    rows = {name: (default, doc) for name, default, doc in table(Example)}
    assert rows["APP_SECRET"] == ("required", "Signs things.")
    assert rows["SECONDS"] == ("1.5", "A time.")
    assert rows["NAMES"][0] == "empty"
    assert len(rows) == len(dataclasses.fields(Example))
