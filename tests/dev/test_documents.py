"""The tables in the documents say what the code says."""

from dev.documents import DOCUMENTS, ROOT, TABLES, filled, outdated


def test_no_table_is_out_of_date() -> None:
    assert outdated() == [], "run: make docs"


def test_every_table_is_in_a_document() -> None:
    text = "".join((ROOT / name).read_text() for name in DOCUMENTS)
    assert [name for name in TABLES if f"<!-- table: {name} -->" not in text] == []


def test_a_wrong_table_is_made_right() -> None:
    wrong = "before\n<!-- table: refusals -->\nanything\n<!-- end -->\nafter\n"
    assert "`not-owner`" in filled(wrong)
    assert filled(filled(wrong)) == filled(wrong)
