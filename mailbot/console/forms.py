"""What a form of the console brings."""

from __future__ import annotations

from aiohttp import web
from multidict import MultiDictProxy

PostedForm = MultiDictProxy[str | bytes | bytearray | web.FileField]


def text(form: PostedForm, name: str, longest: int = 20_000) -> str:
    """One field, without the spaces around it and in lines that end alike; "" when it is not there. Raises
    HTTPBadRequest when it stands twice, is a file, or is longer than ``longest`` characters."""
    values = form.getall(name, [""])
    if len(values) != 1 or not isinstance(values[0], str):
        raise web.HTTPBadRequest
    clean = values[0].replace("\r\n", "\n").replace("\r", "\n").replace("\0", "").strip()
    if len(clean) > longest:
        raise web.HTTPRequestEntityTooLarge(longest, len(clean))
    return clean
