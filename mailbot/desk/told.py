"""A ticket as a program is told it: what agrees and what does not, what people wrote, what may be done."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from mailbot.accounts.directory import Directory
from mailbot.desk import accept, case, letter, refusals
from mailbot.desk.compare import COLUMNS, Line, side_by_side
from mailbot.desk.view import TicketView
from mailbot.model import Operator
from mailbot.secret import Secret
from mailbot.text.mask import mask


def ticket(
    connection: Connection, secret: Secret, directory: Directory, zgl: str, operator: Operator | None
) -> dict[str, Any]:
    """Of ticket ``zgl``: version, compare, deviations, texts by event; with ``operator`` also can and cannot. Empty:
    there is none. Raises SealBroken."""
    found = case.read(connection, zgl, secret, directory)
    if found is None:
        return {}
    (opening,) = letter.shown(connection, secret, [found.inbox_id]) or (None,)
    texts = case.texts_of(connection, secret, found.ticket_id)
    return {
        "version": found.version,
        "compare": [_line(line) for line in side_by_side(found, opening)],
        "deviations": sorted(accept.to_explain(found)),
        "texts": {event: [{"kind": kind, "text": mask(text)} for kind, text in of] for event, of in texts.items()},
        **(_actions(found, operator) if operator else {}),
    }


def _line(line: Line) -> dict[str, Any]:
    cells = [{"text": mask(cell.text), "mark": cell.mark.value} for cell in line.cells]
    return {"name": line.name, "differs": line.differs, **dict(zip(COLUMNS, cells, strict=True))}


def _actions(found: TicketView, operator: Operator) -> Mapping[str, Any]:
    from mailbot.desk import offers  # it knows every action: not for whoever only looks

    kept = offers.withheld(found, operator)
    return {
        "can": [action.value for action in offers.offered(found, operator)],
        "cannot": {action.value: refusals.sentence(why, operator.language) for action, why in kept.items()},
    }
