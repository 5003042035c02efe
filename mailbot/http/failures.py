"""One page of ours for every failure of an application, and a log line without the values it had at hand."""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from mailbot.errors import TemporaryError
from mailbot.observe import failure

FailurePage = Callable[[int, web.Request], web.Response]
"""The page for a status."""


def failures(notice: FailurePage, said: str) -> Middleware:
    """Answers ``notice`` for whatever goes wrong behind it. ``said``: the name of its log lines."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except web.HTTPRedirection as error:
            return web.Response(status=error.status, headers={hdrs.LOCATION: error.headers[hdrs.LOCATION]})
        except web.HTTPException as error:
            response = notice(error.status, request)
            for name in (hdrs.ALLOW, hdrs.RETRY_AFTER):
                if name in error.headers:
                    response.headers[name] = error.headers[name]
            return response
        except TemporaryError as error:
            failure(said, error)  # its reason may quote a statement with values, a password's hash among them
            response = notice(503, request)
            response.headers[hdrs.RETRY_AFTER] = "60"
            return response
        except (ConnectionError, web.RequestPayloadError):  # the client went, or its form is no HTTP
            return notice(400, request)
        except Exception as error:
            failure(said, error)  # without the address: it may be a secret
            return notice(500, request)

    return middleware
