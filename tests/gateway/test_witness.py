from gateway.witness import ANSWERS, MOST_PLACES, Witness


def test_the_newest_place_is_what_it_bears_witness_of() -> None:
    witness = Witness()
    for position, taken in ((5, 0.5), (9, 0.9), (7, 0.7)):
        witness.note(position, taken)
    assert (witness.position, witness.taken) == (9, 0.9)


def test_a_place_is_known_only_together_with_when_it_was_taken() -> None:
    witness = Witness()
    witness.note(9, 0.0)
    assert (witness.position, witness.taken) == (0, 0.0)


def test_what_was_known_before_nats_was_away_is_kept_until_a_broker_has_answered() -> None:
    witness = Witness()
    witness.note(9, 0.9)
    witness.doubt()
    for position in range(10, 10 + ANSWERS):
        witness.note(position, 1.0)
        assert (witness.position, witness.taken) == (9, 0.9)
        witness.answered()
    witness.note(20, 2.0)
    assert (witness.position, witness.taken) == (20, 2.0)


def test_nothing_is_new_about_a_broker_that_answers_while_nats_is_there() -> None:
    witness = Witness()
    witness.note(5, 0.5)
    for _ in range(ANSWERS + 1):
        witness.answered()
    witness.doubt()
    witness.note(9, 0.9)
    assert witness.position == 5


def test_what_was_known_each_time_that_nats_was_away_is_said_in_turn() -> None:
    witness = Witness()
    for position in (9, 10, 11):
        witness.note(position, position / 10)
        witness.doubt()
    witness.note(12, 1.2)
    heard = []
    for _ in range(4):
        heard.append((witness.position, witness.taken))
        for _ in range(ANSWERS):
            witness.answered()
    assert heard == [(9, 0.9), (10, 1.0), (11, 1.1), (12, 1.2)]


def test_one_who_is_doubted_again_has_to_be_heard_anew() -> None:
    witness = Witness()
    witness.note(9, 0.9)
    witness.doubt()
    witness.answered()
    witness.doubt()
    witness.note(10, 1.0)
    for _ in range(ANSWERS - 1):
        witness.answered()
    assert witness.position == 9
    witness.answered()
    assert witness.position == 10


def test_how_many_places_wait_is_bounded_and_the_oldest_and_the_newest_stay() -> None:
    witness = Witness()
    for position in range(1, 3 * MOST_PLACES):
        witness.note(position, float(position))
        witness.doubt()
    heard = []
    for _ in range(MOST_PLACES):
        heard.append(witness.position)
        for _ in range(ANSWERS):
            witness.answered()
    assert heard == [*range(1, MOST_PLACES), 3 * MOST_PLACES - 1]
