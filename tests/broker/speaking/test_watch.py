from broker.speaking.watch import Watch
from shared.envelopes.deliveries import Beat
from shared.envelopes.entries import UNKNOWN

TIMEOUT = 3.0
LOOK = 0.5  # seconds between looks


def look(watch: Watch, gateways: list[str], start: float, end: float, beating: tuple[str, ...] = ()) -> list[str]:
    """Look at the clock from start to end; the gateways found silent, in the order in which they were."""
    found: list[str] = []
    now = start
    while now <= end:
        for name in beating:
            watch.note(Beat(name, 1, False), now)
        found += [name for name in watch.silent(gateways, now) if name not in found]
        now += LOOK
    return found


def test_a_gateway_that_beats_is_not_silent() -> None:
    assert look(Watch(TIMEOUT), ["g"], 100, 200, beating=("g",)) == []


def test_a_gateway_that_stops_is_silent_after_the_timeout_and_not_before() -> None:
    watch = Watch(TIMEOUT)
    assert look(watch, ["a", "b"], 100, 110, beating=("a", "b")) == []
    assert look(watch, ["a", "b"], 110.5, 113, beating=("b",)) == []
    assert look(watch, ["a", "b"], 113.5, 114, beating=("b",)) == ["a"]


def test_one_that_was_never_heard_of_gets_as_long() -> None:
    watch = Watch(TIMEOUT)
    assert look(watch, ["g"], 100, 103) == []
    assert look(watch, ["g"], 103.5, 103.5) == ["g"]


def test_a_watch_that_was_held_up_itself_blames_nobody() -> None:
    watch = Watch(TIMEOUT)
    assert look(watch, ["g"], 100, 101, beating=("g",)) == []
    assert watch.silent(["g"], 120) == []
    assert look(watch, ["g"], 120.5, 123) == []
    assert look(watch, ["g"], 123.5, 123.5) == ["g"]


def test_grace_counts_from_now_on() -> None:
    watch = Watch(TIMEOUT)
    look(watch, ["g"], 100, 102.5)
    watch.grant_grace(102.5)
    assert look(watch, ["g"], 103, 105.5) == []
    assert look(watch, ["g"], 106, 106) == ["g"]


def test_what_a_gateway_has_is_what_it_said_last() -> None:
    watch = Watch(TIMEOUT)
    assert (watch.have("g"), watch.has_heard("g")) == (UNKNOWN, False)
    watch.silent(["g"], 100)
    assert (watch.have("g"), watch.has_heard("g")) == (UNKNOWN, False)
    watch.note(Beat("g", 5, False), 100)
    heard = watch.note(Beat("g", 7, False), 100.5)
    assert (heard.had, heard.have) == (5, 7)
    assert (watch.have("g"), watch.has_heard("g")) == (7, True)


def test_a_gateway_that_is_no_more_is_forgotten() -> None:
    watch = Watch(TIMEOUT)
    watch.note(Beat("g", 5, False), 100)
    watch.silent([], 100)
    assert not watch.has_heard("g")


def test_nobody_is_blamed_while_nats_itself_does_not_answer() -> None:
    watch = Watch(TIMEOUT)
    assert look(watch, ["g"], 100, 102, beating=("g",)) == []
    for tenth in range(1020, 1100):  # NATS holds everything up from 102 on
        watch.excuse(tenth / 10 - 102, tenth / 10)
        assert watch.silent(["g"], tenth / 10) == []
    watch.excuse(0.0, 110)
    assert look(watch, ["g"], 110, 112.5) == []
    assert look(watch, ["g"], 113, 113) == ["g"]


def test_a_nats_that_answers_slowly_excuses_nobody() -> None:
    watch = Watch(TIMEOUT)
    watch.silent(["g"], 100)
    for tenth in range(1001, 1030):
        watch.excuse(1.5, tenth / 10)
        assert watch.silent(["g"], tenth / 10) == []
    assert watch.silent(["g"], 103.1) == ["g"]
