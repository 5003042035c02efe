"""What registry, history and calendar say about the messages of one batch: the facts that no mail can tell alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from mailbot.accounts.directory import Directory
from mailbot.flow.facts import HistoryFacts, login_to_ask
from mailbot.model import (
    Account,
    AccountStatus,
    AuthResult,
    Decision,
    Duplicate,
    DuplicateCheck,
    Facts,
    Phrase,
    SubjectClass,
    Understanding,
)
from mailbot.request.topics import TopicFacts
from mailbot.ruleset.model import Ruleset
from mailbot.secret import Secret
from mailbot.storage import personal
from mailbot.storage.schema import activation
from mailbot.tickets import correspondence, hold, marks, number, rate_limits
from mailbot.tickets.duplicates import EarlierMessages
from mailbot.tickets.used_applications import UsedApplications


@dataclass(frozen=True, slots=True)
class LookupResult:
    """All that is known about one message."""

    account: Account | None
    """That of ``facts.login_to_ask``."""
    seen: DuplicateCheck
    history: HistoryFacts
    counted_for: rate_limits.CountedFor
    """Whom the message counts for."""
    room: int = rate_limits.MOST
    """How many mails may leave by themselves in answer to it."""
    held: int | None = None
    """The ticket in which the sender's mail over the limit waits already."""
    doubtful: bool = False
    """The registry gave no clear answer about one of ``logins``."""


@dataclass(frozen=True, slots=True)
class Assessment:
    """One message with everything that was found, and what is to become of it."""

    u: Understanding
    found: LookupResult
    reading: TopicFacts
    facts: Facts
    decision: Decision


def logins(u: Understanding) -> tuple[str, ...]:
    """The keys of the logins whose accounts the decision about ``u`` needs."""
    asked = login_to_ask(u)
    return () if asked is None else tuple(key for key in (asked, u.sender.key) if key)


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
        self._now = now
        self._fresh_from = now - oldest
        self._maintenance = bool(ruleset.breaks_at(now))
        self._duplicates = EarlierMessages(connection, [u.identity for u in batch], secret, now)
        self._secret = secret
        self._threads = correspondence.Threads(connection, batch, secret, ruleset.calendar)
        self.used = UsedApplications(connection, [u.checked for u in batch], secret)
        asked = [login_to_ask(u) for u in batch]
        self._asked = sorted({key for key in asked if key})
        self._undecided: dict[bool, frozenset[str]] = {}
        self._accounts = directory.find_many(connection, list(dict.fromkeys(key for u in batch for key in logins(u))))
        latest = max((u.received_at for u in batch), default=now)
        self._arrivals = rate_limits.Arrivals(connection, map(self._counted_for, batch, asked), latest, ruleset.limits)

    def find(self, u: Understanding) -> LookupResult:
        """What is known about ``u``, with the earlier messages of the batch that were added."""
        asked, seen = login_to_ask(u), self._duplicates.look(u.identity)
        if u.released.endswith(number.spell(seen.ticket_id or 0)):  # where it waited, until a person let it out
            seen = DuplicateCheck(Duplicate.NO, reused_id=seen.reused_id)
        # The same message again is the transport's doing: it counts for nobody.
        counted = rate_limits.CountedFor() if seen.duplicate is Duplicate.SAME_MESSAGE else self._counted_for(u, asked)
        answer = self._arrivals.answer(counted, agrees=u.agrees)
        if seen.waits and answer == "open":  # nobody is about to answer there: it would be closed with the repeat in it
            seen = DuplicateCheck(Duplicate.NO, reused_id=seen.reused_id)
        history = replace(self._history_facts(u, asked, self._arrivals.over(counted)), answer=answer)
        room = self._arrivals.room(counted)
        limited = history.limit != "no" or room < rate_limits.MOST
        held = self._arrivals.held_ticket(counted) if limited else None
        doubtful = any(key in self._accounts and self._accounts[key].doubtful for key in logins(u))
        return LookupResult(self._account(u, asked), seen, history, counted, room, held, doubtful)

    def add(
        self, u: Understanding, found: LookupResult, decided: Decision, ticket_id: int | None, promised_at: datetime
    ) -> None:
        """Remember what became of a message, for those behind it."""
        self._duplicates.add(u.identity, ticket_id, promised_at, decided, proven=u.sender.proven)
        self._arrivals.add(found.counted_for, decided, ticket_id)

    def _account(self, u: Understanding, asked: str | None) -> Account | None:
        """That of ``asked`` (facts.login_to_ask). Blocked while a link of it is stopped: a person decides."""
        account = self._accounts.get(asked or "")
        if account is None or asked is None or u.subject.kind is not SubjectClass.EXACT:
            return account
        moves = u.request.phrase is Phrase.B
        if moves not in self._undecided:
            self._undecided[moves] = hold.undecided(self._connection, self._secret, self._asked, moves=moves)
        return replace(account, status=AccountStatus.BLOCKED) if asked in self._undecided[moves] else account

    def stopped(self) -> None:
        """A message of the batch has stopped a ticket."""
        self._undecided.clear()

    def _counted_for(self, u: Understanding, asked: str | None) -> rate_limits.CountedFor:
        return rate_limits.counted_for(u, asked, self._ruleset.limits, self._secret)

    def _history_facts(self, u: Understanding, asked: str | None, limit: str) -> HistoryFacts:
        stops, thread = self._stops(u), self._threads.look(u)
        arrival = "again" if u.again else "old" if u.received_at < self._fresh_from else "fresh"
        limit = "no" if u.released else limit  # it was counted when it came
        history = HistoryFacts(stops=stops, limit=limit, thread=thread, maintenance=self._maintenance, arrival=arrival)
        if u.subject.kind is not SubjectClass.EXACT or u.request.phrase is not Phrase.B or asked is None:
            return history
        account = self._accounts.get(asked)
        return replace(
            history,
            taken=u.sender.key in self._accounts,
            namesake=account is not None and self._directory.has_namesake(self._connection, account),
            replayed=self.used.seen(u.checked),
        )

    def _stops(self, u: Understanding) -> str | None:
        """The ticket that the mail stops: by the word of the old login, or by an answer to our warning, whoever writes
        it. Its Message-ID tells that he has read it, where the old login passes its mail on, say; besides him only the
        new address has the token in it, whose answers count for nothing. Where the domain of the old login cannot vouch
        for it, an answer to any mail of ours has to do."""
        key, result = u.sender.key, u.sender.authentication.result
        found = None
        if u.stops:
            seen = u.stops if u.sender.proven else correspondence.answered(self._secret, u)
            numbers = (
                [] if key is None or result is AuthResult.FAIL else [number for number in u.stops if number in seen]
            )
            warned = marks.warned(self._secret, u.message)
            if numbers or warned:
                found = hold.of_login(self._connection, self._secret, numbers, key, warned)
        return found or self._told_to_stop(u)

    def _told_to_stop(self, u: Understanding) -> str | None:
        """The change of the proven sender's login that waits, where a letter of his own says STOP or its number."""
        if u.sender.key is None or not u.sender.proven or not marks.may_stop(u.message, u.subject):
            return None
        mine = personal.holds(activation.c.login, self._secret, u.sender.key)
        waiting = hold.waiting(self._connection, self._now, mine)
        return next((one for one in waiting if marks.told_to_stop(u.message, u.subject, one)), None)
