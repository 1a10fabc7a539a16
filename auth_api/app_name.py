"""What an app may be called."""

import re

from auth_api.answers import Refused

MAX_NAME = 128
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def check_app_name(name: str) -> str:
    """The name, if it is one. Raises Refused with 400."""
    if not 1 <= len(name) <= MAX_NAME or _CONTROL.search(name):
        raise Refused(400, f"app must have 1 to {MAX_NAME} characters and no control characters")
    return name
