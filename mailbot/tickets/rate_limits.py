"""How much came from one sender, one domain, about one login? Row 4 of the decision table and rules/limits.yaml.

Counted by the moment of arrival, so that a backlog after an outage is not taken for a flood. How far the sender is
proven is part of what is counted: forged mails must not use up what the citizen himself may send.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Select,
    and_,
    bindparam,
    case,
    func,
    literal,
    or_,
    select,
    true,
)

from mailbot.model import AuthResult, Decision, Outcome, State, Understanding
from mailbot.ruleset.model import Limit, Limits
from mailbot.secret import Hiding, Secret
from mailbot.sender.alignment import organisational_domain
from mailbot.storage import personal, weeks
from mailbot.storage.among import among
from mailbot.storage.schema import decision, inbox, ticket
from mailbot.storage.values import UtcDateTime
from mailbot.text.address import domain

_UNCOUNTED = frozenset({Outcome.NO_REPLY, Outcome.QUARANTINE, Outcome.SPAM})
_ONCE_A_DAY = Limit(1, 24)
MOST = 4
"""Mails that one decision sends at most (ruleset.floor.CASE_B)."""
_STEPS = (timedelta(hours=1), timedelta(hours=24), timedelta(hours=168))
"""Of a ladder (ruleset.model.Ladder)."""
_LIMITED = Outcome.RATE_LIMITED
"""Its mail (T18) goes out once a day, whatever comes: were it an answer, who writes daily would never be free again."""


@dataclass(frozen=True, slots=True)
class CountedFor:
    """Whom a message counts for, as the rows say it; each is None when it counts for none."""

    sender: str | None = None
    domain: str | None = None
    """The registered one, above all subdomains."""
    asked: str | None = None
    """The login the matter is about, when that is not the sender's."""
    before: CountedFor | None = None
    """As rows from before may still say it (secret.Hiding.BEGUN)."""


def counted_for(u: Understanding, asked: str | None, limits: Limits, secret: Secret) -> CountedFor:
    """``asked``: facts.login_to_ask. A machine's mail and one without a single sender count for nobody."""
    named = _named(u, asked, limits)
    if named.sender is None or not secret.hiding:
        return named
    before = named if secret.hiding is Hiding.BEGUN else None
    return CountedFor(**hidden(secret, named.sender, named.domain, named.asked), before=before)


def hidden(secret: Secret, sender: str | None, domain: str | None, asked: str | None) -> dict[str, str | None]:
    """The same without addresses; what has none any more stays as it is."""

    def hashed(text: str) -> str:
        return text if personal.is_hashed(text) else personal.hashed(secret, text)

    proof, _, key = (sender or "").partition(":")
    doubt, host = "?" if (domain or "").startswith("?") else "", _host(domain or "")
    return {
        "sender": f"{proof}:{hashed(key)}" if sender else sender,
        "domain": f"{doubt}{hashed(host)}" if domain else domain,
        "asked": hashed(asked) if asked else asked,
    }


def _named(u: Understanding, asked: str | None, limits: Limits) -> CountedFor:
    key, proof = u.sender.key, u.sender.authentication.result
    if key is None or u.message.automatic is not None or proof is AuthResult.FAIL:
        return CountedFor()
    host = domain(key)
    above = organisational_domain(host)  # whoever has that makes as many subdomains as he likes
    return CountedFor(
        sender=f"{proof.value}:{key}",
        domain=None if host in limits.exempt_domains else above if u.sender.proven else f"?{above}",
        asked=None if asked == key else asked,
    )


def _renamed(source: CountedFor) -> Iterator[tuple[str, str]]:
    """What rows from before say of ``source`` → what those of now do."""
    before = source.before
    if before is None or before.sender is None or source.sender is None:
        return
    for proof in AuthResult:
        yield f"{proof.value}:{_address(before.sender)}", f"{proof.value}:{_address(source.sender)}"
    if before.domain and source.domain:
        yield from ((f"{doubt}{_host(before.domain)}", f"{doubt}{_host(source.domain)}") for doubt in ("", "?"))
    if before.asked and source.asked:
        yield before.asked, source.asked


_UNVOUCHED = tuple(f"{result.value}:" for result in (AuthResult.NONE, AuthResult.TEMPERROR))


def _question(column: Column[Any], *kinds: ColumnElement[bool]) -> Select[Any]:
    """How many decisions of each of ``kinds`` the ``keys`` in ``column`` have had since ``since0``, ``since1``…, and
    behind them how many mails left by themselves within each step of a ladder; nothing before ``oldest``."""
    c, moments = decision.c, [bindparam(f"since{n}", type_=UtcDateTime()) for n in range(len(kinds) + len(_STEPS))]
    counts = [func.sum(case((and_(c.received_at > moments[n], kind), 1), else_=0)) for n, kind in enumerate(kinds)]
    mails = [func.sum(case((c.received_at > moment, c.answered), else_=0)) for moment in moments[len(kinds) :]]
    lately = c.received_at > bindparam("oldest", type_=UtcDateTime())
    mine = (among(c.week, "weeks"), among(column, "keys"))
    return select(column, *counts, *mails).where(*mine, lately).group_by(column)


_answers, _fails, _within = (
    decision.c.answered > 0,
    decision.c.outcome == Outcome.REJ_GENERIC.value,
    decision.c.outcome != _LIMITED.value,
)
_OF_SENDERS = _question(decision.c.sender, true(), and_(_answers, _within), _fails, _answers)
_OF_ASKED = _question(decision.c.asked, _fails)
_OF_DOMAINS = _question(decision.c.domain, _within)
"""What one of a domain sends over his own limit takes nothing from the others."""


class Arrivals:
    """What came before the messages of a batch; grows with the batch as it is decided."""

    def __init__(self, connection: Connection, sources: Iterable[CountedFor], at: datetime, limits: Limits) -> None:
        """``at``: the moment before which arrivals are counted (the latest arrival of the batch)."""
        self._connection = connection
        self._limits = limits
        self._at = at
        self._held: dict[str, int] = {}
        self._weeks: dict[datetime, list[int]] = {}
        wanted = list(sources)
        self._now = dict(pair for source in wanted for pair in _renamed(source))
        senders = {_address(s.sender) for s in wanted if s.sender}
        spans = (limits.per_sender, limits.answers, limits.failures, _ONCE_A_DAY)
        (self._mails, self._answered, self._failed, self._today), self._to_address = self._counted(
            _OF_SENDERS, {f"{one.value}:{key}" for key in senders for one in AuthResult}, _address, *spans
        )
        unvouched = any(s.sender and s.sender.startswith(_UNVOUCHED) for s in wanted)
        self._spent = self._unvouched(limits.unvouched) if unvouched else 0
        (self._asked,), _ = self._counted(_OF_ASKED, {s.asked for s in wanted if s.asked}, str, limits.failures)
        hosts = {_host(s.domain) for s in wanted if s.domain}
        (self._domains,), self._to_domain = self._counted(
            _OF_DOMAINS, {*hosts, *(f"?{host}" for host in hosts)}, _host, limits.per_domain
        )

    def _counted(
        self, question: Select[Any], keys: Collection[str], whose: Callable[[str], str], *spans: Limit
    ) -> tuple[list[Counter[str]], dict[str, list[int]]]:
        """What ``question`` (see ``_question``) tells of ``keys``: each of its kinds within the time of its ``spans``,
        by key; and how many mails left to each by themselves within each step of a ladder, by ``whose`` they are."""
        found = [Counter[str]() for _ in spans]
        left: dict[str, list[int]] = defaultdict(lambda: [0] * len(_STEPS))
        if not keys:
            return found, left
        moments = [self._at - timedelta(hours=span.hours) for span in spans]
        moments += [self._at - step for step in _STEPS]
        told = {"keys": self._said(keys), "oldest": min(moments), **{f"since{n}": at for n, at in enumerate(moments)}}
        told["weeks"] = self._weeks_since(min(moments))
        for said, *numbers in self._connection.execute(question, told):
            key = self._now.get(said, said)
            for counter, number in zip(found, numbers, strict=False):
                counter[key] += number
            left[whose(key)] = [a + b for a, b in zip(left[whose(key)], numbers[len(spans) :], strict=True)]
        return found, left

    def _weeks_since(self, oldest: datetime) -> list[int]:
        """Asked once for all that go back equally far."""
        if oldest not in self._weeks:
            self._weeks[oldest] = weeks.since(self._connection, decision.c.week, oldest)
        return self._weeks[oldest]

    def _said(self, keys: Collection[str]) -> list[str]:
        """``keys`` as the rows may say them."""
        return sorted({*keys, *(before for before, now in self._now.items() if now in keys)})

    def room(self, source: CountedFor) -> int:
        """How many mails may leave by themselves in answer to the next message of ``source``."""
        if source.sender is None:
            return MOST
        rooms = [MOST, self._limits.ladders.address.room(*self._to_address[_address(source.sender)])]
        if source.domain:
            rooms.append(self._limits.ladders.domain.room(*self._to_domain[_host(source.domain)]))
        return min(rooms)

    def over(self, source: CountedFor) -> str:
        """Word of the fact ``limit`` for the next message of ``source``."""
        if source.sender is None:
            return "no"
        tests = (
            ("answers", self._answered[source.sender], self._limits.answers),
            ("failures", self._failed[source.sender], self._limits.failures),
            ("sender", self._mails[source.sender], self._limits.per_sender),
            ("login", self._asked[source.asked] if source.asked else 0, self._limits.failures),
            ("domain", self._domains[source.domain] if source.domain else 0, self._limits.per_domain),
        )
        return next((word for word, count, limit in tests if count >= limit.mails), "no")

    def _unvouched(self, limit: Limit) -> int:
        """How many mails were answered within the time of ``limit`` although nothing vouches for their senders."""
        c = decision.c
        since = self._at - timedelta(hours=limit.hours)
        named = or_(*(c.sender.startswith(word) for word in _UNVOUCHED))
        lately = (c.decided_at > since, c.received_at > since)  # what came since was decided since: that has an index
        wanted = select(func.count()).where(*lately, named, c.answered > 0)
        return self._connection.execute(wanted).scalar_one()

    def answer(self, source: CountedFor, *, agrees: bool) -> str:
        """Word of the fact ``answer``. ``agrees``: the envelope sender is the address of From."""
        if source.sender is None or not source.sender.startswith(_UNVOUCHED):
            return "open"
        free = not self._today[source.sender] and self._spent < self._limits.unvouched.mails
        return "open" if agrees and free else "shut"

    def held_ticket(self, source: CountedFor) -> int | None:
        """The ticket in which what ``source`` sent over its limit waits for a person already."""
        if source.sender is None or source.sender in self._held:
            return self._held.get(source.sender or "")
        c = decision.c
        newest = self._connection.execute(  # those before it joined its ticket, or one that is done with
            select(ticket.c.id, ticket.c.state)
            .select_from(decision)
            .join(inbox, inbox.c.id == c.inbox_id)
            .join(ticket, ticket.c.id == inbox.c.ticket_id)
            .where(
                c.sender.in_(self._said({source.sender})),
                c.outcome == literal(_LIMITED.value, literal_execute=True),  # the index is of these rows alone
            )
            .order_by(c.inbox_id.desc())
            .limit(1)
        ).one_or_none()
        return newest.id if newest and newest.state == State.WSTRZYMANE.value else None

    def add(self, source: CountedFor, decided: Decision, ticket_id: int | None) -> None:
        """Remember a message of this batch."""
        if source.sender is None or decided.outcome in _UNCOUNTED:
            return
        failed = decided.outcome is Outcome.REJ_GENERIC
        self._mails[source.sender] += 1
        self._answered[source.sender] += bool(decided.mails) and decided.outcome is not _LIMITED
        self._failed[source.sender] += failed
        if decided.mails and source.sender.startswith(_UNVOUCHED):
            self._today[source.sender] += 1
            self._spent += 1
        left = len(decided.mails)
        self._to_address[_address(source.sender)] = [n + left for n in self._to_address[_address(source.sender)]]
        if source.domain:
            self._to_domain[_host(source.domain)] = [n + left for n in self._to_domain[_host(source.domain)]]
        if source.domain and decided.outcome is not _LIMITED:
            self._domains[source.domain] += 1
        if source.asked and failed:
            self._asked[source.asked] += 1
        if decided.outcome is _LIMITED and ticket_id is not None:
            self._held[source.sender] = ticket_id


def _address(sender: str) -> str:
    """CountedFor.sender without how far it is proven."""
    return sender.partition(":")[2]


def _host(counted: str) -> str:
    """CountedFor.domain without whether it is proven."""
    return counted.lstrip("?")


def columns(source: CountedFor, decided: Decision, received_at: datetime) -> dict[str, str | int | datetime | None]:
    """What the row of the decision says for later counts."""
    counted = source if decided.outcome not in _UNCOUNTED else CountedFor()
    return {
        "received_at": received_at,
        "week": weeks.week(received_at),
        "sender": counted.sender,
        "domain": counted.domain,
        "asked": counted.asked,
        "answered": len(decided.mails),
    }
