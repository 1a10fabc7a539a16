"""What the door makes of JSON that is deep, huge or odd, and how long it takes."""

import json
import time
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.incoming import door
from gateway.incoming.door import MAX_DEPTH, MAX_DIGITS, auth_of, decode, depth, has_huge_number, known_of, read
from gateway.incoming.sizes import Sizes
from gateway.transport.socketio import event_in
from shared.contract.events import RelaySessionDescription
from shared.contract.refusals import BAD_REQUEST, Refusal
from tests.gateway.incoming.test_door import BIG, SIZES, WHOLE, enter


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_bodies_may_be_nested_as_deep_as_the_limit_and_no_deeper(opening: str) -> None:
    closing = "]" if opening == "[" else "}"

    def nested(depth: int) -> msgspec.Raw:
        body = opening * depth + "1" + closing * depth
        return msgspec.Raw(f'{{"room": "r", "to": "p", "session_description": {body}}}'.encode())

    read("relay-session-description", nested(MAX_DEPTH), BIG)
    for levels in (MAX_DEPTH + 1, 2000, 100_000):
        with pytest.raises(Refusal) as caught:
            read("relay-session-description", nested(levels), BIG)
        assert caught.value.code == BAD_REQUEST.code


def test_brackets_in_texts_are_not_nesting() -> None:
    body = {"a": '["\\"[[' + "[{" * 100, "b": ["]"]}
    event = enter("relay-session-description", {**WHOLE, "session_description": body}, BIG)
    assert isinstance(event, RelaySessionDescription)
    assert json.loads(bytes(event.session_description)) == body


@pytest.mark.parametrize("number", ["9" * 4301, "-" + "1" * 5000, "1" * 100_000])
def test_numbers_that_break_other_readers_are_refused(number: str) -> None:
    body = f'{{"room": "r", "to": "p", "session_description": [{number}]}}'.encode()
    with pytest.raises(Refusal) as caught:
        read("relay-session-description", msgspec.Raw(body), BIG)
    assert caught.value.code == BAD_REQUEST.code


@pytest.mark.parametrize("number", ["1e999", "9" * 400, "-0", "1E+2"])
def test_other_numbers_pass_as_they_came(number: str) -> None:
    body = f'{{"room": "r", "to": "p", "session_description": {number}}}'.encode()
    event = read("relay-session-description", msgspec.Raw(body), BIG)
    assert isinstance(event, RelaySessionDescription)
    assert bytes(event.session_description) == number.encode()


@pytest.mark.parametrize("text", [r'"\ud800"', r'"\udc00"', r'"\ud800A"', '"\x01"', r'"\x"', "01", "NaN"])
def test_what_other_readers_may_not_take_for_json_is_refused(text: str) -> None:
    body = msgspec.Raw(f'{{"payload": {text}}}'.encode())
    with pytest.raises(Refusal) as caught:
        read("room-create-request", body, SIZES)
    assert caught.value.code == BAD_REQUEST.code


def deep_of(value: Any) -> int:
    """The same by recursion, for what is small."""
    if isinstance(value, dict):
        return 1 + max(map(deep_of, value.values()), default=0)
    return 1 + max(map(deep_of, value), default=0) if isinstance(value, list) else 0


TEXTS = st.text(st.sampled_from('[]{}"\\\\/x'))


VALUES = st.recursive(
    TEXTS | st.integers() | st.none(), lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner), max_leaves=30
)


@given(VALUES)
def test_depth_is_what_it_is_whatever_stands_in_strings(value: Any) -> None:
    assert depth(json.dumps(value).encode()) == deep_of(value)


@given(st.lists(st.integers(0, 30), max_size=12))
def test_a_huge_number_is_found_wherever_it_stands(runs: list[int]) -> None:
    data = b",".join(b"7" * run for run in runs)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(door, "MAX_DIGITS", 7)
        assert has_huge_number(data) is any(run >= 7 for run in runs)


def seconds(work: Callable[[bytes], object], data: bytes) -> float:
    """Of the processor, at best."""
    best = 1e9
    for _ in range(7):
        start = time.process_time()
        work(data)
        best = min(best, time.process_time() - start)
    return best


def loose(body: bytes) -> object:
    return known_of(msgspec.Raw(body), Sizes()), auth_of(msgspec.Raw(body))


def decoded(body: bytes) -> object:
    return decode("relay-session-description", msgspec.Raw(body))


def arguments(body: bytes) -> object:
    return event_in(f'["x",{body.decode()}]')


HOSTILE: dict[str, bytes] = {
    "digits": b"9" * (MAX_DIGITS - 1) + b",",
    "digits and no end": b"9",
    "brackets": b"[],",
    "braces": b'{"":1},',
    "quotes": b'"",',
    "escapes": b'"' + b"\\\\" * 500 + b'\\"",',
    "commas": b"1,",
}


@pytest.mark.parametrize("work", [depth, has_huge_number, loose, decoded, arguments])
@pytest.mark.parametrize("kind", HOSTILE)
def test_twice_as_much_takes_twice_as_long_and_not_four_times(work: Callable[[bytes], object], kind: str) -> None:
    def body(size: int) -> bytes:
        inner = b"[" + HOSTILE[kind] * (size // len(HOSTILE[kind])) + b"0]"
        return inner if work in (depth, has_huge_number) else b'{"auth":"x","session_description":%b}' % inner

    for size in (400_000, 1_600_000, 6_400_000):  # larger, should the clock have been disturbed
        if seconds(work, body(2 * size)) < 3 * seconds(work, body(size)) + 1e-3:
            return
    raise AssertionError("it takes too long")
