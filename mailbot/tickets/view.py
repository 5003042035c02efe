"""What was read of a signed application, kept sealed beside the decision: a person judges by the picture."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update

from mailbot.model import Applicant, ApplicationCheck, ApplicationState, Match, View
from mailbot.secret import Secret
from mailbot.storage.schema import application_view, inbox, ticket_event

_PURPOSE = "view"


CHECKED = "checked.json"
"""The row with what was found in the application: no file, and nothing to show."""


def rows(
    secret: Secret,
    inbox_id: int,
    view: View | None,
    checked: ApplicationCheck | None = None,
    key_id: bytes | None = None,
) -> Iterator[dict[str, Any]]:
    """The rows of ``application_view`` for one message; all but CHECKED are named as files. ``key_id``: that of the
    message."""
    files = _files(view) if view else {}
    if checked and checked.state.tried:
        files[CHECKED] = _packed(checked)
    for name, content in files.items():
        sealed = secret.seal(_PURPOSE, content, _context(inbox_id, name), key_id)
        yield {"inbox_id": inbox_id, "name": name, "sealed": sealed}


def _files(view: View) -> dict[str, bytes]:
    files = {f"page-{i}.png": picture for i, picture in enumerate(view.pictures, 1)}
    return files | {"text.txt": view.text.encode()} | ({} if view.seen is None else {"seen.txt": view.seen.encode()})


def _packed(checked: ApplicationCheck) -> bytes:
    kept = {
        "state": checked.state.value,
        "whole": checked.whole,
        "old_login": checked.old_login,
        "applicant": asdict(checked.applicant) if checked.applicant else None,
        "body": checked.body.value if checked.body else None,
        "payload_sha256": checked.payload_sha256,
        "signature_sha256": checked.signature_sha256,
        "reports": [_told(report) for report in checked.reports],
        "read": dict(checked.read),
    }
    return json.dumps(kept).encode()


def _told(report: Mapping[str, Any]) -> dict[str, Any]:
    """A report without what no person needs: the number of the signer, be it masked or hashed."""
    signer = report["signer"] and {n: v for n, v in report["signer"].items() if not n.startswith("pesel")}
    return {**report, "signer": signer}


def checked(connection: Connection, secret: Secret, inbox_id: int) -> ApplicationCheck | None:
    """What was found in the application of a message; None: it had none, or from before that was kept. Raises
    SealBroken."""
    c = application_view.c
    wanted = select(c.sealed).where(c.inbox_id == inbox_id, c.name == CHECKED)
    sealed = connection.execute(wanted).scalar_one_or_none()
    if sealed is None:
        return None
    kept = json.loads(secret.unseal(_PURPOSE, sealed, _context(inbox_id, CHECKED)))
    kept["state"] = ApplicationState(kept["state"])
    kept["applicant"] = Applicant(**kept["applicant"]) if kept["applicant"] else None
    kept["body"] = Match(kept["body"]) if kept["body"] else None
    kept["reports"] = tuple(kept.get("reports", ()))  # older ones have none
    return ApplicationCheck(**kept)


def files(connection: Connection, secret: Secret, inbox_id: int) -> dict[str, bytes]:
    """Names and contents that were kept for a message. Raises SealBroken."""
    c = application_view.c
    which = (c.inbox_id == inbox_id, c.name != CHECKED)
    found = connection.execute(select(c.name, c.sealed).where(*which).order_by(c.name))
    return {row.name: secret.unseal(_PURPOSE, row.sealed, _context(inbox_id, row.name)) for row in found}


def seal_anew(connection: Connection, secret: Secret, inbox_id: int, key_id: bytes | None) -> None:
    """Seal what was kept for a message under another key. Raises SealBroken."""
    c = application_view.c
    for row in connection.execute(select(c.name, c.sealed).where(c.inbox_id == inbox_id)).all():
        context = _context(inbox_id, row.name)
        sealed = secret.seal(_PURPOSE, secret.unseal(_PURPOSE, row.sealed, context), context, key_id)
        connection.execute(
            update(application_view).where(c.inbox_id == inbox_id, c.name == row.name).values(sealed=sealed)
        )


def note_look(connection: Connection, inbox_id: int, kind: str, user: int, now: datetime) -> None:
    """Write into the history of the message's ticket, where it has one, which user of the machine looked at it."""
    ticket_id = connection.execute(select(inbox.c.ticket_id).where(inbox.c.id == inbox_id)).scalar_one()
    if ticket_id is not None:
        detail = {"inbox": inbox_id, "uid": user}
        connection.execute(insert(ticket_event).values(ticket_id=ticket_id, at=now, kind=kind, detail=detail))


def _context(inbox_id: int, name: str) -> bytes:
    return f"{inbox_id} {name}".encode()
