"""File descriptors: the database, the mail and the relay have theirs before the web port gets what is left."""

from __future__ import annotations

import resource
from collections.abc import Collection

from mailbot.config import Settings
from mailbot.errors import ConfigError
from mailbot.observe import step

_HOUSE = 200  # database and its pool, IMAP, relay, DNS, pipes of the processes, rule files, log
_BURST = 100  # asyncio accepts so many connections at once before any of them can be turned away
_LEAST = 16  # connections without which the page is of no use


def reserve(settings: Settings, roles: Collection[str]) -> int:
    """Raise the soft limit of descriptors as far as needed; returns how many connections the web port may hold.

    Raises ConfigError when the hard limit is too low for the page to work beside the rest.
    """
    others = [each.max_connections + _BURST for each in (settings.lmtp, settings.smtp) if each.listen]
    reserved = _HOUSE + _BURST + (sum(others) if "ingress" in roles else 0)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = reserved + settings.web.connections
    if soft < needed:
        soft = needed if hard == resource.RLIM_INFINITY else min(hard, needed)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    left = min(settings.web.connections, soft - reserved)
    if left < _LEAST:
        raise ConfigError(f"the limit of open files is {soft}; mend: {needed} at least (LimitNOFILE, ulimit -n)")
    if left < settings.web.connections:
        step("descriptors", limit=soft, web_connections=left)
    return left
