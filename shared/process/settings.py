"""Settings: declared once as a frozen dataclass, read once from the environment, loud when wrong.

Each field is one environment variable of the same name in capitals. The declaration is also where the settings
table of the README and the text of ``--help`` come from.
"""

import contextlib
import dataclasses
import math
import types
import typing
import urllib.parse
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

T = TypeVar("T")

_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off"}


class SettingError(Exception):
    """A setting is missing or wrong. The text names the variable and says what to do; it never shows a secret."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"{name}: {why}")
        self.name = name


@dataclasses.dataclass(frozen=True)
class Rule:
    """What one variable must be like, and what it is for."""

    doc: str
    at_least: float | None = None
    at_most: float | None = None
    choices: tuple[str, ...] = ()
    schemes: tuple[str, ...] = ()
    secret: bool = False
    min_bytes: int = 0


def setting(
    default: Any,
    doc: str,
    *,
    at_least: float | None = None,
    at_most: float | None = None,
    choices: tuple[str, ...] = (),
    schemes: tuple[str, ...] = (),
) -> Any:
    """Declare an optional variable. Numbers are bounded by ``at_least`` and ``at_most``, both included.

    With ``schemes`` the value is one or more URLs, comma-separated, each with one of them.
    """
    return dataclasses.field(default=default, metadata={"rule": Rule(doc, at_least, at_most, choices, schemes)})


def secret(doc: str, *, min_bytes: int = 1, default: Any = dataclasses.MISSING) -> Any:
    """Declare a secret: kept out of ``repr``, ``min_bytes`` long or longer, required unless it has a default."""
    rule = Rule(doc, secret=True, min_bytes=min_bytes)
    return dataclasses.field(default=default, repr=False, metadata={"rule": rule})


def read(cls: type[T], environ: Mapping[str, str]) -> T:
    """Build ``cls`` from the environment.

    Raises SettingError for the first variable that is missing or wrong.
    """
    return cls(**{field.name: _value(field, hint, environ) for field, hint, _ in declared(cls)})


def declared(cls: type[Any]) -> Iterator[tuple[dataclasses.Field[Any], Any, Rule]]:
    """Every setting of ``cls``, its own before those of its bases: the field, its type, its rule."""
    hints = typing.get_type_hints(cls)
    for field in sorted(dataclasses.fields(cls), key=lambda field: field.name not in cls.__annotations__):
        yield field, hints[field.name], field.metadata["rule"]


def _value(field: dataclasses.Field[Any], hint: Any, environ: Mapping[str, str]) -> Any:
    name, rule = field.name.upper(), field.metadata["rule"]
    text = environ.get(name, "")
    if not text:  # an empty variable is how compose files spell "not set"
        if field.default is dataclasses.MISSING:
            raise SettingError(name, f"is required. {rule.doc} Make one with: openssl rand -hex 32")
        return field.default
    try:
        text.encode()
    except UnicodeEncodeError:
        raise SettingError(name, "is not text in UTF-8") from None
    value = _parse(name, text, hint)
    _check(name, value, rule)
    return value


def _parse(name: str, text: str, hint: Any) -> Any:
    if isinstance(hint, types.UnionType):
        hint = next(kind for kind in typing.get_args(hint) if kind is not type(None))
    if hint is bool:
        if text.lower() not in _TRUE | _FALSE:
            raise SettingError(name, f"must be one of 1, 0, true, false; got {text!r}")
        return text.lower() in _TRUE
    if typing.get_origin(hint) is tuple:
        return tuple(part.strip() for part in text.split(",") if part.strip())
    if hint in (int, float):
        with contextlib.suppress(ValueError):
            number = hint(text)
            if hint is int or math.isfinite(number):
                return number
        raise SettingError(name, f"must be a number; got {text!r}")
    return text


def _check(name: str, value: Any, rule: Rule) -> None:
    if rule.secret:
        if len(value.encode()) < rule.min_bytes:
            raise SettingError(
                name, f"is too short: at least {rule.min_bytes} bytes. Make one with: openssl rand -hex 32"
            )
        return
    if rule.choices and value not in rule.choices:
        raise SettingError(name, f"must be one of {', '.join(rule.choices)}; got {value!r}")
    if rule.schemes:
        _check_urls(name, [url.strip() for url in str(value).split(",")], rule.schemes)
    # "not (a <= b)" so that a NaN is refused as well
    if rule.at_least is not None and not value >= rule.at_least:
        raise SettingError(name, f"must be at least {rule.at_least:g}; got {value!r}")
    if rule.at_most is not None and not value <= rule.at_most:
        raise SettingError(name, f"must be at most {rule.at_most:g}; got {value!r}")


def _check_urls(name: str, urls: list[str], schemes: tuple[str, ...]) -> None:
    """Raises SettingError. A URL may hold a password, so what is wrong with it is told without showing it."""
    if not all(url.startswith(schemes) for url in urls):
        raise SettingError(name, f"must be URLs that start with {' or '.join(schemes)}")
    if not all(map(_names_a_server, urls)):
        like = f"{schemes[0]}user:password@host:4222"
        raise SettingError(name, f"must be URLs like {like}, with a password of letters and digits and a valid port")


def _names_a_server(url: str) -> bool:
    try:
        parts = urllib.parse.urlsplit(url)
        return bool(parts.hostname) and parts.port != 0 and parts.path in ("", "/") and not parts.query + parts.fragment
    except ValueError:  # of the port, or of brackets
        return False


def table(cls: type[Any]) -> list[tuple[str, str, str]]:
    """Rows of name, default, meaning, for ``--help`` and the README."""
    return [(field.name.upper(), _shown_default(field, rule), rule.doc) for field, _, rule in declared(cls)]


def _shown_default(field: dataclasses.Field[Any], rule: Rule) -> str:
    if field.default is dataclasses.MISSING:
        return "required"
    if rule.secret or field.default in ("", (), None):
        return "empty"
    if isinstance(field.default, tuple):
        return ",".join(field.default)
    if isinstance(field.default, bool):
        return "on" if field.default else "off"
    return str(field.default).removesuffix(".0") if isinstance(field.default, float) else str(field.default)
