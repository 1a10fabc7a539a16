"""Signatures, judged by the reference implementation of Standard Webhooks."""

import base64
import time

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from auth_api.webhooks.signature import signed

OLD, NEW = b"o" * 24, b"n" * 64
BODY = '{"type":"notices","data":[{"room":"Köln ☃"}]}'.encode()


def judge(secret: bytes) -> Webhook:
    return Webhook("whsec_" + base64.b64encode(secret).decode())


@pytest.mark.parametrize("secret", [OLD, NEW])
def test_whoever_has_one_of_the_secrets_accepts_it(secret: bytes) -> None:
    headers = signed([NEW, OLD], "a-1-0", int(time.time()), BODY)
    assert judge(secret).verify(BODY, headers)["type"] == "notices"


def test_the_signature_is_the_one_of_the_specification() -> None:
    """The example of the reference implementations."""
    secret = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    headers = signed([secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize(
    ("header", "value"), [("webhook-id", "a-1-1"), ("webhook-timestamp", str(int(time.time()) - 1))]
)
def test_nothing_signed_can_be_changed(header: str, value: str) -> None:
    headers = signed([NEW], "a-1-0", int(time.time()), BODY)
    with pytest.raises(WebhookVerificationError):
        judge(NEW).verify(BODY, {**headers, header: value})
    with pytest.raises(WebhookVerificationError):
        judge(NEW).verify(BODY + b" ", headers)
    with pytest.raises(WebhookVerificationError):
        judge(OLD).verify(BODY, headers)
