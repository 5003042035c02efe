"""Answers a probe over the connection that citizens' mails take."""

from __future__ import annotations

import logging
from datetime import timedelta

from mailbot import probes
from mailbot.delivery.smtp import Relay
from mailbot.errors import DatabaseUnavailable, RelayRefused, RelayUnavailable
from mailbot.observe import Clock, log_event
from mailbot.probes import Probe
from mailbot.storage.database import Database

_AGAIN = timedelta(seconds=10)


async def answer(database: Database, relay: Relay, probe: Probe, clock: Clock) -> None:
    """Send the answer, and note what came of it. Whatever fails, citizens' mails go on."""
    try:
        await _answer(database, relay, probe, clock)
    except DatabaseUnavailable as error:
        log_event("probe-not-recorded", level=logging.WARNING, inbox=probe.inbox_id, reason=error.reason)


async def _answer(database: Database, relay: Relay, probe: Probe, clock: Clock) -> None:
    try:
        await relay.send("", probe.recipient, probe.answer)
    except (RelayRefused, RelayUnavailable) as error:
        reason, code = error.reason, error.code
        log_event("probe-not-answered", level=logging.WARNING, inbox=probe.inbox_id, code=code)
        await database.write(lambda c: probes.put_off(c, probe.nonce, reason, clock() + _AGAIN))
    else:
        await database.write(lambda c: probes.answered(c, probe.nonce, clock()))
        log_event("probe-answered", inbox=probe.inbox_id)
