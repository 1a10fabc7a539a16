import json
import pathlib
import time

import jwt
import pytest

from gateway.connection import Connection
from gateway.incoming.revocations import Revocations
from gateway.incoming.sessions import Sessions
from gateway.incoming.user_keys import UserKeys
from shared.contract.refusals import UNAUTHORIZED, Refusal
from shared.contract.tokens import App, Session, make_app_token, make_session_token, read_session_token
from shared.contract.user_tokens import make_user_token
from shared.envelopes.users import User
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


# -- users


def user_token(user_id: str = "ann", expires: int = SOON, issued: int = SOON - 3600, app: str = "app") -> str:
    return make_user_token(NEW, app, User(user_id, "", issued, expires))


def refusal_of(sessions: Sessions, token: str) -> tuple[str, str]:
    with pytest.raises(Refusal) as refused:
        sessions.app_of(token)
    return refused.value.code, refused.value.message


def test_a_user_token_speaks_for_its_app_and_its_user(sessions: Sessions) -> None:
    app = sessions.app_of(user_token())
    assert app.name == "app"
    assert app.user is not None
    assert app.user.id == "ann"


def test_the_refusal_says_what_is_wrong_with_a_user_token(sessions: Sessions) -> None:
    now = int(time.time())
    assert refusal_of(sessions, user_token(issued=now - 100, expires=now - 20)) == ("unauthorized", "Token has expired")


def test_a_user_token_that_was_read_before_expires_as_well(revocations: Revocations) -> None:
    now = [SOON - 10.0]
    sessions = Sessions((NEW,), 60, revocations, World(now=lambda: now[0]))
    token = user_token()
    assert sessions.app_of(token).user is not None
    now[0] = SOON + 10.0
    assert refusal_of(sessions, token) == ("unauthorized", "Token has expired")


def test_the_apps_revocation_covers_its_users(sessions: Sessions, revocations: Revocations) -> None:
    token = user_token()
    sessions.app_of(token)
    revocations.revoke("app", SOON - 3600)
    assert refusal_of(sessions, token) == ("unauthorized", "Token is revoked")


def test_where_nobody_is_anonymous_an_app_token_is_not_enough(revocations: Revocations) -> None:
    sessions = Sessions((NEW,), 60, revocations, World(), anonymous=False)
    assert refusal_of(sessions, make_app_token(NEW, "app", 17))[0] == "forbidden"
    assert sessions.app_of(user_token()).user is not None


def test_a_socket_stays_with_the_user_of_its_handshake(sessions: Sessions) -> None:
    ann = connection("s1", sessions.app_of(user_token()))
    assert sessions.app_for(ann, user_token(issued=SOON - 3595)).issued == SOON - 3595
    for token in (user_token("bob"), make_app_token(NEW, "app", 17)):
        with pytest.raises(Refusal, match="unauthorized"):
            sessions.app_for(ann, token)


def test_a_session_ends_with_the_users_token(sessions: Sessions) -> None:
    user = sessions.app_of(user_token(expires=int(time.time()) + 20)).user
    token, lifetime, expires = sessions.grant("app", "ann", 1, "", user)
    assert 18 <= lifetime <= 20
    assert user is not None
    assert expires == user.expires
    assert read_session_token((NEW,), token, time.time()).expires == user.expires


def test_other_keys_count_at_once_for_tokens_that_were_read_before(
    revocations: Revocations, tmp_path: pathlib.Path
) -> None:
    file = tmp_path / "keys.json"
    file.write_text(json.dumps({"keys": [{"kty": "oct", "k": "aGho" * 11, "kid": "k", "alg": "HS256", "app": "app"}]}))
    keys = UserKeys(str(file), (NEW,))
    sessions = Sessions((NEW,), 60, revocations, World(), keys)
    claims = {"iss": "app", "aud": "parley", "sub": "ann", "iat": SOON - 3600, "exp": SOON}
    token = jwt.encode(claims, b"hhh" * 11, "HS256", headers={"kid": "k"})
    assert sessions.app_of(token).user is not None
    file.write_text('{"keys": []}')
    keys.look()
    sessions.forget_what_was_read()
    assert refusal_of(sessions, token) == ("unauthorized", "Token names a key that is not known here")
