"""What does not work, as the database tells it: one list for /statusz, /metrics, the doctor and the console.

Whoever adds something that can fail adds one line to ``AILMENTS``, and one to ``GAUGES`` when it has a number.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, or_, select

from mailbot.config import Settings
from mailbot.csd import queue as csd
from mailbot.desk import health
from mailbot.model import State
from mailbot.outbox import jobs
from mailbot.storage.oauth import oauth
from mailbot.storage.probes import probe
from mailbot.storage.registry import registry_change
from mailbot.storage.schema import inbox, outbox, ticket
from mailbot.tickets import breaker
from mailbot.tickets.hold import FROZEN

_OPEN = tuple(state.value for state in State if not state.closed)
_LATE = timedelta(minutes=15)
EXPIRING = timedelta(days=14)
_CURRENT = timedelta(minutes=10)
"""What a process said of its tokens longer ago says nothing of now: it looks each minute."""
REGISTRY_AWAY = "the registry of accounts does not answer"
"""Why a message was put off, in its row."""
_PROBES = timedelta(days=1)
"""An older probe says nothing of now."""


@dataclass(frozen=True, slots=True)
class Ailment:
    """Something that does not work. code: for programs; words: for an operator, numbers only."""

    code: str
    words: str
    mend: str


AilmentCheck = Callable[[Connection, datetime, Settings], str | None]
"""What is wrong, in words; None: nothing."""


def examine(connection: Connection, now: datetime, settings: Settings) -> list[Ailment]:
    """All that is wrong, in the order of the flow."""
    found = ((code, look(connection, now, settings), mend) for code, (look, mend) in AILMENTS.items())
    return [Ailment(code, words, mend) for code, words, mend in found if words is not None]


def stale_after(settings: Settings) -> timedelta:
    """How old the last look into the mailbox may be, one that found nothing among them."""
    return timedelta(seconds=3 * settings.imap.poll_seconds + settings.imap.timeout_seconds)


def _poll(connection: Connection, now: datetime, settings: Settings) -> str | None:
    if not settings.imap.host:
        return None
    looked = {one.name: one.polled_at for one in health.mailboxes(connection)}.get(settings.imap.mailbox)
    since = looked or health.loads(connection).at  # before the first start nobody looks
    if since is None or now - since <= stale_after(settings):
        return None
    return (
        f"the mailbox was last looked through {_ago(now - since)}" if looked else "the mailbox was never looked through"
    )


def _missing(connection: Connection, _now: datetime, _settings: Settings) -> str | None:
    count = sum(one.missing for one in health.mailboxes(connection))
    return f"{count} messages of the mailbox are in no row" if count else None


def _messages_late(connection: Connection, now: datetime, _settings: Settings) -> str | None:
    count, first = health.undone(connection, inbox, inbox.c.received_at)[jobs.QUEUED]
    due = connection.execute(select(func.min(inbox.c.due_at)).where(inbox.c.state == jobs.QUEUED)).scalar_one()
    if first is None or due is None or now - due <= _LATE:
        return None
    return f"{count} messages are not decided, one of them due since {_ago(now - due)}"


def _messages_buried(connection: Connection, _now: datetime, _settings: Settings) -> str | None:
    count, _ = health.undone(connection, inbox, inbox.c.received_at)[jobs.BURIED]
    return f"{count} messages could be neither decided nor given to a person" if count else None


def _mails_late(connection: Connection, now: datetime, _settings: Settings) -> str | None:
    count, first = health.undone(connection, outbox, health.first_due())[jobs.QUEUED]
    late = first is not None and now - first > _LATE
    return f"{count} mails wait, one of them due since {_ago(now - first)}" if late and first else None


def _refused_us(connection: Connection, _now: datetime, _settings: Settings) -> str | None:
    o = outbox.c
    count = connection.execute(
        select(func.coalesce(func.sum(o.refused_us), 0)).where(o.state == jobs.QUEUED)
    ).scalar_one()
    return f"the outgoing server refuses mailbot itself: {count} mails wait" if count else None


def _mails_buried(connection: Connection, _now: datetime, _settings: Settings) -> str | None:
    """Until their tickets are closed: a person has seen to it then."""
    o = outbox.c
    meant = or_(o.last_error.is_(None), o.last_error != FROZEN)
    wanted = select(func.count()).select_from(outbox.join(ticket, ticket.c.id == o.ticket_id))
    count = connection.execute(wanted.where(o.state == jobs.BURIED, meant, ticket.c.closed_at.is_(None))).scalar_one()
    return f"{count} mails of open tickets were given up or refused" if count else None


def _promises(connection: Connection, _now: datetime, _settings: Settings) -> str | None:
    t = ticket.c
    wanted = select(func.count()).select_from(ticket).where(t.state.in_(_OPEN), t.alarm == "breach")
    count = connection.execute(wanted).scalar_one()
    return f"{count} open tickets are past a promised time" if count else None


def _rules(connection: Connection, _now: datetime, _settings: Settings) -> str | None:
    mistakes = health.loads(connection).mistakes
    return None if mistakes is None else f"the rule set in the folder is refused: {len(mistakes.splitlines())} mistakes"


def _probe(connection: Connection, now: datetime, _settings: Settings) -> str | None:
    p = probe.c
    wanted = select(p.sent_at, p.answered_at).where(p.sent_at > now - _PROBES).order_by(p.sent_at.desc()).limit(1)
    newest = connection.execute(wanted).one_or_none()
    if newest is None or newest.answered_at is not None or now - newest.sent_at <= _LATE:
        return None
    return f"the probe sent {_ago(now - newest.sent_at)} was not answered"


def _tokens(connection: Connection, now: datetime, _settings: Settings) -> str | None:
    found = connection.execute(select(oauth).where(oauth.c.checked_at > now - _CURRENT)).all()
    if any(one.refused for one in found):
        return "the OAuth token server refuses mailbot: without a person no mail is read or sent"
    since = min((one.failing_since for one in found if one.failing_since is not None), default=None)
    if since is None or now - since <= _LATE:
        return None
    return f"the OAuth token server gave no token since {_ago(now - since)}"


def _secret_ends(connection: Connection, now: datetime, _settings: Settings) -> str | None:
    left = _token_days(connection, now)
    if left is None or left >= EXPIRING.days:
        return None
    return f"the OAuth secret or refresh token {f'ends in {left:.0f} days' if left > 0 else 'has ended'}"


def _token_days(connection: Connection, now: datetime) -> float | None:
    first = connection.execute(select(func.min(oauth.c.expires_at)).where(oauth.c.checked_at > now - _CURRENT))
    ends = first.scalar_one()
    return None if ends is None else (ends - now).total_seconds() / 86_400


def _breaker(connection: Connection, _now: datetime, _settings: Settings) -> str | None:
    held = breaker.stopped(connection)
    return f"too much left by itself: mails to {', '.join(sorted(held))} wait for a person" if held else None


def _csd(connection: Connection, _now: datetime, settings: Settings) -> str | None:
    if not settings.csd.url:
        return None
    found = csd.standing(connection)
    if found.stopped_at is not None or found.refused_at is not None:
        return f"CSD takes no events: {found.waiting} wait"
    return f"CSD refused {found.buried} events" if found.buried else None


def _registry(connection: Connection, now: datetime, settings: Settings) -> str | None:
    i, asked_at = inbox.c, registry_change.c.asked_at
    waits = (i.state == jobs.QUEUED, i.last_error == REGISTRY_AWAY, i.received_at < now - _LATE)
    count, first = connection.execute(select(func.count(), func.min(i.received_at)).where(*waits)).one()
    told = [f"{count} messages wait for the registry of accounts, the first since {_ago(now - first)}"] if count else []
    over = now - timedelta(hours=settings.activation.lifetime_hours) - _LATE  # till then its link is used or forgotten
    unknown = connection.execute(select(func.count()).where(asked_at < over)).scalar_one()
    told += [f"{unknown} changes that it was asked for are neither seen nor refused"] if unknown else []
    return "; ".join(told) or None


def _ago(span: timedelta) -> str:
    minutes = max(0, int(span.total_seconds())) // 60
    return f"{minutes} minutes ago" if minutes < 120 else f"{minutes // 60} hours ago"


AILMENTS: dict[str, tuple[AilmentCheck, str]] = {
    "oauth-no-token": (_tokens, "mailbot doctor (oauth) says which secret or consent to renew"),
    "oauth-ends": (_secret_ends, "make a new one at the provider, write it into the file of [oauth], and the new day"),
    "mailbox-stale": (_poll, "mailbot doctor (imap); the log says imap-interrupted and why"),
    "mailbox-missing": (_missing, "mailbot reconcile"),
    "messages-late": (_messages_late, "see that a process with the role worker runs; mailbot queue ls"),
    "registry-silent": (_registry, "mailbot doctor (registry of accounts); after half a promise each goes to a person"),
    "messages-buried": (_messages_buried, "mailbot queue ls, then mailbot queue retry"),
    "mails-late": (_mails_late, "mailbot outbox ls; mailbot doctor (delivery)"),
    "relay-refuses-us": (_refused_us, "mailbot doctor (delivery)"),
    "mails-buried": (_mails_buried, "mailbot outbox ls, then mailbot outbox retry or write to the citizen"),
    "breaker-open": (_breaker, "mailbot breaker show, then mailbot breaker lift --reason TEXT"),
    "csd-refuses": (_csd, "mailbot csd status"),
    "promises-broken": (_promises, "mailbot tickets list --alarm"),
    "rules-refused": (_rules, "mailbot rules check"),
    "probe-unanswered": (_probe, "mailbot probe; the log has its road"),
}
"""Code → how it is found, and the mend. Each question finds its rows by an index."""


@dataclass(frozen=True, slots=True)
class Number:
    """A gauge from the database."""

    name: str
    text: str
    look: Callable[[Connection, datetime], float | None]
    """None: there is nothing to tell."""


def _probe_age(connection: Connection, now: datetime) -> float | None:
    newest = connection.execute(select(func.max(probe.c.answered_at))).scalar_one()
    return None if newest is None else max(0.0, (now - newest).total_seconds())


def _probe_took(connection: Connection, _now: datetime) -> float | None:
    p = probe.c
    wanted = select(p.sent_at, p.answered_at).where(p.answered_at.is_not(None)).order_by(p.answered_at.desc()).limit(1)
    newest = connection.execute(wanted).one_or_none()
    return None if newest is None else max(0.0, (newest.answered_at - newest.sent_at).total_seconds())


GAUGES: list[Number] = [
    Number("probe_age_seconds", "Since a probe last came through everything", _probe_age),
    Number("oauth_token_days", "Until the OAuth client secret or refresh token ends", _token_days),
    Number("probe_duration_seconds", "How long the newest probe took that was answered", _probe_took),
]
