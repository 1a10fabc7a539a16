"""With a certificate; the last here, since it leaves the stack like that."""

import ssl
import urllib.request
from pathlib import Path

import pytest

from tests.deploy.compose.stack import Stack

pytestmark = pytest.mark.timeout(600)


def test_with_a_certificate_it_speaks_tls(stack: Stack, tmp_path: Path) -> None:
    key, certificate, both = (tmp_path / name for name in ("key.pem", "certificate.pem", "both.pem"))
    new = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost"]
    stack.run(*new, "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate))
    both.write_text(key.read_text() + certificate.read_text())
    stack.set(TLS_CERTIFICATE=str(both))
    stack.compose("up", "--detach", "--no-deps", "--wait", "haproxy")
    trust = ssl.create_default_context(cafile=certificate)
    # follows the redirect from HTTP
    with urllib.request.urlopen(f"{stack.url}/demo", timeout=10, context=trust) as answer:  # noqa: S310 - our own server
        assert answer.url == f"{stack.tls_url}/demo"
        assert answer.status == 200
