"""Every operation of the API, once: the routes and the OpenAPI document are made from this table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mailbot.api import answers
from mailbot.api.tickets import Listing
from mailbot.desk import words
from mailbot.desk.requests import REQUESTS, Action, ActionRequest
from mailbot.desk.roles import FOR_PEOPLE, WORKERS
from mailbot.model import Role

BASE = "/api/v1"
TICKET = BASE + "/tickets/{number}"
READERS = WORKERS | {Role.AUDITOR}
"""Who sees tickets at all; the auditor masked."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path. query: class of its parameters; body: class of what is sent; action: what is done.
    statuses: of the problems it can meet beside those that every operation can (ALWAYS)."""

    name: str
    method: str
    path: str
    summary: str
    roles: frozenset[Role]
    answer: type | None
    statuses: tuple[int, ...] = ()
    query: type | None = None
    body: type[ActionRequest] | None = None
    action: Action | None = None
    tagged: bool = False
    """Its answer has an entity tag, and If-None-Match counts."""


ALWAYS = (400, 401, 403, 429, 500, 503)

ACTIONS: Sequence[Action] = tuple(action for action in Action if action not in FOR_PEOPLE)
"""What can be asked for at all."""


def _action(action: Action) -> Operation:
    summary = f"{words.ACTIONS[action].en}: {words.MEANINGS[action].en}"
    return Operation(
        action.value,
        "POST",
        f"{TICKET}/actions/{action.value}",
        summary,
        WORKERS,
        answers.Acted,
        (404, 409, 412, 413, 415, 422) + ((428,) if action is not Action.STOP else ()),
        body=REQUESTS[action],
        action=action,
    )


OPERATIONS: Sequence[Operation] = (
    Operation("schema", "GET", f"{BASE}/openapi.json", "This document", READERS, None),
    Operation("tickets", "GET", f"{BASE}/tickets", "Tickets, oldest first", READERS, answers.TicketPage, query=Listing),
    Operation("ticket", "GET", TICKET, "One ticket", READERS, answers.Ticket, (404,), tagged=True),
    Operation("events", "GET", f"{TICKET}/events", "Its history", READERS, answers.History, (404,)),
    Operation(
        "correspondence",
        "GET",
        f"{TICKET}/correspondence",
        "Letters and mails, without content",
        READERS,
        answers.Correspondence,
        (404,),
    ),
    Operation(
        "actions",
        "GET",
        f"{TICKET}/actions",
        "What may be done now, and why not the rest",
        READERS,
        answers.Possible,
        (404,),
    ),
    *map(_action, ACTIONS),
)
