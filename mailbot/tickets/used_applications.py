"""The applications that were granted: none may be granted again (domain.md §3.4, step 10)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, insert, or_, select

from mailbot.model import Checked
from mailbot.storage.schema import used_signature


class Used:
    """The granted applications that a batch could repeat; grows with the batch as it is decided.

    By the digest of what was signed and of the signature value: a value may be rewritten without the key (ECDSA).
    """

    def __init__(self, connection: Connection, batch: Sequence[Checked]) -> None:
        self._rows: list[dict[str, Any]] = []
        self._digests: set[str] = set()
        c = used_signature.c
        digests = [d for checked in batch for d in (checked.payload_sha256, checked.signature_sha256) if d]
        if digests:
            wanted = or_(c.payload_sha256.in_(digests), c.signature_sha256.in_(digests))
            for row in connection.execute(select(c.payload_sha256, c.signature_sha256).where(wanted)):
                self._digests |= set(row)

    def seen(self, checked: Checked) -> bool:
        """Whether this application was granted before."""
        return not self._digests.isdisjoint((checked.payload_sha256, checked.signature_sha256))

    def add(self, checked: Checked, ticket_id: int) -> None:
        """Remember one that is granted now."""
        assert checked.payload_sha256 is not None
        assert checked.signature_sha256 is not None
        digests = {"payload_sha256": checked.payload_sha256, "signature_sha256": checked.signature_sha256}
        self._digests |= set(digests.values())
        self._rows.append({**digests, "ticket_id": ticket_id})

    def flush(self, connection: Connection) -> None:
        """Write them, after their tickets."""
        if self._rows:
            connection.execute(insert(used_signature), self._rows)


def remember(connection: Connection, payload_sha256: str | None, signature_sha256: str | None, ticket_id: int) -> None:
    """Write down one that people granted. Raises sqlalchemy.exc.IntegrityError when it was granted before."""
    digests = {"payload_sha256": payload_sha256, "signature_sha256": signature_sha256}
    connection.execute(insert(used_signature).values(ticket_id=ticket_id, **digests))
