from shared.contract.locks import lock_of, opens
from shared.contract.tokens import KEY_BYTES, key_of


def test_a_key_opens_its_own_lock_and_what_has_none() -> None:
    key, other = key_of(bytes(KEY_BYTES)), key_of(b"other")
    assert opens(key, lock_of(key))
    assert not opens(other, lock_of(key))
    assert not opens("", lock_of(key))
    assert opens(key, lock_of(""))
