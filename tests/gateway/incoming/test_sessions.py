import time

import pytest

from gateway.connection import Connection
from gateway.incoming.revocations import Revocations
from gateway.incoming.sessions import Sessions
from shared.contract.refusals import UNAUTHORIZED, Refusal
from shared.contract.tokens import App, Session, make_app_token, make_session_token
from shared.process.world import World
from tests.gateway.wire import connection

NEW, OLD, OTHER = (
    "a new secret for tests, 32 bytes  ",
    "an old secret for tests, 32 bytes ",
    "the secret of somebody else, 32 b",
)
SOON = int(time.time()) + 3600


@pytest.fixture
def revocations() -> Revocations:
    return Revocations()


@pytest.fixture
def sessions(revocations: Revocations) -> Sessions:
    return Sessions((NEW, OLD), 60, revocations, World())


@pytest.fixture
def ann() -> Connection:
    """Admitted as peer ``ann``; her token is not known yet."""
    client = connection("s1")
    client.peer_id = "ann"
    return client


def session_token(peer_id: str, expires: int = SOON, secret: str = NEW) -> str:
    return make_session_token(secret, Session("app", peer_id, 1, expires))


def refuses(sessions: Sessions, client: Connection, token: object) -> bool:
    try:
        sessions.check(client, token)
    except Refusal as refusal:
        return refusal.code == UNAUTHORIZED.code
    return False


def test_an_app_token_speaks_for_its_app_under_the_new_secret_and_the_old(sessions: Sessions) -> None:
    for secret in (NEW, OLD):
        assert sessions.app_of(make_app_token(secret, "app", 17)) == App("app", 17)


@pytest.mark.parametrize(
    "token",
    [None, "", "a.b.c", 17, ["x"], {"token": "x"}, b"bytes", make_app_token(OTHER, "app", 17), session_token("ann")],
)
def test_anything_else_speaks_for_no_app(sessions: Sessions, token: object) -> None:
    with pytest.raises(Refusal) as refused:
        sessions.app_of(token)
    assert refused.value.code == UNAUTHORIZED.code


def test_a_token_that_was_good_is_refused_once_it_is_revoked(sessions: Sessions, revocations: Revocations) -> None:
    token = make_app_token(NEW, "app", 17)
    sessions.app_of(token)
    revocations.revoke("app", 17)
    with pytest.raises(Refusal):
        sessions.app_of(token)
    assert sessions.app_of(make_app_token(NEW, "app", 18)).issued == 18


def test_a_peer_is_known_by_any_token_of_its_own(sessions: Sessions, ann: Connection) -> None:
    for token in (session_token("ann"), session_token("ann", SOON + 1), session_token("ann", secret=OLD)):
        sessions.check(ann, token)
        assert ann.token == token


def test_the_newest_token_is_remembered_with_its_end(sessions: Sessions, ann: Connection) -> None:
    sessions.check(ann, session_token("ann"))
    assert (ann.token, ann.expires) == (session_token("ann"), float(SOON))


@pytest.mark.parametrize(
    "token",
    [
        None,
        "",
        17,
        ["x"],
        {},
        session_token("ben"),
        session_token("ann", expires=1),
        session_token("ann", secret=OTHER),
        make_app_token(NEW, "ann", 17),
    ],
)
def test_nobody_is_known_by_anything_else(sessions: Sessions, ann: Connection, token: object) -> None:
    assert refuses(sessions, ann, token)
    assert ann.token == ""


@pytest.mark.parametrize("peer_id", ["ann", ""])
def test_one_that_is_no_peer_yet_is_known_by_nothing(sessions: Sessions, peer_id: str) -> None:
    stranger = connection("s1")
    for token in (session_token(peer_id), "", None):
        assert refuses(sessions, stranger, token)


def test_a_remembered_token_ends_as_well(sessions: Sessions, ann: Connection) -> None:
    token = session_token("ann", expires=1)
    ann.token, ann.expires = token, time.time() - 1
    assert refuses(sessions, ann, token)


def test_a_peer_renews_with_its_own_token_and_nobody_elses(sessions: Sessions, ann: Connection) -> None:
    assert sessions.app_for(ann, session_token("ann")) == ann.app
    assert sessions.app_for(ann, make_app_token(NEW, "app", 17)) == App("app", 17)
    other_app = make_app_token(NEW, "other", 17)
    for token in (session_token("ben"), session_token("ann", expires=1), other_app, None):
        with pytest.raises(Refusal):
            sessions.app_for(ann, token)
    with pytest.raises(Refusal):
        sessions.app_for(connection("s2"), session_token(""))


def test_a_token_that_is_granted_counts_at_every_gateway(sessions: Sessions, ann: Connection) -> None:
    before = time.time()
    token, lifetime, expires = sessions.grant("app", "ann", 3)
    assert lifetime == 60
    assert before + 59 <= expires <= time.time() + 60
    assert Sessions((NEW,), 1, Revocations(), World()).session_of(token) == Session("app", "ann", 3, int(expires))
    sessions.check(ann, token)


def test_nobody_renews_once_its_app_is_revoked(ann: Connection) -> None:
    revocations = Revocations()
    sessions = Sessions((NEW,), 60, revocations, World())
    sessions.app_for(ann, session_token("ann"))
    revocations.revoke("app", ann.app.issued)
    for token in (session_token("ann"), make_app_token(NEW, "app", ann.app.issued)):
        with pytest.raises(Refusal):
            sessions.app_for(ann, token)
    assert sessions.app_for(ann, make_app_token(NEW, "app", ann.app.issued + 1)).issued == ann.app.issued + 1
