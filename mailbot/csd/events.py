"""Which events of a ticket CSD is told, and in what words. Pure.

What a person wrote, who wrote, an address, a link and the text of a mail are never in them: numbers, codes and moments.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from mailbot.model import MailKind

CHANGED = "ticket.changed"
_BY_TYPE: Mapping[str, tuple[str, ...]] = {
    "ticket.opened": ("opened",),
    "ticket.message": ("answered-by-citizen", "complaint", "complaint-late", "repeated", "over-limit"),
    "ticket.mail_sent": ("mail-sent",),
    "ticket.mail_failed": ("mail-undeliverable", "mail-bounced", "mail-not-sent"),
    "ticket.late": ("sla-warning", "sla-breach"),
    "ticket.stopped": ("frozen", "stopped", "stop-too-late", "stop-after-end"),
    "ticket.released": ("released",),
    "ticket.activated": ("activation-used",),
    "ticket.closed": ("closed", "replied-and-closed", "merged"),
    "ticket.reopened": ("reopened",),
    CHANGED: (
        *("taken", "given", "put-back", "assigned", "note", "replied", "asked", "refused", "accepted", "call"),
        *("accept-b-first", "accept-b-withdrawn", "out-of-quarantine", "out-of-limit", "complaint-answered"),
        *("split", "split-off", "joined", "linked", "came-out", "taken-back", "break-told"),
        *("registry-silent", "mail-delayed", "mail-held", "mail-retried", "mail-cancelled"),
    ),
}
TYPES: Mapping[str, str] = {kind: name for name, kinds in _BY_TYPE.items() for kind in kinds}
"""Kind of a ticket_event → the type of the webhook. One that is not named here is told as ticket.changed."""

SILENT = frozenset(("application-opened", "raw-opened", "shown", "dossier", "raw-shown", "pictures-shown"))
"""Somebody looked: that is for the audit, and nothing of the ticket changed."""


def type_of(kind: str) -> str | None:
    """The type of the webhook that tells an event of ``kind``; None: none does."""
    return None if kind in SILENT else TYPES.get(kind, CHANGED)


def webhook_id(chained: str) -> str:
    """The idempotency key of the event whose row in the audit chain has the hash ``chained`` (hex).

    What is sent once more after a restore has the same one; what happened instead of it another.
    """
    return f"evt_{chained[:40]}"


def body(
    kind: str, at: datetime, seq: int, ticket: str, state: str, desk: str, detail: Mapping[str, Any], actor: str
) -> str:
    """The JSON (ASCII) of one event. ``state`` and ``desk``: of the ticket at this moment; ``actor``: of the chain."""
    data: dict[str, Any] = {"ticket": ticket, "event": kind, "seq": seq, "state": state, "desk": desk}
    data["by"] = "machine" if actor == "machine" else "person"
    if detail.get("kind") in MailKind.__members__:
        data["mail"] = detail["kind"]
    moment = at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return json.dumps({"type": type_of(kind), "timestamp": moment, "data": data}, separators=(",", ":"))


def headers(secrets: Iterable[bytes], message_id: str, at: datetime, content: bytes) -> dict[str, str]:
    """The headers of Standard Webhooks 1.0, signed with each of ``secrets`` (one v1 signature each)."""
    moment = str(int(at.timestamp()))
    signed = b".".join((message_id.encode(), moment.encode(), content))
    marks = (base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode() for secret in secrets)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": moment,
        "webhook-signature": " ".join(f"v1,{mark}" for mark in marks),
    }


def secrets_of(text: str) -> tuple[bytes, ...]:
    """The secrets of a file: one whsec_… (base64 of 24 to 64 octets) a line, # begins a remark. Raises ValueError with
    the number of the line that holds none: a secret is not quoted."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        word = line.partition("#")[0].strip()
        if not word:
            continue
        try:
            octets = base64.b64decode(word.removeprefix("whsec_"), validate=True)
        except ValueError:
            octets = b""
        if not word.startswith("whsec_") or not 24 <= len(octets) <= 64:
            raise ValueError(f"line {number} is no secret")
        found.append(octets)
    if not found:
        raise ValueError("there is no secret in it")
    return tuple(found)
