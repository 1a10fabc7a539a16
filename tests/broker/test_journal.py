"""The journal tells who and what of every kind of entry, and never what was said."""

import logging

import pytest

from broker.journal import note
from shared.envelopes.entries import Authenticated, Batch, Entry, GatewayLost, GatewayUp, Said
from shared.envelopes.subjects import public_id
from tests.shared.envelopes.test_entries import GOLDEN

WORDS = b'{"what":"was said"}'


def facts(caplog: pytest.LogCaptureFixture, entry: Entry) -> dict[str, object]:
    caplog.set_level(logging.DEBUG)
    note(7, Batch("g", 1, [entry]))
    found: dict[str, object] = vars(caplog.records[-1])["facts"]
    return found


@pytest.mark.parametrize("entry", [entry for entry, _ in GOLDEN], ids=lambda entry: type(entry).__name__)
def test_there_is_a_line_for_every_kind(caplog: pytest.LogCaptureFixture, entry: Entry) -> None:
    assert facts(caplog, entry).keys() >= {"position", "gateway", "event"}


@pytest.mark.parametrize(
    "entry",
    [
        Said("relay-ice-candidate", "c", 1, "r", "p", WORDS),
        Authenticated("c", None, "app", WORDS, True, "", 0, WORDS, None, b"lock", "a secret key"),
    ],
    ids=lambda entry: type(entry).__name__,
)
def test_what_a_client_said_and_its_secrets_are_left_out(caplog: pytest.LogCaptureFixture, entry: Entry) -> None:
    assert not any(secret in str(facts(caplog, entry)) for secret in ("was said", "lock", "a secret key"))


def test_the_id_of_a_gateway_stays_a_secret(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    note(7, Batch("gateway's id", 1, [GatewayUp("name"), GatewayLost(1, "another's id", 0)]))
    assert not any("'s id" in str(vars(record)) for record in caplog.records)
    assert vars(caplog.records[-1])["facts"]["lost"] == public_id("another's id")


def test_nothing_is_made_up_when_nobody_listens(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    note(7, Batch("g", 1, [entry for entry, _ in GOLDEN]))
    assert caplog.records == []
