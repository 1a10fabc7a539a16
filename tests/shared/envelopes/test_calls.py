"""A call is declared whole, or the process does not start."""

from typing import Annotated, Any

import msgspec
import pytest

from shared.envelopes import calls
from shared.envelopes.calls import CALLS, Call, Place

WHOLE: dict[str, Any] = {
    "NAME": "move",
    "METHOD": "POST",
    "PATH": "/tables/{table}",
    "DOC": "Move",
    "ANSWER": None,
}

BOUNDS = {"maxLength", "maximum", "maxItems", "maxProperties", "enum"}


@pytest.fixture(autouse=True)
def others(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is declared here is forgotten afterwards."""
    monkeypatch.setattr(calls, "CALLS", dict(CALLS))


def declare(said: dict[str, Any], **fields: Any) -> Any:
    return msgspec.defstruct("Odd", list(fields.items()), bases=(Call,), namespace=said, frozen=True)


def test_a_field_comes_from_the_path_the_body_or_where_its_type_says() -> None:
    call = declare(WHOLE, table=str, to=str, app=Annotated[str, Place.QUERY], now=Annotated[int, Place.CLOCK])
    assert call.PLACES == {"table": Place.PATH, "to": Place.BODY, "app": Place.QUERY, "now": Place.CLOCK}


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_a_call_without_a_body_has_its_fields_in_the_query(method: Any) -> None:
    assert declare({**WHOLE, "METHOD": method}, table=str, to=str).PLACES["to"] is Place.QUERY


@pytest.mark.parametrize("left_out", ["NAME", "METHOD", "DOC", "ANSWER"])
def test_a_declaration_that_leaves_something_open_is_none(left_out: str) -> None:
    with pytest.raises(TypeError, match=f"Odd does not say its {left_out}"):
        declare({name: value for name, value in WHOLE.items() if name != left_out}, table=str)


def test_a_path_that_names_no_field_is_refused() -> None:
    with pytest.raises(TypeError, match="Odd has no field for table in its path"):
        declare(WHOLE, chair=str)


@pytest.mark.parametrize("same", [{"NAME": "move"}, {"METHOD": "POST", "PATH": "/tables/{table}"}])
def test_a_name_or_a_route_that_another_call_has_is_refused(same: dict[str, Any]) -> None:
    declare(WHOLE, table=str)
    other = {"NAME": "other", "METHOD": "PUT", "PATH": "/chairs/{table}", "DOC": "Sit", "ANSWER": None}
    with pytest.raises(TypeError, match="Odd has the name or the route of Odd"):
        declare({**other, **same}, table=str)


def test_every_field_in_a_body_or_a_path_or_a_query_of_a_call_is_bounded() -> None:
    free = {"password"}  # compared, and no more; the body is bounded
    unbounded = [
        f"{call.__name__}.{field.name}"
        for call in CALLS.values()
        for field in msgspec.structs.fields(call)
        if call.PLACES[field.name] is not Place.CLOCK and field.name not in free
        if not BOUNDS & msgspec.json.schema(field.type).keys()
    ]
    assert unbounded == [], "give these types a bound"
