"""The tables in the documents say what the code says."""

import re
from importlib.util import find_spec

from dev.documents import DOCUMENTS, ROOT, TABLES, filled, outdated
from shared.contract.refusals import CATALOGUE


def test_no_document_is_out_of_date() -> None:
    assert [path.name for path in outdated()] == [], "run: make docs"


def test_every_table_is_in_a_document() -> None:
    text = "".join((ROOT / name).read_text() for name in DOCUMENTS)
    assert [name for name in TABLES if f"<!-- table: {name} -->" not in text] == []


def test_a_wrong_table_is_made_right() -> None:
    wrong = "before\n<!-- table: refusals -->\nanything\n<!-- end -->\nafter\n"
    assert "`not-owner`" in filled(wrong)
    assert filled(filled(wrong)) == filled(wrong)


def test_clients_are_told_of_every_refusal_whether_to_try_again() -> None:
    table = (ROOT / "PROTOCOL.md").read_text().partition("### What to retry")[2].partition("\n## ")[0]
    assert [code.code for code in CATALOGUE if f"`{code.code}`" not in table] == []


def test_every_module_and_file_that_a_document_names_is_there() -> None:
    made_later = {"deploy/images.yml"}
    for document in ROOT.glob("*.md"):
        text = document.read_text()
        modules = re.findall(r"python -m ([a-z_.]+)", text)
        assert [name for name in modules if find_spec(name) is None] == [], document.name
        paths = set(re.findall(r"`((?:[a-z_-]+/)+[a-z_.-]*)`", text)) - made_later
        assert [path for path in paths if not (ROOT / path).exists()] == [], document.name
