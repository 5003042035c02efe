"""/metrics: the state of the work for Prometheus and its relatives (OpenMetrics 1.0), read anew at each scrape.

Numbers and codes only. It is told to programs that ask directly from a network of ``web.metrics``, and to nobody else.
"""

from __future__ import annotations

import asyncio
import ipaddress
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from aiohttp import hdrs, web
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from sqlalchemy import ColumnElement, Connection, Table, and_, case, func, or_, select

from mailbot import counts
from mailbot.config import WebSettings
from mailbot.csd import queue
from mailbot.desk import health
from mailbot.model import State
from mailbot.observe import Clock
from mailbot.outbox import jobs
from mailbot.storage.database import Database
from mailbot.storage.schema import decision, inbox, outbox, ruleset_load, shadow_hit, ticket
from mailbot.tickets import breaker
from mailbot.tickets.breaker import Reach

_NONE: Mapping[str, datetime] = {}
_PATIENCE = 5.0  # seconds; Prometheus gives up after 10
_REMEMBERED = 100
_ahead: dict[datetime, float] = {}
"""Moments that were ahead of the clock, and when that was first seen (time.monotonic)."""
_DAY = timedelta(days=1)
_OPEN = tuple(state.value for state in State if not state.closed)
_ALARMS = ("warning", "breach")
_FORWARDED = ("X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP", hdrs.FORWARDED, hdrs.VIA)
"""A request with one of these came through a proxy: its neighbour is not who asks."""


class _Families(Collector):
    """What one scrape found; the encoders want a collector."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = tuple(families)

    def collect(self) -> Iterable[Metric]:
        return self._families


Audience = Callable[[web.Request], bool]


def audience(settings: WebSettings) -> Audience:
    """Tells whether a request comes straight from a network of ``settings.metrics``."""
    networks = [ipaddress.ip_network(network) for network in settings.metrics]

    def may_ask(request: web.Request) -> bool:
        if any(name in request.headers for name in _FORWARDED):
            return False
        try:
            peer = ipaddress.ip_address((request.remote or "").partition("%")[0])
        except ValueError:
            return False
        peer = getattr(peer, "ipv4_mapped", None) or peer
        return any(peer in network for network in networks)

    return may_ask


Measure = Callable[[Connection, datetime], Iterable[Metric]]
"""What else is told at a moment; called in a thread."""


def routes(
    database: Database, settings: WebSettings, clock: Clock, mailbox: str | None = None, more: Sequence[Measure] = ()
) -> list[web.RouteDef]:
    """GET /metrics: 404 for those who may not ask, 503 when the database is slow.

    ``mailbox``: the one of the settings, told also while it has never been looked at.
    """
    may_ask = audience(settings)
    known = {mailbox: clock()} if mailbox else {}

    async def metrics(request: web.Request) -> web.Response:
        if not may_ask(request):
            raise web.HTTPNotFound
        try:
            async with asyncio.timeout(_PATIENCE):
                rows = await database.read(lambda connection: _look(connection, clock(), known, more))
        except TimeoutError:
            raise web.HTTPServiceUnavailable from None
        found = _Families((*rows, *counts.REGISTRY.collect()))
        encode, content_type = choose_encoder(request.headers.get(hdrs.ACCEPT, ""))
        return web.Response(body=encode(found), headers={hdrs.CONTENT_TYPE: content_type})

    return [web.get("/metrics", metrics)]


def _look(
    connection: Connection, now: datetime, mailboxes: Mapping[str, datetime], more: Sequence[Measure]
) -> list[Metric]:
    return [*measure(connection, now, mailboxes), *(one for tell in more for one in tell(connection, now))]


def measure(connection: Connection, now: datetime, mailboxes: Mapping[str, datetime] = _NONE) -> Iterator[Metric]:
    """Every metric, from the rows of ``connection``; ages are seconds before ``now``.

    ``mailboxes``: those that are to be looked at, and since when.

    Finished rows are not counted: they grow without end. Each query finds its rows by an index.
    """
    yield from _tickets(connection)
    yield from _unanswered(connection, now)
    oldest = _gauge("messages_oldest_seconds", "How long ago the oldest of them arrived", ("state",))
    yield from _rows(connection, inbox, "messages", inbox.c.received_at, oldest, now)
    overdue = _gauge("mails_overdue_seconds", "How long the longest due of them is due", ("state",))
    yield from _rows(connection, outbox, "mails", health.first_due(), overdue, now)
    yield from _breaker(connection)
    yield from _decisions(connection, now)
    yield from _rules(connection, now)
    yield from _mailboxes(connection, now, mailboxes)
    yield from _csd(connection, now)


def _gauge(name: str, text: str, labels: Iterable[str] = ()) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"mailbot_{name}", text, labels=tuple(labels))


def _age(moment: datetime | None, now: datetime) -> float:
    return max(0.0, (now - moment).total_seconds()) if moment else 0.0


def _waited(moment: datetime | None, now: datetime) -> float:
    """As ``_age``, of what has happened: when that is yet to come the clock was set back. Then it counts from the first
    look, by a clock that nobody sets."""
    if moment is None:
        return 0.0
    if moment > now and moment not in _ahead:
        while len(_ahead) >= _REMEMBERED:
            del _ahead[next(iter(_ahead))]
        _ahead[moment] = time.monotonic()
    counted = 1.0 + time.monotonic() - _ahead[moment] if moment in _ahead else 0.0
    return max(_age(moment, now), counted)


def _tickets(connection: Connection) -> Iterator[Metric]:
    t = ticket.c
    grouped = connection.execute(
        select(t.state, t.kind, t.alarm, func.count()).where(t.state.in_(_OPEN)).group_by(t.state, t.kind, t.alarm)
    )
    by_kind: dict[tuple[str, str], int] = {}
    alarms = dict.fromkeys(_ALARMS, 0)
    held = 0
    for state, kind, alarm, count in grouped:
        by_kind[state, kind] = by_kind.get((state, kind), 0) + count
        if alarm:
            alarms[alarm] = alarms.get(alarm, 0) + count
        if state == State.WSTRZYMANE.value:
            held += count
    tickets = _gauge("tickets_open", "Tickets that are not closed", ("state", "kind"))
    for labels, count in sorted(by_kind.items()):
        tickets.add_metric(labels, count)
    yield tickets
    late = _gauge("tickets_late", "Open tickets near (warning) or past (breach) a promised time", ("alarm",))
    for alarm, count in alarms.items():
        late.add_metric((alarm,), count)
    yield late
    stopped = _gauge("tickets_held", "Tickets that wait for a person because they were stopped (WSTRZYMANE)")
    stopped.add_metric((), held)
    yield stopped


def _unanswered(connection: Connection, now: datetime) -> Iterator[Metric]:
    """A mail that was given up counts until its ticket is closed; one that was stopped is no delay."""
    t, o = ticket.c, outbox.c
    on_its_way = o.state.in_((jobs.WAITING, jobs.QUEUED, jobs.LEASED))
    given_up = and_(o.state == jobs.BURIED, t.state.in_(_OPEN), t.state != State.WSTRZYMANE.value)
    refused = func.sum(case((o.state == jobs.QUEUED, o.refused_us), else_=0))
    oldest, refusals = connection.execute(
        select(func.min(t.opened_at), refused)
        .join(outbox, o.ticket_id == t.id)
        .where(o.state.in_(health.UNDONE), or_(on_its_way, given_up))
    ).one()
    family = _gauge(
        "ticket_oldest_unsent_seconds", "Age of the oldest ticket whose mails are not all accepted; 0: none"
    )
    family.add_metric((), _waited(oldest, now))
    yield family
    family = _gauge("mails_refused_us", "Mails that wait because the outgoing server refuses mailbot, not them")
    family.add_metric((), refusals or 0)
    yield family


def _rows(
    connection: Connection,
    table: Table,
    what: str,
    since: ColumnElement[datetime],
    ages: GaugeMetricFamily,
    now: datetime,
) -> Iterator[Metric]:
    counts = _gauge(f"{what}_undone", f"Rows of the table {table.name} that are not done", ("state",))
    for name, (count, first) in health.undone(connection, table, since).items():
        counts.add_metric((name,), count)
        ages.add_metric((name,), (_waited if table is inbox else _age)(first, now))
    yield counts
    yield ages


def _breaker(connection: Connection) -> Iterator[Metric]:
    family = _gauge("breaker_open", "1 while mails to such recipients wait for a person", ("reach",))
    held = breaker.stopped(connection)
    for reach in Reach:
        family.add_metric((reach.value,), reach in held)
    yield family


def _decisions(connection: Connection, now: datetime) -> Iterator[Metric]:
    for table, name, text in (
        (decision, "decisions_last_day", "Messages decided in the last 24 hours"),
        (shadow_hit, "shadow_hits_last_day", "What rules that are only watched would have done in the last 24 hours"),
    ):
        c = table.c
        counted = connection.execute(
            select(c.outcome, c.rule, func.count()).where(c.decided_at > now - _DAY).group_by(c.outcome, c.rule)
        )
        family = _gauge(name, text, ("outcome", "rule"))
        for outcome, rule, count in sorted(tuple(row) for row in counted):
            family.add_metric((outcome, rule), count)
        yield family


def _rules(connection: Connection, now: datetime) -> Iterator[Metric]:
    c = ruleset_load.c
    found = health.loads(connection)
    info = InfoMetricFamily("mailbot_ruleset", "The rule set that was taken last")
    loaded = _gauge("ruleset_loaded_timestamp_seconds", "When it was taken")
    if found.hash is not None and found.at is not None:
        info.add_metric((), {"hash": found.hash})
        loaded.add_metric((), found.at.timestamp())
    yield info
    yield loaded
    family = _gauge("ruleset_refused", "1 while the rule set in the folder is refused; the last good one goes on")
    family.add_metric((), found.mistakes is not None)
    yield family
    refused = connection.execute(
        select(func.count()).select_from(ruleset_load).where(c.at > now - _DAY, c.mistakes.is_not(None))
    ).scalar_one()
    family = _gauge("ruleset_refused_last_day", "Rule sets refused in the last 24 hours")
    family.add_metric((), refused)
    yield family


def _mailboxes(connection: Connection, now: datetime, mailboxes: Mapping[str, datetime]) -> Iterator[Metric]:
    polls = _gauge("imap_poll_age_seconds", "Since a mailbox was last looked at", ("mailbox",))
    ages = _gauge("imap_reconciled_age_seconds", "Since mailbot reconcile compared a mailbox", ("mailbox",))
    missing = _gauge("imap_reconciled_missing", "Messages that it found in no row and could not take in", ("mailbox",))
    found = health.mailboxes(connection)
    lost = {one.name: one.missing for one in found}
    for mailbox, polled_at in sorted({**mailboxes, **{one.name: one.polled_at for one in found}}.items()):
        polls.add_metric((mailbox,), _age(polled_at, now))
        missing.add_metric((mailbox,), lost.get(mailbox, 0))
    for one in found:
        if one.reconciled_at is not None:
            ages.add_metric((one.name,), _age(one.reconciled_at, now))
    yield from (polls, ages, missing)


def _csd(connection: Connection, now: datetime) -> Iterator[Metric]:
    found = queue.standing(connection)
    for name, text, value in (
        ("csd_events_undone", "Events that CSD has not accepted", found.waiting),
        ("csd_events_buried", "Of them: refused, a person must see to them", found.buried),
        ("csd_events_oldest_seconds", "How long ago the oldest of them happened; 0: none", _waited(found.oldest, now)),
        ("csd_refuses", "1 while CSD takes nothing, or said that it wants no more", found.is_refused),
    ):
        family = _gauge(name, text)
        family.add_metric((), value)
        yield family
