import base64

import pytest

from auth_api.webhooks.secrets import secret_bytes


@pytest.mark.parametrize("size", [24, 32, 64])
def test_a_secret_in_the_standard_form_is_taken(size: int) -> None:
    assert secret_bytes("whsec_" + base64.b64encode(b"s" * size).decode()) == b"s" * size


@pytest.mark.parametrize(
    "text",
    [
        "",
        "whsec_",
        base64.b64encode(b"s" * 32).decode(),  # without the prefix
        "whsec_" + base64.b64encode(b"s" * 23).decode(),
        "whsec_" + base64.b64encode(b"s" * 65).decode(),
        "whsec_" + base64.b64encode(b"s" * 32).decode()[:-1],  # a part is missing
        "whsec_" + base64.urlsafe_b64encode(b"\xff" * 32).decode(),
        "whsec_é" + base64.b64encode(b"s" * 32).decode(),
        "whsk_" + base64.b64encode(b"s" * 32).decode(),
    ],
)
def test_any_other_is_refused_without_being_shown(text: str) -> None:
    with pytest.raises(ValueError, match=r"^must .*openssl") as refused:
        secret_bytes(text)
    assert "c3Nz" not in str(refused.value)
