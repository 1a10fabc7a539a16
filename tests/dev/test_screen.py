import io

import pytest

from dev.screen import Screen


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_names_are_aligned() -> None:
    out = io.StringIO()
    screen = Screen(out, ["nats", "gateway-1"])
    screen.line("nats", "hello")
    screen.line("gateway-1", "hello")
    assert out.getvalue() == "nats      | hello\ngateway-1 | hello\n"


def test_a_terminal_gets_a_colour_for_each_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    out = Terminal()
    screen = Screen(out, ["a", "b"])
    screen.line("a", "same")
    screen.line("b", "same")
    first, second = out.getvalue().splitlines()
    assert first.startswith("\x1b[")
    assert first[:5] != second[:5]
    assert first.endswith("\x1b[0m same")


def test_no_color_is_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    out = Terminal()
    Screen(out, ["a"]).line("a", "plain")
    assert out.getvalue() == "a | plain\n"
