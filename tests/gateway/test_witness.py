from gateway.witness import ANSWERS, Witness


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
    for _ in range(ANSWERS + 1):
        witness.answered()
    witness.doubt()
    witness.note(9, 0.9)
    assert witness.position == 0
