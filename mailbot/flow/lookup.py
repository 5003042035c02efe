"""What registry, history and calendar say about the messages of one batch: the facts that no mail can tell alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from mailbot.accounts.directory import Directory
from mailbot.flow.facts import Known, login_to_ask
from mailbot.model import (
    Account,
    AccountStatus,
    AuthResult,
    Decision,
    Duplicate,
    Facts,
    Phrase,
    Seen,
    SubjectClass,
    Understanding,
)
from mailbot.request.topics import Reading
from mailbot.ruleset.model import Ruleset
from mailbot.secret import Secret
from mailbot.text.address import login_key
from mailbot.tickets import correspondence, hold, number, rate_limits
from mailbot.tickets.duplicates import History
from mailbot.tickets.used_applications import Used


@dataclass(frozen=True, slots=True)
class Found:
    """All that is known about one message."""

    account: Account | None
    """That of ``facts.login_to_ask``."""
    seen: Seen
    known: Known
    source: rate_limits.Source
    """Whom the message counts for."""
    held: int | None = None
    """The ticket in which the sender's mail over the limit waits already."""


@dataclass(frozen=True, slots=True)
class Weighed:
    """One message with everything that was found, and what is to become of it."""

    u: Understanding
    found: Found
    reading: Reading
    facts: Facts
    decision: Decision


class Lookup:
    """One batch against the database; grows with the batch as it is decided. Lives as long as the transaction."""

    def __init__(
        self,
        connection: Connection,
        batch: Sequence[Understanding],
        directory: Directory,
        ruleset: Ruleset,
        secret: Secret,
        now: datetime,
        oldest: timedelta,
    ) -> None:
        self._connection = connection
        self._directory = directory
        self._ruleset = ruleset
        self._fresh_from = now - oldest
        self._maintenance = bool(ruleset.breaks_at(now))
        self._history = History(connection, [u.identity for u in batch])
        self._secret = secret
        self._threads = correspondence.Threads(connection, batch, secret, ruleset.calendar)
        self.used = Used(connection, [u.checked for u in batch])
        self._accounts = directory.find_many(connection, [key for u in batch for key in _logins(u)])
        latest = max((u.received_at for u in batch), default=now)
        self._arrivals = rate_limits.Arrivals(connection, map(self._source, batch), latest, ruleset.limits)

    def find(self, u: Understanding) -> Found:
        """What is known about ``u``, with the earlier messages of the batch that were added."""
        seen = self._history.look(u.identity)
        if u.released.endswith(number.spell(seen.ticket_id or 0)):  # where it waited, until a person let it out
            seen = Seen(Duplicate.NO, reused_id=seen.reused_id)
        # The same message again is the transport's doing: it counts for nobody.
        source = rate_limits.Source() if seen.duplicate is Duplicate.SAME_MESSAGE else self._source(u)
        answer = self._arrivals.answer(source, agrees=u.agrees)
        if seen.waits and answer == "open":  # nobody is about to answer there: it would be closed with the repeat in it
            seen = Seen(Duplicate.NO, reused_id=seen.reused_id)
        known = replace(self._known(u, self._arrivals.over(source)), answer=answer)
        held = self._arrivals.held_ticket(source) if known.limit != "no" else None
        return Found(self._account(u), seen, known, source, held)

    def add(
        self, u: Understanding, found: Found, decided: Decision, ticket_id: int | None, promised_at: datetime
    ) -> None:
        """Remember what became of a message, for those behind it."""
        self._history.add(u.identity, ticket_id, promised_at, decided)
        self._arrivals.add(found.source, decided, ticket_id)

    def _account(self, u: Understanding) -> Account | None:
        """That of ``login_to_ask``. While a link of it is stopped it counts as blocked: a person decides."""
        key = login_to_ask(u)
        account = self._accounts.get(key or "")
        if account is None or key is None or u.subject.kind is not SubjectClass.EXACT:
            return account
        moves = u.request.phrase is Phrase.B
        stopped = hold.undecided(self._connection, key, moves=moves)
        return replace(account, status=AccountStatus.BLOCKED) if stopped else account

    def _source(self, u: Understanding) -> rate_limits.Source:
        return rate_limits.source_of(u, login_to_ask(u), self._ruleset.limits)

    def _known(self, u: Understanding, limit: str) -> Known:
        key = login_key(u.sender.address or "")
        stops, thread = self._stops(u, key), self._threads.look(u)
        arrival = "again" if u.again else "old" if u.received_at < self._fresh_from else "fresh"
        limit = "no" if u.released else limit  # it was counted when it came
        known = Known(stops=stops, limit=limit, thread=thread, maintenance=self._maintenance, arrival=arrival)
        asked = login_to_ask(u)
        if u.subject.kind is not SubjectClass.EXACT or u.request.phrase is not Phrase.B or asked is None:
            return known
        account = self._accounts.get(asked)
        return replace(
            known,
            taken=key in self._accounts,
            namesake=account is not None and self._directory.has_namesake(self._connection, account),
            replayed=self.used.seen(u.checked),
        )

    def _stops(self, u: Understanding, key: str | None) -> str | None:
        """The ticket that the mail stops. Where the domain of the old login cannot vouch for it, its answer to our
        warning counts nevertheless: nobody else but the new address has the token in it, and that may stop as well."""
        proof = u.sender.authentication.result
        if key is None or proof is AuthResult.FAIL or not u.stops:
            return None
        seen = u.stops if proof is AuthResult.PASS else correspondence.answered(self._secret, u)
        numbers = [number for number in u.stops if number in seen]
        return hold.of_login(self._connection, numbers, key) if numbers else None


def _logins(u: Understanding) -> list[str]:
    """The keys of every login that the decision asks for."""
    asked = login_to_ask(u)
    if asked is None:
        return []
    sender = login_key(u.sender.address or "")
    return [key for key in dict.fromkeys((asked, sender)) if key]
