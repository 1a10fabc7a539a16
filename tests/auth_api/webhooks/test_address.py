import pytest

from auth_api.webhooks.address import checked


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org",
        "http://10.0.0.7:8080/hooks?token=x",
        "https://user:word@example.org/a/b",  # pragma: allowlist secret
        "http://[2001:db8::1]:80/",
        "HTTPS://Example.org/",
    ],
)
def test_where_webhooks_can_go(url: str) -> None:
    assert checked(url) == url


@pytest.mark.parametrize(
    "url",
    ["example.org", "ftp://example.org", "https://", "https://:80/", "http://a:0/", "http://a:99999/", "http://[::1/",
     "https://a/#b", "https://a b/", "https://a/\nb", "https://ü.example/", "//a/"],
)  # fmt: skip
def test_where_they_cannot(url: str) -> None:
    with pytest.raises(ValueError, match=r"^must be a URL"):
        checked(url)
