"""What the demo says: each sentence in every language, and none anywhere but in the files of the languages."""

import html.parser
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from auth_api.demo_page import FILES
from tests.system.rig.node import find_node

LANGUAGES = sorted(file.stem for file in (FILES / "languages").glob("*.js"))
MODULES = sorted(FILES.glob("*.js"))
# A sentence that depends on its values is asked for with one of something, and with several.
READ = """
import language from "./language.mjs";
const said = (sentence, count) => (typeof sentence === "function" ? sentence({ count }) : sentence);
console.log(JSON.stringify(Object.entries(language).map(([key, it]) => [key, [1, 2].map((count) => said(it, count))])));
"""
# Names, for browsers and servers; "Parley" is one, too.
NAMES = {"Authorization", "Bearer ", "Escape", "Enter", "Ended", "Parley"}
ELEMENTS = "data-say|data-label|data-hint|data-placeholder"

Sentences = dict[str, list[str]]


@pytest.fixture(scope="module")
def sentences(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Sentences]:
    return {code: read(code, tmp_path_factory.mktemp(code)) for code in LANGUAGES}


def read(code: str, folder: Path) -> Sentences:
    shutil.copy(FILES / f"languages/{code}.js", folder / "language.mjs")
    (folder / "read.mjs").write_text(READ)
    answer = subprocess.run([find_node(), str(folder / "read.mjs")], capture_output=True, text=True, check=True)
    return dict(json.loads(answer.stdout))


def places(said: list[str]) -> set[str]:
    """The values that a sentence has a place for."""
    return set(re.findall(r"\{(\w+)\}", " ".join(said)))


def strings(module: Path) -> list[str]:
    """What is between quotes in a module, without what is told to developers."""
    code = re.sub(r"/\*(?s:.*?)\*/|//.*|console\.\w+\(.*|\bnew (?:Error|RegExp)\(.*", "", module.read_text())
    return re.findall(r'"([^"\n]*)"', code) + re.findall(r"`([^`]*)`", code)


def test_every_language_has_every_sentence(sentences: dict[str, Sentences]) -> None:
    assert {"de", "en"} <= set(sentences)
    for code, said in sentences.items():
        assert list(said) == list(sentences["en"]), code
        assert [key for key, words in said.items() if not all(words)] == [], code


def test_every_language_has_the_values_in_its_sentences(sentences: dict[str, Sentences]) -> None:
    for code, said in sentences.items():
        for key, words in said.items():
            assert places(words) == places(sentences["en"][key]), f"{code}: {key}"


def test_what_the_page_says_is_there_and_nothing_else(sentences: dict[str, Sentences]) -> None:
    known = set(sentences["en"]) - {"language"}
    used = set(re.findall(rf'(?:{ELEMENTS})="([^"]+)"', (FILES / "index.html").read_text()))
    assert used <= known
    literals = {text for module in MODULES for text in strings(module)}
    # `a.${b}.c` stands for every key that begins and ends like that
    patterns = [re.sub(r"\\\$\\\{[^}]*\\\}", "[a-z.-]+", re.escape(text)) for text in literals if "." in text]
    used |= {key for key in known if key in literals or any(re.fullmatch(pattern, key) for pattern in patterns)}
    assert known - used == set()
    nouns = {key.split(".")[0] for key in known}
    keys = {text for text in literals if re.fullmatch(rf"(?:{'|'.join(nouns)})(?:\.[a-z-]+)+", text)}
    assert {key for key in keys if not key.endswith((".js", ".css"))} <= known


class Page(html.parser.HTMLParser):
    """Collects what a page says by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.said += [value or "" for name, value in attrs if name in ("aria-label", "title", "placeholder", "alt")]

    def handle_data(self, data: str) -> None:
        self.said += [data.strip()] if data.strip() else []


def test_the_page_itself_says_nothing() -> None:
    page = Page()
    page.feed((FILES / "index.html").read_text())
    assert set(page.said) == {"Parley"}


def test_modules_say_nothing_themselves() -> None:
    for module in MODULES:
        said = [
            text for text in strings(module) if re.match(r"[A-Z][a-z]+[ .…!?]|[A-Z][a-z]+$|[a-z]+ [a-z]+ [a-z]+ ", text)
        ]
        assert [text for text in said if text not in NAMES and not text.startswith("Bearer")] == [], module.name
