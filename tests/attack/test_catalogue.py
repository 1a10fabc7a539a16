"""Every attack can be found by its name."""

import pytest

from tests.attack.__main__ import main
from tests.attack.catalogue import ATTACKS, named

FOUND = {1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13}  # rows of the table that clients, or thieves, can carry out


def test_every_row_of_the_table_has_an_attack() -> None:
    assert {attack.row for attack in ATTACKS.values()} - {0} == FOUND


def test_every_attack_says_what_it_does() -> None:
    assert all(attack.what and "\n" not in attack.what for attack in ATTACKS.values())


def test_a_full_name_means_one_attack_alone() -> None:
    assert named("knocks") == ["knocks"]
    assert "knocks-at-a-slow-owner" in named("knocks-at")
    assert named("no such attack") == []


def test_the_list_names_them_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(ATTACKS)
