"""What came before a mail that is tried: the file of ``--state``, written into a database in memory.

tickets:
  - number: ZGL2329987
    correspondent: jan.kowalski@wp.example
    category: HASLO_AWARYJNE_A
    state: ZAMKNIETE_ROZWIAZANE
    opened: 2026-11-18T10:00:00+01:00
    answered: 2026-11-19T09:00:00+01:00   # when the mail with the answer was accepted; may be left out
mails:                                    # in the order in which they came
  - file: earlier.eml                     # beside this file; decided as if it had come
    received: 2026-11-20T09:58:00+01:00
    sent: yes                             # its mails were accepted at once; else they wait
  - {from: a@b.example, received: 2026-11-20T09:00:00+01:00, outcome: REJ_GENERIC, times: 3}   # only counted
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, insert, select, update
from yaml.nodes import MappingNode, Node

from mailbot.errors import ConfigError
from mailbot.flow import facts
from mailbot.flow.facts import NO_HISTORY
from mailbot.model import (
    Authentication,
    AuthResult,
    Decision,
    Desk,
    Duplicate,
    DuplicateCheck,
    Envelope,
    Identity,
    InboundMessage,
    Outcome,
    RawMessage,
    Request,
    Sender,
    Source,
    State,
    Subject,
    SubjectClass,
    Understanding,
)
from mailbot.outbox import jobs
from mailbot.ruleset import values
from mailbot.ruleset.document import YamlDocument
from mailbot.ruleset.findings import Mistakes
from mailbot.storage.schema import inbox, outbox, ticket
from mailbot.text import address
from mailbot.tickets import number, rate_limits, sla
from mailbot.tickets.record import BatchRows
from mailbot.trial.simulator import WORKER, Trial, take_in

_NUMBER = re.compile(r"ZGL[0-9]{7,12}")
_TICKET = ("number", "correspondent", "category", "state", "opened")
_MOST = 10_000


@dataclass(frozen=True, slots=True)
class PastTicket:
    """A ticket that is there; moments aware."""

    number: str
    correspondent: str
    category: str
    state: State
    opened: datetime
    answered: datetime | None


@dataclass(frozen=True, slots=True)
class PastMail:
    """A mail that was decided."""

    file: Path
    received: datetime
    sent: bool
    """The mails about it were accepted."""


@dataclass(frozen=True, slots=True)
class PastCount:
    """Mails of a proven sender of which only their number matters."""

    sender: str
    received: datetime
    outcome: Outcome
    times: int


@dataclass(frozen=True, slots=True)
class Past:
    """Everything that came before."""

    tickets: tuple[PastTicket, ...]
    mails: tuple[PastMail | PastCount, ...]


def read(path: Path, categories: Collection[str]) -> Past:
    """The file of ``--state``. Raises ConfigError with every mistake: file:line:col: key: what; mend."""
    mistakes = Mistakes()
    document = YamlDocument(path, mistakes)
    entries = document.entries(document.root, "", (), ("tickets", "mails")) if document.root else {}
    tickets = [
        _ticket(document, node, f"tickets[{n}]", categories) for n, node in _listed(document, entries, "tickets")
    ]
    _twice(document, entries.get("tickets"), tickets)
    mails = [_mail(document, node, f"mails[{n}]", path.parent) for n, node in _listed(document, entries, "mails")]
    if lines := mistakes.lines():
        raise ConfigError("\n".join(lines))
    return Past(tuple(filter(None, tickets)), tuple(filter(None, mails)))


async def fill(trial: Trial, connection: Connection, past: Past) -> None:
    """Write what came before, by the flow itself wherever it is a mail."""
    for one in past.tickets:
        _open(trial, connection, one)
    if past.tickets:
        following = max(number.value(one.number) for one in past.tickets) + 1
        number.lock(connection, following)
    for mail in past.mails:
        if isinstance(mail, PastCount):
            _count(trial, connection, mail)
            continue
        raw = RawMessage(mail.file.read_bytes(), Envelope(Source.INJECT), mail.received)
        u = await trial.checked(trial.read(raw), connection, mail.received)
        row = trial.record(raw, u, connection, mail.received)
        if mail.sent:
            _accept(connection, row, mail.received)


def _listed(document: YamlDocument, entries: dict[str, Node], key: str) -> list[tuple[int, Node]]:
    return list(enumerate(document.items(entries[key], key), start=1)) if key in entries else []


def _twice(document: YamlDocument, node: Node | None, tickets: list[PastTicket | None]) -> None:
    numbers = [one.number for one in tickets if one]
    for name in sorted({n for n in numbers if numbers.count(n) > 1}):
        assert node is not None
        document.wrong(node, "tickets", f"{name} stands twice", "keep one", "twice")


def _ticket(document: YamlDocument, node: Node, key: str, categories: Collection[str]) -> PastTicket | None:
    found = document.entries(node, key, _TICKET, ("answered",))
    zgl = _text(document, found.get("number"), f"{key}.number", _zgl, "is no ticket number", "write it as ZGL2329987")
    sender = _address(document, found.get("correspondent"), f"{key}.correspondent")
    category = document.word(found.get("category"), f"{key}.category", categories, "a category of categories.yaml")
    state = document.word(found.get("state"), f"{key}.state", list(State), "a state of a ticket")
    opened = moment(document, found.get("opened"), f"{key}.opened")
    answered = moment(document, found.get("answered"), f"{key}.answered")
    if zgl is None or sender is None or category is None or state is None or opened is None:
        return None
    return PastTicket(zgl, sender, category, State(state), opened, answered)


def _mail(document: YamlDocument, node: Node, key: str, folder: Path) -> PastMail | PastCount | None:
    is_short = isinstance(node, MappingNode) and any(name.value == "from" for name, _ in node.value)
    if is_short:
        found = document.entries(node, key, ("from", "received", "outcome"), ("times",))
        sender = _address(document, found.get("from"), f"{key}.from")
        outcome = document.word(found.get("outcome"), f"{key}.outcome", list(Outcome), "an outcome")
        times = values.number(document, found.get("times"), f"{key}.times", 1, _MOST) if "times" in found else 1
    else:
        found = document.entries(node, key, ("file", "received"), ("sent",))
        file = _text(document, found.get("file"), f"{key}.file", str, "", "")
        sent = document.word(found.get("sent"), f"{key}.sent", ("yes", "no"), "yes or no")
    received = moment(document, found.get("received"), f"{key}.received")
    if is_short:
        if sender is None or outcome is None or times is None or received is None:
            return None
        return PastCount(sender, received, Outcome(outcome), times)
    if file is None or received is None:
        return None
    if not (folder / file).is_file():
        document.wrong(found["file"], f"{key}.file", f'there is no "{file}" beside this file', "name a mail")
        return None
    return PastMail(folder / file, received, sent == "yes")


def _text(
    document: YamlDocument, node: Node | None, key: str, reader: Callable[[str], str | None], what: str, mend: str
) -> str | None:
    written = document.string(node, key)
    if node is None or written is None:
        return None
    found = reader(written)
    if found is None:
        document.wrong(node, key, f'"{written}" {what}', mend)
    return found


def _zgl(written: str) -> str | None:
    return written if _NUMBER.fullmatch(written) else None


def _address(document: YamlDocument, node: Node | None, key: str) -> str | None:
    return _text(document, node, key, address.normalise, "is no e-mail address", "correct it")


def moment(document: YamlDocument, node: Node | None, key: str) -> datetime | None:
    """A moment with its offset."""
    written = document.string(node, key)
    if node is None or written is None:
        return None
    try:
        found = datetime.fromisoformat(written)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        document.wrong(node, key, f'"{written}" is no moment with its offset', "write 2026-11-20T10:00:00+01:00")
        return None
    return found


def _open(trial: Trial, connection: Connection, past: PastTicket) -> None:
    flow = trial.flow
    row = take_in(connection, past.opened)
    finished = update(inbox).where(inbox.c.id == row)
    service = flow.ruleset.service_of(past.category)
    clocks = sla.clocks_of(past.category, past.state, past.opened, flow.settings.tickets, flow.ruleset)
    written = {
        "id": number.value(past.number),
        "number": number.spell(number.value(past.number)),
        "kind": service.kind,
        "category": past.category,
        "state": past.state.value,
        "desk": Desk.NOBODY.value,
        "correspondent": past.correspondent,
        "fingerprint": past.number,
        "opened_at": past.opened,
        "promised_at": clocks.promised_at,
        "closed_at": (past.answered or past.opened) if past.state.closed else None,
        "inbox_id": row,
        "answered_at": past.answered,
        "reply_by": clocks.reply_by,
    }
    connection.execute(insert(ticket).values(written))
    connection.execute(finished.values(state=jobs.DONE, leased_by=None, ticket_id=written["id"]))


def _count(trial: Trial, connection: Connection, past: PastCount) -> None:
    """The rows by which ``tickets.rate_limits`` counts; what a rule of that outcome answers counts as sent."""
    flow = trial.flow
    sender = Sender(past.sender, None, Authentication(AuthResult.PASS, "taken for granted"))
    message = InboundMessage((), "", None, (), (), None, "", "")
    mails = next((rule.mails for rule in flow.ruleset.rules if rule.outcome is past.outcome), ())
    decided = Decision("history", past.outcome, "", State.ZAREJESTROWANE, Desk.NOBODY, mails, (), (), flow.ruleset.hash)
    rows = BatchRows(0)
    for _ in range(past.times):
        row = take_in(connection, past.received)
        identity = Identity(f"trial:{row}", f"trial:{row}")
        u = Understanding(
            past.received, message, sender, Subject(SubjectClass.OTHER, ""), Request(None, (), None, ()), identity
        )
        told, _ = facts.gather(u, None, Duplicate.NO, NO_HISTORY)
        source = rate_limits.counted_for(u, None, flow.ruleset.limits, flow.secret)
        rows.decide(row, u, DuplicateCheck(Duplicate.NO), told, decided, source, None, past.received)
    rows.flush(connection, WORKER, flow.secret)


def _accept(connection: Connection, row: int, at: datetime) -> None:
    """The mails of the ticket of that message were accepted; where the ticket is closed, they are the answer."""
    wanted = select(inbox.c.ticket_id).where(inbox.c.id == row)
    ticket_id = connection.execute(wanted).scalar_one()
    unsent = (outbox.c.ticket_id == ticket_id, outbox.c.sent_at.is_(None))
    connection.execute(update(outbox).where(*unsent).values(state=jobs.DONE, sent_at=at))
    closed = (ticket.c.id == ticket_id, ticket.c.state.in_([state for state in State if state.closed]))
    connection.execute(update(ticket).where(*closed).values(answered_at=at))
