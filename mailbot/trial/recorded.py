"""Decisions as they were recorded, with what their mails say and what the present rule set makes of them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping

from mailbot.accounts.memory import MemoryDirectory
from mailbot.config import Settings
from mailbot.errors import SealBroken
from mailbot.flow import replay
from mailbot.flow.pipeline import Pipeline
from mailbot.flow.replay import reads_text, words_of
from mailbot.flow.understand import Understander
from mailbot.inbox import message_of
from mailbot.installation import read_keys
from mailbot.model import Understanding
from mailbot.secret import Secret
from mailbot.sender.resolver import StaticResolver
from mailbot.service import compose
from mailbot.storage import personal
from mailbot.storage.reading import read_only
from mailbot.text.mask import mask
from mailbot.tickets import decisions
from mailbot.tickets.decisions import StoredDecision
from mailbot.tickets.tried import trace


def reports(settings: Settings, queue: Sequence[int], zgl: str | None, *, again: bool) -> list[dict[str, Any]]:
    """Those about rows ``queue`` of the inbox, or about every message of ticket ``zgl``."""
    with read_only(settings.database.url) as connection, read_keys(connection, settings) as key:
        return _reports(settings, connection, key, queue, zgl, again=again)


def _reports(
    settings: Settings, connection: Connection, key: Secret, queue: Sequence[int], zgl: str | None, *, again: bool
) -> list[dict[str, Any]]:
    no_dns = StaticResolver({})  # not asked: the sender is as recorded, and so is the account
    reader = Understander(settings, key, no_dns)
    nobody, dice = MemoryDirectory(()), random.Random(0)  # noqa: S311 - draws nothing
    flow = compose.pipeline(settings, key, nobody, no_dns, dice) if again else None
    found = decisions.found(connection, decisions.of_ticket(zgl) if zgl else decisions.of_messages(queue))
    messages = decisions.messages(connection, [one.inbox_id for one, _ in found])
    told = []
    for one, row in found:
        u = _open(reader, messages.get(one.inbox_id))
        told.append(_report(key, one, row, u) | (_now(flow, one, u) if flow else {}))
    return told


def _open(reader: Understander, message: RowMapping | None) -> Understanding | None:
    """What the message says; None when it was erased or cannot be opened."""
    if message is None:
        return None
    try:
        return reader.understand(message_of(message, reader.secret))
    except SealBroken:
        return None


def _report(key: Secret, one: StoredDecision, row: RowMapping, u: Understanding | None) -> dict[str, Any]:
    return {
        "inbox": one.inbox_id,
        "ticket": one.ticket,
        "received_at": row["received_at"],
        "decided_at": one.decided_at,
        "ruleset": one.ruleset,
        "sender": u.sender.address if u else None,
        "subject": mask(u.message.subject) if u else None,
        "text": mask(u.message.text) if u else None,
        "rule": one.rule,
        "outcome": one.outcome,
        "mails": list(one.mails) if one.mails is not None else None,
        "facts": one.facts,
        "notes": personal.noted_of(key, row),
        "trace": row["trace"],
    }


def _now(flow: Pipeline, one: StoredDecision, u: Understanding | None) -> dict[str, Any]:
    anew = words_of(flow.read(u)) if u and reads_text(one.facts) else {}
    decided = replay.again(one, anew, flow.ruleset)
    return {
        "again": {
            "rule": decided.rule,
            "outcome": decided.outcome.value,
            "mails": [kind.value for kind in decided.mails],
            "floor": list(decided.floor),
            "read_anew": anew,
            "trace": trace(decided),
            "ruleset": decided.ruleset,
        }
    }
