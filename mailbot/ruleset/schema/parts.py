"""The parts that the schemas are built of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Schema = dict[str, Any]

NAME = "^[a-z0-9]+(-[a-z0-9]+)*$"
CATEGORY = "^[A-Z][A-Z_]{1,39}$"
DAY = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
HOUR = "^([01]?[0-9]|2[0-3]):[0-5][0-9]$"


def text(about: str, **more: Any) -> Schema:
    """A text on one line."""
    return {"type": "string", "minLength": 1, "description": about, **more}


def whole(about: str, least: int, most: int) -> Schema:
    """A whole number."""
    return {"type": "integer", "minimum": least, "maximum": most, "description": about}


def word(about: str, words: Mapping[Any, str]) -> Schema:
    """One of the ``words``, each with what it means."""
    return {"description": about, "oneOf": [{"const": word, "description": means} for word, means in words.items()]}


def truth(about: str) -> Schema:
    """true or false."""
    return {"type": "boolean", "description": about}


def several(about: str, item: Schema, least: int = 0, most: int | None = None) -> Schema:
    """A list of ``item``, none twice."""
    found: Schema = {"type": "array", "items": item, "uniqueItems": True, "description": about}
    return found | ({"minItems": least} if least else {}) | ({"maxItems": most} if most else {})


def entries(about: str, required: Mapping[str, Schema], optional: Mapping[str, Schema] | None = None) -> Schema:
    """A mapping with known keys."""
    properties = {**required, **(optional or {})}
    return {
        "type": "object",
        "description": about,
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


def pick(keys: tuple[str, ...], known: Mapping[str, Schema]) -> dict[str, Schema]:
    """The keys of a reader, each with its schema."""
    return {key: known[key] for key in keys}


def sourced(about: str, value: Schema, key: str = "value") -> Schema:
    """A value that also says where it was taken from."""
    return entries(about, {key: value, "source": text("where it was taken from")})
