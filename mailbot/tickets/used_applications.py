"""The applications that were granted: none may be granted again (procedure §3.4, step 10)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, insert, or_, select

from mailbot.model import ApplicationCheck
from mailbot.secret import Secret
from mailbot.storage import personal
from mailbot.storage.schema import used_signature


class UsedApplications:
    """The granted applications that a batch could repeat; grows with the batch as it is decided.

    By the digest of what was signed and of the signature value: a value may be rewritten without the key (ECDSA).
    """

    def __init__(self, connection: Connection, batch: Sequence[ApplicationCheck], secret: Secret) -> None:
        self._secret = secret
        self._rows: list[dict[str, Any]] = []
        self._digests: set[str] = set()
        c = used_signature.c
        digests = [d for checked in batch for d in (checked.payload_sha256, checked.signature_sha256) if d]
        if plain := {form: digest for digest in digests for form in personal.forms(secret, digest)}:
            known = list(plain)
            wanted = or_(c.payload_sha256.in_(known), c.signature_sha256.in_(known))
            for row in connection.execute(select(c.payload_sha256, c.signature_sha256).where(wanted)):
                self._digests |= {plain.get(digest, digest) for digest in row}

    def seen(self, checked: ApplicationCheck) -> bool:
        """Whether this application was granted before."""
        return not self._digests.isdisjoint((checked.payload_sha256, checked.signature_sha256))

    def add(self, checked: ApplicationCheck, ticket_id: int) -> None:
        """Remember one that is granted now."""
        assert checked.payload_sha256 is not None
        assert checked.signature_sha256 is not None
        digests = {"payload_sha256": checked.payload_sha256, "signature_sha256": checked.signature_sha256}
        self._digests |= set(digests.values())
        self._rows.append({"ticket_id": ticket_id} | _kept(self._secret, digests))

    def flush(self, connection: Connection) -> None:
        """Write them, after their tickets."""
        if self._rows:
            connection.execute(insert(used_signature), self._rows)


def remember(
    connection: Connection, secret: Secret, payload_sha256: str | None, signature_sha256: str | None, ticket_id: int
) -> None:
    """Write down one that people granted. Raises sqlalchemy.exc.IntegrityError when it was granted before."""
    digests = _kept(secret, {"payload_sha256": payload_sha256, "signature_sha256": signature_sha256})
    connection.execute(insert(used_signature).values(ticket_id=ticket_id, **digests))


def _kept(secret: Secret, digests: Mapping[str, str | None]) -> dict[str, str | None]:
    """An application holds a PESEL number, and of few unknown digits a digest is no secret."""
    return {name: digest and personal.kept(secret, digest) for name, digest in digests.items()}
