"""JSON as another system must write it: RFC 8259 in UTF-8, every name once, whole numbers alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NoReturn


class NoJson(ValueError):
    """The octets are not such JSON. Its text may be told to who sent them: it quotes nothing."""


def parse(octets: bytes) -> Any:
    """What the octets say. Raises NoJson."""
    try:
        text = octets.decode("utf-8")
        return json.loads(text, object_pairs_hook=_once, parse_constant=_refuse, parse_float=_refuse)
    except NoJson:
        raise
    except UnicodeDecodeError as error:
        raise NoJson("not UTF-8") from error
    except RecursionError as error:
        raise NoJson("nested too deep") from error
    except ValueError as error:  # also a number of more digits than Python reads
        raise NoJson("not JSON") from error


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise NoJson("a name is there twice")
    return found


def _refuse(_said: str) -> NoReturn:
    raise NoJson("a number that is not whole")
