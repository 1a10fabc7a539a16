from dev.limits import _shown, limits
from gateway.incoming.sizes import BODIES


def test_every_body_is_among_the_limits() -> None:
    assert [limit for limit in BODIES if not any(f"`{limit.upper()}`" in setting for _, _, setting in limits())] == []


def test_bytes_are_shown_as_people_say_them() -> None:
    assert [_shown(number) for number in (64, 4096, 1536, 3 * 1024 * 1024, 0.5)] == [
        "64",
        "4 KiB",
        "1536",
        "3 MiB",
        "0.5",
    ]
