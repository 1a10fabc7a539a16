import pytest
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict

from shared.http.client_address import client_address, networks
from shared.process.settings import SettingError

PROXIES = networks(["10.0.0.0/8", "fd00::1"])


@pytest.mark.parametrize(
    ("remote", "forwarded", "expected"),
    [
        ("192.0.2.1", [], "192.0.2.1"),
        ("192.0.2.1", ["198.51.100.9"], "192.0.2.1"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.9"], "198.51.100.9"),
        ("10.0.0.1", ["203.0.113.5, 198.51.100.9"], "198.51.100.9"),
        ("10.0.0.1", ["203.0.113.5", "198.51.100.9,10.9.9.9"], "198.51.100.9"),
        ("10.0.0.1", ["nonsense"], "10.0.0.1"),
        ("10.0.0.1", ["nonsense, 10.0.0.2"], "10.0.0.2"),
        ("10.0.0.1", [",,, "], "10.0.0.1"),
        ("::ffff:10.0.0.1", ["::ffff:198.51.100.9"], "198.51.100.9"),
        ("fd00::1", ["2001:db8:1:2:3:4:5:6"], "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", [], "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::2", [], "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", [], "2001:db8:1:3::/64"),
        ("", [], "None"),
        ("10.0.0.1", ["198.51.100.1:4711"], "198.51.100.1"),
        ("10.0.0.1", ["203.0.113.5:1, 10.9.9.9:4711"], "203.0.113.5"),
        ("10.0.0.1", ["203.0.113.5, [fd00::1]:443, 10.9.9.9"], "203.0.113.5"),
        ("10.0.0.1", ["[2001:db8:1:2:3:4:5:6]:443"], "2001:db8:1:2::/64"),
        ("10.0.0.1", ["[2001:db8:1:2:3:4:5:6]"], "2001:db8:1:2::/64"),
        ("10.0.0.1", ["[::ffff:198.51.100.9]:4711"], "198.51.100.9"),
        ("10.0.0.1", ['"[2001:db8:1:2:3:4:5:6]:443"'], "2001:db8:1:2::/64"),
        ("10.0.0.1", ['"198.51.100.1:4711"'], "198.51.100.1"),
        ("10.0.0.1", ["\t 203.0.113.5 ,  198.51.100.1  "], "198.51.100.1"),
        ("10.0.0.1", [' " 198.51.100.1 : 4711 " '], "198.51.100.1"),
        ("10.0.0.1", ["[198.51.100.1"], "10.0.0.1"),
        ("10.0.0.1", ["[2001:db8::1]nonsense"], "10.0.0.1"),
        ("10.0.0.1", ["unknown", "_hidden:80"], "10.0.0.1"),
        ("10.0.0.1", ["[", '"', ":", '"[]:"'], "10.0.0.1"),
    ],
)
def test_the_caller_is_the_last_one_that_a_trusted_proxy_names(
    remote: str, forwarded: list[str], expected: str
) -> None:
    headers = CIMultiDict([("X-Forwarded-For", value) for value in forwarded])
    request = make_mocked_request("POST", "/app", headers).clone(remote=remote)
    assert client_address(request, PROXIES) == expected


@pytest.mark.parametrize("text", ["proxy.example.org", "10.0.0.0/33", "10.0.0"])
def test_a_proxy_that_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(SettingError, match="TRUSTED_PROXIES"):
        networks([text])
