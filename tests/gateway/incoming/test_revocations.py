import pytest

from gateway.incoming.revocations import Revocations
from shared.contract.refusals import UNAUTHORIZED, Refusal
from shared.contract.tokens import App


@pytest.fixture
def revocations() -> Revocations:
    revocations = Revocations()
    revocations.revoke("app", 1000)
    return revocations


@pytest.mark.parametrize(("issued", "revoked"), [(0, True), (999, True), (1000, True), (1001, False)])
def test_tokens_issued_until_then_count_no_more(revocations: Revocations, issued: int, revoked: bool) -> None:
    assert revocations.covers(App("app", issued)) is revoked


def test_other_apps_are_left_alone(revocations: Revocations) -> None:
    for name in ("App", "app ", ""):
        assert not revocations.covers(App(name, 0))
        assert revocations.check(App(name, 0)) == App(name, 0)


def test_what_is_revoked_stays_so_whatever_comes_after(revocations: Revocations) -> None:
    revocations.revoke("app", 500)
    assert revocations.covers(App("app", 1000))
    revocations.revoke("app", 2000)
    assert revocations.covers(App("app", 2000))
    assert not revocations.covers(App("app", 2001))


def test_nothing_is_revoked_at_first() -> None:
    assert not Revocations().covers(App("app", 0))


def test_a_revoked_token_is_refused(revocations: Revocations) -> None:
    with pytest.raises(Refusal) as refused:
        revocations.check(App("app", 1000))
    assert refused.value.code == UNAUTHORIZED.code
