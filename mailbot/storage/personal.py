"""Addresses, names and our own mails at rest: sealed under the key of their ticket, and found again by a keyed hash.

A column that is compared holds the hash, the words lie sealed beside it, and both go with the key. A database from
before has them readable until `mailbot key seal` has gone over it; everything here reads both forms.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Row, RowMapping

from mailbot.errors import SealBroken
from mailbot.secret import Hiding, Secret, is_sealed, key_of
from mailbot.storage.erasing import ERASED, left_of
from mailbot.storage.schema import decision
from mailbot.storage.values import fit, noted
from mailbot.text.address import login_key

_PURPOSE = "personal"
HASH = "~"
"""How a hash begins; no address and no domain does that has no "@" in it."""
_DIGITS = 32  # 128 bit
_LETTERS = str.maketrans("0123456789abcdef", "abcdefghijklmnop")
_REMEMBERED = 400  # characters
_SLOT = 24
"""Characters of outbox.slot."""
NOTES = (decision.c.inbox_id, decision.c.notes, decision.c.sealed)
_CODES = frozenset({"defects", "floor", "reused_message_id", "scan"})
"""The notes of a decision that are words of the program, or of the virus scanner."""


def hashed(secret: Secret, text: str) -> str:
    """What is kept of an address's key, or of a domain."""
    return _lately(secret, text) if len(text) <= _REMEMBERED else _hashed(secret, text)


def _hashed(secret: Secret, text: str) -> str:
    return f"{HASH}{secret.mac(_PURPOSE, text).hex()[:_DIGITS]}"


_lately = lru_cache(maxsize=2048)(_hashed)
"""One mail asks for the same ones again and again, and citizens of one domain for that."""


def is_hashed(stored: str) -> bool:
    """Whether ``stored`` is what ``hashed`` gave."""
    return stored.startswith(HASH) and "@" not in stored


def key(address: str) -> str:
    """What spellings of one address share: its login key, or itself where it is none."""
    return login_key(address) or address


def kept(secret: Secret, text: str) -> str:
    """What a new row holds of an address's key, or of a domain, to be found by."""
    return hashed(secret, text) if secret.hiding and text else text


def forms(secret: Secret, text: str) -> tuple[str, ...]:
    """Everything that a column may hold of it."""
    if secret.hiding is Hiding.DONE:
        return (hashed(secret, text),)
    return (hashed(secret, text), text) if secret.hiding else (text,)


def message_forms(secret: Secret, message_key: str) -> tuple[str, ...]:
    """Everything that inbox.message_key may hold of it, also when the message was erased."""
    left = left_of(message_key)
    hidden = hashed(secret, left)
    if secret.hiding is Hiding.DONE:
        return (hidden,)
    return (hidden, message_key, left) if secret.hiding else (message_key, left)


def message_key(secret: Secret, stored: str) -> str:
    """What a new row of inbox holds of its message_key; ``stored`` may be what an erased message left."""
    if not secret.hiding or is_hashed(stored):
        return stored
    return hashed(secret, stored if stored.startswith(ERASED) else left_of(stored))


def holds(column: ColumnElement[Any], secret: Secret, *texts: str) -> ColumnElement[bool]:
    """Whether ``column`` holds one of ``texts``, in any form."""
    return column.in_([form for text in texts for form in forms(secret, text)])


def is_of(secret: Secret, stored: str | None, address_key: str | None) -> bool:
    """Whether a column that is compared holds the address with this key."""
    if not stored or address_key is None:
        return False
    return stored == hashed(secret, address_key) if is_hashed(stored) else login_key(stored) == address_key


def name_forms(secret: Secret, name_key: str) -> tuple[str, ...]:
    """The same of the key of a name (tickets.person), or of the beginning of one: letters with "0" between them."""
    if secret.hiding is Hiding.DONE:
        return (hashed_name(secret, name_key),)
    return (hashed_name(secret, name_key), name_key) if secret.hiding else (name_key,)


def hashed_name(secret: Secret, name_key: str) -> str:
    """Surname and the rest for themselves, so that a surname alone is still the beginning of the key."""
    parts = (secret.mac(_PURPOSE, f"name {part}").hex()[:_DIGITS].translate(_LETTERS) for part in name_key.split("0"))
    return "0".join(parts)


@dataclass(frozen=True, slots=True)
class Whose:
    """Who a ticket is about. Both are None where nobody knows, or it was erased."""

    address: str | None
    name: str | None


def ticket(secret: Secret, row: Mapping[str, Any], key_id: bytes | None) -> dict[str, Any]:
    """The columns of a ticket as they are written; ``row`` has its id, fingerprint, correspondent, person and
    person_key."""
    address, name, name_key = row["correspondent"], row["person"], row["person_key"]
    who = json.dumps([address, name]).encode() if address or name else None  # of an erased one nothing
    hidden = {
        "fingerprint": row["fingerprint"] if is_hashed(row["fingerprint"]) else hashed(secret, row["fingerprint"]),
        "correspondent": hashed(secret, key(address)) if address else address,
        "person": None,
        "person_key": hashed_name(secret, name_key) if name_key else None,
        "sealed": who and secret.seal(_PURPOSE, who, _ticket(row["id"]), key_id),
    }
    return {**row, **hidden}


def whose(secret: Secret, row: Row[Any]) -> Whose:
    """Of a row of the table ``ticket``. Raises SealBroken."""
    if row.sealed is None:
        return Whose(row.correspondent, row.person)
    return Whose(*json.loads(secret.unseal(_PURPOSE, row.sealed, _ticket(row.id))))


def told(secret: Secret, rows: Iterable[Row[Any]]) -> dict[int, Whose]:
    """The same of many, by ticket. What does not open is told as nobody's: a list is not lost with one of its lines."""
    found, rows = {}, list(rows)
    secret.ready(key for row in rows if row.sealed is not None and (key := key_of(row.sealed)) is not None)
    for row in rows:
        try:
            found[row.id] = whose(secret, row)
        except SealBroken:
            found[row.id] = Whose(None, None)
    return found


def _ticket(ticket_id: int) -> bytes:
    return f"ticket {ticket_id}".encode()


@dataclass(frozen=True, slots=True)
class Addressed:
    """A mail of ours."""

    recipient: str
    raw: bytes


def mail(secret: Secret, row: Mapping[str, Any], key_id: bytes | None) -> dict[str, Any]:
    """The columns of a mail of the outbox as they are written; ``row`` has its ticket_id, slot, recipient and raw."""
    plain = b"\0".join((row["recipient"].encode("utf-8", "surrogatepass"), row["raw"]))
    sealed = secret.seal(_PURPOSE, plain, _mail(row["ticket_id"], row["slot"]), key_id)
    return {**row, "recipient": kept(secret, key(row["recipient"])), "raw": sealed}


def addressed(secret: Secret, row: Row[*tuple[Any, ...]]) -> Addressed:
    """Of a row of the table ``outbox``. Raises SealBroken."""
    return opened(secret, row.ticket_id, row.slot, row.recipient, row.raw)


def opened(secret: Secret, ticket_id: int, slot: str, stored: str, raw: bytes) -> Addressed:
    """The same of its columns; ``stored``: recipient."""
    if not is_sealed(raw):
        return Addressed(stored, raw)
    recipient, _, octets = secret.unseal(_PURPOSE, raw, _mail(ticket_id, slot)).partition(b"\0")
    return Addressed(recipient.decode("utf-8", "surrogatepass"), octets)


def rewritten(secret: Secret, row: Row[Any], raw: bytes) -> bytes:
    """The column raw of a mail of the outbox that says something else, to the same recipient. Raises SealBroken."""
    if not is_sealed(row.raw):
        return raw
    values = {"ticket_id": row.ticket_id, "slot": row.slot, "recipient": addressed(secret, row).recipient, "raw": raw}
    sealed: bytes = mail(secret, values, key_of(row.raw))["raw"]
    return sealed


def _mail(ticket_id: int, slot: str) -> bytes:
    return f"mail {ticket_id} {fit(slot, _SLOT)}".encode()


def link(secret: Secret, row: Mapping[str, Any], key_id: bytes | None) -> dict[str, Any]:
    """The columns of a link as they are written; ``row`` has its ticket_id, login (a key) and new_login."""
    login, new = row["login"], row["new_login"]
    sealed = secret.seal(_PURPOSE, json.dumps([login, new]).encode(), _link(row["ticket_id"]), key_id)
    hidden = {"login": hashed(secret, login), "new_login": hashed(secret, key(new)) if new else new, "sealed": sealed}
    return {**row, **hidden}


def logins(secret: Secret, row: Row[*tuple[Any, ...]]) -> tuple[str, str | None]:
    """login and new_login of a row of the table ``activation`` (ticket_id, login, new_login, sealed). Raises
    SealBroken."""
    if row.sealed is None:
        return row.login, row.new_login
    login, new = json.loads(secret.unseal(_PURPOSE, row.sealed, _link(row.ticket_id)))
    return login, new


def _link(ticket_id: int) -> bytes:
    return f"link {ticket_id}".encode()


def notes(secret: Secret, row: Mapping[str, Any], key_id: bytes | None) -> dict[str, Any]:
    """The columns of a decision as they are written; ``row`` has its inbox_id and notes. ``key_id``: that of the
    message."""
    said = {name: value for name, value in row["notes"].items() if name not in _CODES}
    plain = json.dumps(noted(said), separators=(",", ":")).encode()
    codes = {name: value for name, value in row["notes"].items() if name in _CODES}
    return {**row, "notes": codes, "sealed": secret.seal(_PURPOSE, plain, _notes(row["inbox_id"]), key_id)}


def noted_of(secret: Secret, row: RowMapping) -> dict[str, Any]:
    """Those of a row of the table ``decision`` (NOTES). What does not open is left out: nothing is decided by it."""
    said: dict[str, Any] = {}
    if row["sealed"] is not None:
        with suppress(SealBroken):
            said = json.loads(secret.unseal(_PURPOSE, row["sealed"], _notes(row["inbox_id"])))
    return {**row["notes"], **said}


def _notes(inbox_id: int) -> bytes:
    return f"notes {inbox_id}".encode()
