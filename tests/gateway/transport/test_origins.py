import pytest

from gateway.transport.origins import origins
from shared.process.settings import SettingError


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("https://www.example.org", "https://www.example.org"),
        ("https://www.example.org/", "https://www.example.org"),
        ("HTTPS://WWW.Example.ORG", "https://www.example.org"),
        ("https://www.example.org:443", "https://www.example.org"),
        ("http://www.example.org:80/", "http://www.example.org"),
        ("http://www.example.org:443", "http://www.example.org:443"),
        ("https://www.example.org:08443", "https://www.example.org:8443"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("http://[::1]:3000", "http://[::1]:3000"),
        ("http://[0:0:0:0::1]:3000", "http://[::1]:3000"),
        ("http://[2001:DB8:0:0:1:0:0:1]", "http://[2001:db8::1:0:0:1]"),
        ("http://192.0.2.1:3000", "http://192.0.2.1:3000"),
        ("https://3com.example", "https://3com.example"),
        ("https://xn--bcher-kva.example", "https://xn--bcher-kva.example"),
        ("capacitor://localhost", "capacitor://localhost"),
        ("null", "null"),
        ("*", "*"),
    ],
)
def test_an_origin_is_written_as_browsers_send_it(text: str, origin: str) -> None:
    assert origins([text]) == (origin,)


@pytest.mark.parametrize(
    "text",
    [
        "www.example.org",
        "https://",
        "https://www.example.org/app",
        "https://www.example.org?x",
        "https://user@www.example.org",
        "https://*.example.org",
        "https://www.example.org:70000",
        "https://www.example.org:https",
        "https://b\u00fccher.example",
        "https://a.example https://b.example",
        "https://www.example.org//",
        "http://[::1::]",
        "http://127.1",
        "http://0x7f.0.0.1",
        "http://2130706433",
    ],
)
def test_what_no_browser_sends_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(SettingError, match="CORS_ORIGINS: must name origins like"):
        origins([text])
