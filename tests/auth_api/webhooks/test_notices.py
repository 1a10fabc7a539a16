import json

from auth_api.notices import Told
from auth_api.webhooks.notices import MOST, Batch, batch
from shared.envelopes.notices import NoticeId
from tests.auth_api.webhooks.conftest import told


def test_a_batch_is_what_standard_webhooks_recommends() -> None:
    made = Batch([told(1), told(2)])
    assert json.loads(made.body) == {
        "type": "notices",
        "timestamp": "2027-01-15T08:00:00.001Z",
        "data": [
            {"id": "log-1-0", "time": 1_800_000_000_001, "type": "room-closed"},
            {"id": "log-2-0", "time": 1_800_000_000_002, "type": "room-closed"},
        ],
    }
    assert made.since == 1_800_000_000.001


def test_its_id_says_where_it_begins_and_ends() -> None:
    assert Batch([told(1), told(2)]).id == "log-1-0_log-2-0"
    assert Batch([told(7)]).id == "log-7-0"


def test_its_id_has_no_full_stop() -> None:
    assert Batch([told(1, "log.2")]).id == "log~2-1-0"


def test_a_batch_that_was_in_flight_is_made_again_as_it_was() -> None:
    notices = [told(position) for position in range(MOST)]
    assert batch(notices, "log-2-0") == Batch(notices[:3])


def test_a_batch_whose_end_is_not_kept_any_more_is_a_new_one() -> None:
    notices = [told(position) for position in range(MOST + 5)]
    assert batch(notices, "log-999-0") == batch(notices, "") == Batch(notices[:MOST])


def test_what_stands_before_it_is_before_its_first_notice_alone() -> None:
    for before, first in [((6, 2**31), (7, 0)), ((7, 2), (7, 3)), ((0, 2**31), (1, 0))]:
        made = Batch([Told(NoticeId("log", *first), b"{}")])
        assert NoticeId.parse(made.before).place == before < first
