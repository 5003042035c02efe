"""One mail tried in the real flow over a database in memory: what ``explain`` and ``rules test`` share.

Because it is the flow of ``mailbot run`` that decides and writes here, what an admin sees can never differ from what a
citizen gets. Nothing is committed.
"""

from __future__ import annotations

import random
import re
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from email import message_from_string, policy
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, func, insert, select

from mailbot.accounts.memory import MemoryDirectory
from mailbot.config import Settings
from mailbot.flow.facts import needs_check
from mailbot.flow.lookup import Assessment
from mailbot.flow.pipeline import Pipeline
from mailbot.flow.plan import waits_for_check
from mailbot.model import (
    Account,
    Authentication,
    AuthResult,
    Match,
    Outcome,
    RawMessage,
    Source,
    Understanding,
)
from mailbot.outbox import jobs
from mailbot.parsing.headers import split
from mailbot.request import names, phrase
from mailbot.secret import Secret
from mailbot.sender.resolver import Resolver
from mailbot.service import compose
from mailbot.storage.engine import connect
from mailbot.storage.schema import inbox, metadata, outbox
from mailbot.tickets.marks import identify
from mailbot.tickets.record import notes
from mailbot.tickets.tried import trace
from mailbot.workers.verify import Verifier

WORKER = "trial"


@contextmanager
def blank() -> Iterator[Connection]:
    """A database in memory without a row, gone when the block ends."""
    engine = connect("sqlite://")
    try:
        with engine.connect() as connection:
            metadata.create_all(connection)
            yield connection
    finally:
        engine.dispose()


def take_in(connection: Connection, received: datetime, sha256: str = "") -> int:
    """A row of the inbox that WORKER holds. Not by ``inbox.store``: for it the same delivery again is no message."""
    values = {
        "source": Source.INJECT.value,
        "delivery_key": f"trial:{uuid.uuid4().hex}",
        "sha256": sha256,
        "size": 0,
        "envelope": {},
        "received_at": received,
        "state": jobs.LEASED,
        "due_at": received,
        "leased_by": WORKER,
    }
    return int(connection.execute(insert(inbox).values(values).returning(inbox.c.id)).scalar_one())


@dataclass(frozen=True, slots=True)
class Trial:
    """The flow, and what is taken for granted in it."""

    flow: Pipeline
    accounts: MemoryDirectory
    """Those of ``flow``."""
    verifier: Verifier
    vouched: AuthResult | None = None
    """Not None: how far every sender is proven, whatever the mail says; and the envelope names him too."""

    def read(self, raw: RawMessage) -> Understanding:
        """What the mail says, its files not checked."""
        u = self.flow.understand(raw)
        if self.vouched:
            sender = replace(u.sender, authentication=Authentication(self.vouched, "taken for granted"))
            u = replace(u, sender=sender, identity=identify(u.message, sender, raw), agrees=True)
        return u

    async def checked(self, u: Understanding, connection: Connection, now: datetime) -> Understanding:
        """``u`` with its files checked, where it would wait for that."""
        if not self.waits(u, connection, now):
            return u
        (found,) = await self.verifier.check([u], self.flow.ruleset)
        return found

    def waits(self, u: Understanding, connection: Connection, now: datetime) -> bool:
        """Whether it would wait for a check of its files."""
        return needs_check(u) and waits_for_check(self.flow.assess(u, self.flow.lookup(connection, [u], now)))

    def mails(self, raw: RawMessage, u: Understanding, connection: Connection, now: datetime) -> list[bytes]:
        """The mails that would be written, in order; the database stays as it was."""
        with connection.begin_nested() as point:
            last = connection.execute(select(func.coalesce(func.max(outbox.c.id), 0))).scalar_one()
            self.record(raw, u, connection, now)
            rows = connection.execute(select(outbox.c.raw).where(outbox.c.id > last).order_by(outbox.c.id))
            written = [bytes(octets) for octets in rows.scalars()]
            point.rollback()
        return written

    def record(self, raw: RawMessage, u: Understanding, connection: Connection, now: datetime) -> int:
        """Decide the mail and write what follows; returns its row of the inbox."""
        row = take_in(connection, u.received_at, raw.sha256)
        self.flow.record(connection, WORKER, [(row, u)], now)
        return row

    def report(self, assessment: Assessment) -> dict[str, Any]:
        """What ``explain --json`` says of a mail beside its file."""
        u, decision, reading = assessment.u, assessment.decision, assessment.reading
        login = u.checked.old_login or u.sender.address
        return {
            "subject_class": "AUTO" if u.message.by_machine else u.subject.kind.value,
            "rule": decision.rule,
            "outcome": decision.outcome.value,
            "defects": [d.value for d in decision.defects] if decision.outcome is Outcome.REJ_FORMAL else [],
            "differences": [code.value for code, _ in u.subject.differences],
            "category": decision.category,
            "state": decision.state.value,
            "desk": decision.desk.value,
            "mails": [m.value for m in decision.mails],
            "topic": reading.topic,
            "service": reading.service,
            "faq": reading.faq,
            "question": reading.answer.name if reading.answer else None,
            "language": reading.language,
            **_body(u, self.accounts.find(None, login) if login else None),
            "watched": [{"rule": rule, "outcome": outcome.value} for rule, outcome in decision.watched],
            "facts": asdict(assessment.facts),
            "notes": notes(u, assessment.found.seen, decision),
            "trace": trace(decision),
            "ruleset": decision.ruleset,
        }


def chosen(settings: Settings, rules_dir: Path | None, trust: Path | None, authserv_id: str | None) -> Settings:
    """The settings with what the options put in their place."""
    if rules_dir is not None:
        settings = replace(settings, rules=replace(settings.rules, directory=str(rules_dir)))
    if trust is not None:
        settings = replace(settings, trust=replace(settings.trust, directory=str(trust)))
    if authserv_id is not None:
        settings = replace(settings, authentication=replace(settings.authentication, authserv_id=authserv_id))
    return settings


@asynccontextmanager
async def open_trial(
    settings: Settings, accounts: MemoryDirectory, resolver: Resolver, vouched: AuthResult | None = None
) -> AsyncIterator[Trial]:
    """The flow over ``accounts``. Raises RulesError, ConfigError."""
    key = Secret(bytes(32))  # nothing that is made here is ever sent
    flow = compose.pipeline(settings, key, accounts, resolver, random.Random(0))  # noqa: S311 - spreads a delay that never comes
    async with Verifier(flow) as verifier:
        if settings.trust.directory:
            await verifier.start()
        yield Trial(flow, accounts, verifier, vouched)


def arrival(raw: bytes) -> datetime | None:
    """When our MX says it took the mail (topmost Received), else the Date; None when neither can be read."""
    headers = split(raw).fields
    for name in ("received", "date"):
        value = next((h.value for h in headers if h.name.lower() == name), None)
        if value is not None:
            text = re.sub(r"\s+", " ", value.decode("ascii", "replace")).rpartition(";")[2]
            try:
                moment = parsedate_to_datetime(text.strip())
            except (ValueError, IndexError, OverflowError):
                continue
            if moment.tzinfo is not None:
                return moment
    return None


def readable(raw: str) -> Iterator[str]:
    """Lines of a mail of ours: From, To, Subject, the plain text, decoded, and the names of files."""
    message = message_from_string(raw, policy=policy.default)
    for name in ("From", "To", "Subject"):
        yield f"  {name}: {message[name]}"
    yield ""
    body = message.get_body(("plain",))
    assert body is not None
    yield from (f"  {line}".rstrip() for line in str(body.get_content()).splitlines())
    yield from (f"  [{part.get_filename()}]" for part in message.iter_attachments())


def _body(u: Understanding, account: Account | None) -> dict[str, str | None]:
    """How the body reads beside the sender's account, also where the decision need not ask: for the admin's eyes."""
    request = phrase.read(u.message.text, attachments=bool(u.message.attachments))
    name = year = Match.UNKNOWN
    if not request.names:
        name = Match.MISSING
    elif account:
        name = names.compare(request.names, account)
    if request.year is None:
        year = Match.MISSING
    elif account:
        year = Match.OK if request.year == account.birth_year else Match.MISMATCH
    return {"phrase": request.phrase.value if request.phrase else None, "name": name.value, "year": year.value}
