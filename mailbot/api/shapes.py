"""Typed values and JSON: one class of the program says what is read, what is written, and what the schema promises.

A dataclass is an object with exactly its fields; those without default are required. Nothing else is known about a
shape anywhere.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

LARGEST = 2**63 - 1
"""Of a whole number: the id of a row."""
_MANY = (tuple, frozenset)

FieldMistakes = list[tuple[str, str]]
"""(JSON Pointer, what is wrong there)."""


@cache
def members(kind: type, without: frozenset[str] = frozenset()) -> tuple[tuple[Field[Any], Any], ...]:
    """The fields of a dataclass, each with its type."""
    hints = get_type_hints(kind)
    return tuple((f, hints[f.name]) for f in fields(kind) if f.name not in without)


def required(f: Field[Any]) -> bool:
    """Whether it must be given."""
    return f.default is MISSING and f.default_factory is MISSING


def schema(hint: Any, named: Callable[[type], Mapping[str, Any]]) -> dict[str, Any]:
    """JSON Schema 2020-12 of a type. ``named``: the reference to that of a dataclass."""
    if (inner := _optional(hint)) is not None:
        return {"anyOf": [schema(inner, named), {"type": "null"}]}
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in _MANY:
        return {"type": "array", "items": schema(arguments[0], named)}
    if origin is not None and issubclass(origin, Mapping):
        names = {"propertyNames": schema(arguments[0], named)} if arguments[0] is not str else {}
        return {"type": "object", "additionalProperties": schema(arguments[1], named), **names}
    if is_dataclass(hint):
        assert isinstance(hint, type)
        return dict(named(hint))
    return dict(_plain(hint))


def object_of(
    kind: type, named: Callable[[type], Mapping[str, Any]], without: frozenset[str] = frozenset()
) -> dict[str, Any]:
    """JSON Schema of a dataclass itself."""
    asked = members(kind, without)
    found: dict[str, Any] = {"type": "object", "additionalProperties": False}
    found["properties"] = {f.name: schema(hint, named) for f, hint in asked}
    if needed := [f.name for f, _ in asked if required(f)]:
        found["required"] = needed
    return found


def _plain(hint: type) -> Mapping[str, Any]:
    if issubclass(hint, StrEnum):
        return {"type": "string", "enum": [word.value for word in hint]}
    found: Mapping[type, Mapping[str, Any]] = {
        str: {"type": "string"},
        bool: {"type": "boolean"},
        int: {"type": "integer", "minimum": 0, "maximum": LARGEST},
        datetime: {"type": "string", "format": "date-time"},
        bytes: {"type": "string", "contentEncoding": "base64"},
    }
    return found[hint]


def _optional(hint: Any) -> Any:
    """What ``hint`` is beside None; None: it is not optional."""
    if get_origin(hint) not in (Union, UnionType):
        return None
    (inner,) = (one for one in get_args(hint) if one is not NoneType)
    return inner


def read(hint: Any, value: Any, at: str, wrong: FieldMistakes, without: frozenset[str] = frozenset()) -> Any:
    """``value`` of JSON as ``hint``; what does not fit is added to ``wrong``, and then the result means nothing."""
    if (inner := _optional(hint)) is not None:
        return None if value is None else read(inner, value, at, wrong)
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in _MANY:
        return _many(origin, arguments[0], value, at, wrong)
    if origin is not None and issubclass(origin, Mapping):
        return _mapping(arguments, value, at, wrong)
    if is_dataclass(hint):
        assert isinstance(hint, type)
        values = values_of(hint, value, at, wrong, without)
        return None if wrong else hint(**values)
    try:
        return _READ.get(hint, _word)(hint, value)
    except ValueError as error:
        wrong.append((at, str(error)))
        return None


def values_of(
    kind: type, value: Any, at: str, wrong: FieldMistakes, without: frozenset[str] = frozenset()
) -> dict[str, Any]:
    """The fields of an object, for ``kind(**values)``; those that are not given are left out."""
    if not isinstance(value, dict):
        wrong.append((at, "must be an object"))
        return {}
    asked = {f.name: (f, hint) for f, hint in members(kind, without)}
    wrong += [(f"{at}/{_pointer(name)}", "no such field") for name in value if name not in asked]
    wrong += [(f"{at}/{name}", "is missing") for name, (f, _) in asked.items() if required(f) and name not in value]
    return {name: read(hint, value[name], f"{at}/{name}", wrong) for name, (_, hint) in asked.items() if name in value}


def _many(origin: Any, inner: Any, value: Any, at: str, wrong: FieldMistakes) -> Any:
    if not isinstance(value, list):
        wrong.append((at, "must be an array"))
        return None
    if len(value) > _MOST:
        wrong.append((at, f"at most {_MOST}"))
        return None
    return origin(read(inner, one, f"{at}/{n}", wrong) for n, one in enumerate(value))


def _mapping(arguments: tuple[Any, ...], value: Any, at: str, wrong: FieldMistakes) -> Any:
    if not isinstance(value, dict):
        wrong.append((at, "must be an object"))
        return None
    return {
        read(arguments[0], name, at, wrong): read(arguments[1], one, f"{at}/{_pointer(name)}", wrong)
        for name, one in value.items()
    }


_MOST = 100
"""Things in one list: more than any action takes."""


def _pointer(name: str) -> str:
    """A name that a stranger chose, in a JSON Pointer (RFC 6901 §3): short, and without what no JSON can hold."""
    clean = name[:40].encode("utf-8", "replace").decode()
    return clean.replace("~", "~0").replace("/", "~1")


def _text(_hint: Any, value: Any) -> str:
    """What every database can keep: no NUL, no half of a surrogate pair."""
    if not isinstance(value, str):
        raise ValueError("must be a string")
    if "\0" in value or any("\ud800" <= c <= "\udfff" for c in value):
        raise ValueError("holds a character that no text has")
    return value


def _whole(_hint: Any, value: Any) -> int:
    if type(value) is not int or not 0 <= value <= LARGEST:
        raise ValueError(f"must be a whole number, 0 to {LARGEST}")
    return value


def _truth(_hint: Any, value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def moment(_hint: Any, value: Any) -> datetime:
    """RFC 3339, with its offset."""
    try:
        found = datetime.fromisoformat(_text(str, value))
        if found.tzinfo is None:
            raise ValueError
        return found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("must be a moment with its offset, as 2026-11-30T10:00:00+01:00") from None


def _octets(_hint: Any, value: Any) -> bytes:
    try:
        return base64.b64decode(_text(str, value), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("must be base64 (RFC 4648 §4)") from None


def _word(hint: Any, value: Any) -> Any:
    try:
        return hint(_text(str, value))
    except ValueError:
        raise ValueError(f"must be one of {', '.join(word or '“”' for word in hint)}") from None


_READ: Mapping[Any, Callable[[Any, Any], Any]] = {
    str: _text,
    int: _whole,
    bool: _truth,
    datetime: moment,
    bytes: _octets,
}


def written(value: Any) -> Any:
    """A value of ours as JSON has it; moments in UTC."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, Mapping):
        return {str(name): written(one) for name, one in value.items()}
    if isinstance(value, str) or not isinstance(value, Iterable):
        if is_dataclass(value) and not isinstance(value, type):
            return {f.name: written(getattr(value, f.name)) for f in fields(value)}
        return value
    return [written(one) for one in value]
