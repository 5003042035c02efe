"""File descriptors: the database, the mail and the relay have theirs before the web port gets what is left."""

from __future__ import annotations

import resource
from collections.abc import Collection

from mailbot.config import Settings
from mailbot.errors import ConfigError
from mailbot.observe import log_event

_HOUSE = 200  # database and its pool, IMAP, relay, DNS, pipes of the processes, rule files, log
_BURST = 100  # asyncio accepts so many connections at once before any of them can be turned away
_LEAST = 16  # connections without which the page is of no use


def reserve(settings: Settings, roles: Collection[str]) -> int:
    """Raise the soft limit of descriptors as far as needed; returns how many connections the web port may hold.

    Raises ConfigError when the hard limit is too low for the roles to work beside each other.
    """
    listeners = [each for each in (settings.lmtp, settings.smtp) if each.listen and "ingress" in roles]
    wanted = settings.web.connections if "web" in roles and settings.web.listen else 0
    console = settings.console.connections + _BURST if "console" in roles and settings.console.listen else 0
    api = settings.api.connections + _BURST if "console" in roles and settings.api.listen else 0
    reserved = _HOUSE + sum(each.max_connections + _BURST for each in listeners) + (_BURST if wanted else 0)
    reserved += console + api
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = reserved + wanted
    possible = needed if hard == resource.RLIM_INFINITY else min(hard, needed)
    if soft < possible:
        resource.setrlimit(resource.RLIMIT_NOFILE, (possible, hard))
        soft = possible
    left = min(wanted, soft - reserved)
    if left < min(wanted, _LEAST):
        raise ConfigError(f"the limit of open files is {soft}; mend: {needed} at least (LimitNOFILE, ulimit -n)")
    if left < wanted:
        log_event("descriptors", limit=soft, web_connections=left)
    return left
