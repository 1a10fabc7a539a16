"""Whether a declared type bounds its values: what a client makes grow has to have an end."""

from typing import Any

from msgspec import inspect

_ALWAYS = (inspect.BoolType, inspect.NoneType, inspect.LiteralType, inspect.EnumType, inspect.RawType)


def is_bounded(hint: Any) -> bool:
    """Whether no value of this type can be long or large without end. A body (Raw) has its own limit."""
    return _is_bounded(inspect.type_info(hint))


def _is_bounded(kind: inspect.Type) -> bool:
    match kind:
        case inspect.UnionType(types):
            return all(map(_is_bounded, types))
        case inspect.StrType() | inspect.BytesType():
            return kind.max_length is not None
        case inspect.IntType() | inspect.FloatType():
            return (kind.ge, kind.gt) != (None, None) and (kind.le, kind.lt) != (None, None)
        case inspect.ListType() | inspect.SetType():
            return kind.max_length is not None and _is_bounded(kind.item_type)
        case inspect.DictType():
            return kind.max_length is not None and _is_bounded(kind.key_type) and _is_bounded(kind.value_type)
        case _:
            return isinstance(kind, _ALWAYS)
