"""Whatever rules the checks take and whatever comes in whatever order: every mail is recorded, once, and none waits for
a mail that never comes."""

from __future__ import annotations

import random
import re
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, create_engine, func, insert, select, update
from sqlalchemy.pool import StaticPool

from mailbot.accounts.rows import column_values
from mailbot.accounts.sql import SqlDirectory
from mailbot.config import Settings
from mailbot.flow.pipeline import Pipeline
from mailbot.flow.understand import Understander
from mailbot.mails.context import Office
from mailbot.mails.write import Writer
from mailbot.model import (
    REQUIRED_SUBJECT,
    SENTENCES,
    Applicant,
    ApplicationCheck,
    ApplicationState,
    Desk,
    Envelope,
    MailKind,
    Match,
    Outcome,
    Phrase,
    RawMessage,
    Source,
    State,
    Understanding,
)
from mailbot.outbox import jobs
from mailbot.ruleset.floor import ANSWER_DEMANDS, MAIL_DEMANDS
from mailbot.ruleset.loader import load
from mailbot.ruleset.model import Limit, Rule, Ruleset
from mailbot.secret import Secret
from mailbot.sender.resolver import StaticResolver
from mailbot.storage.schema import account, activation, decision, inbox, metadata, outbox, ticket, ticket_event
from mailbot.tickets import bounce, correspondence
from tests.citizens import HELPDESK
from tests.flow import EWA, GOOD, JAN, STRANGER, ZOFIA, Clock, mail
from tests.flow import settings as flow_settings
from tests.support import ROOT, examples
from tests.unit.ruleset.test_floor_any_rules import conditions, loaded, rules, safest, written

SECRET = Secret(b"k" * 32)
START = Clock().now
NEW = "jan@nowa.example"
T = MailKind
TIGHT = {"per_sender": 4, "answers": 3, "failures": 2, "per_domain": 6}
MAILS = [kind for kind in MailKind if kind not in (MailKind.T12, MailKind.T19) and (not kind.own or kind == "W1")]
FREE = [kind for kind in MAILS if kind not in MAIL_DEMANDS and kind not in ("T2A", "T2B", "T3", "T14")]
"""Mails that any rule for mail that may be answered can send."""


@cache
def base() -> tuple[Ruleset, Writer]:
    """The shipped rules with mails of the office's own and limits that a few mails reach."""
    with TemporaryDirectory() as folder:
        copy = Path(shutil.copytree(ROOT / "rules", Path(folder) / "rules"))
        for kind in MailKind:
            if kind.own:
                shutil.copy(copy / "mails" / "T20_blokada_logowania.txt.j2", copy / "mails" / f"{kind}_own.txt.j2")
        shipped = load(copy)
    tight: dict[str, Any] = {name: Limit(mails, 24) for name, mails in TIGHT.items()}
    ruleset = replace(shipped, limits=replace(shipped.limits, **tight))
    return ruleset, Writer(ruleset, Office("Help Desk", HELPDESK, HELPDESK, "helpdesk.example", "https://puesc.gov.pl"))


def chosen() -> Settings:
    return flow_settings("sqlite://", Path("key"), 1)


def thread_of(number: str, kind: str) -> dict[str, str]:
    return {"In-Reply-To": f"<{number.lower()}.{kind}.{correspondence.token(SECRET, number)}@helpdesk.example>"}


def pool() -> Iterator[bytes]:
    """Mails of every kind, and what may come to the first three tickets."""
    for sender in (JAN.login, EWA.login, ZOFIA.login, STRANGER, NEW):
        for auth in ("pass", "none", "fail"):
            yield mail(sender, GOOD, auth=auth, name=f"good {sender} {auth}")
            yield mail(sender, "Mam pytanie.", subject="NOWE", auth=auth, name=f"nowe {sender} {auth}")
        yield mail(sender, GOOD, name=f"again {sender}")
        yield mail(sender, f"{SENTENCES[Phrase.A]} Adam Nowak, 1950", name=f"wrong {sender}")
        yield mail(sender, f"{SENTENCES[Phrase.A]} Jan", name=f"formal {sender}")
        yield mail(sender, f"{SENTENCES[Phrase.B]} Jan Kowalski, 1980", name=f"case b {sender}")
        yield mail(sender, GOOD, subject="Odp: haslo awaryjne procedura", name=f"near {sender}")
        yield mail(sender, "Proszę o usunięcie konta.", subject="Konto", name=f"delete {sender}")
        yield mail(sender, GOOD, name=f"machine {sender}", headers={"Auto-Submitted": "auto-replied"})
        for number in ("ZGL0000001", "ZGL0000002", "ZGL0000003"):
            for n, body in enumerate(("Dziękuję bardzo!", "Składam reklamację.", "Co z tym?", "STOP")):
                yield mail(sender, body, subject=f"Re: {number}", name=f"{number} {n} {sender}")
            yield mail(sender, "STOP", subject="Re", name=f"t14 {number} {sender}", headers=thread_of(number, "t14"))
            yield mail(sender, "A teraz?", subject=REQUIRED_SUBJECT, name=f"t1 {number} {sender}",
                       headers=thread_of(number, "t1"))  # fmt: skip
    yield b"\xff\x00 no mail at all"
    yield mail(JAN.login, GOOD, name="two from", headers={"From": "x@y.example"})
    for number in ("ZGL0000001", "ZGL0000002"):
        yield report(number)


def report(number: str) -> bytes:
    """A delivery report (RFC 3464) for a mail of ours."""
    to = bounce.address(SECRET, HELPDESK, number)
    return "\r\n".join((
        "From: MAILER-DAEMON@mx.example", f"To: {to}", "Subject: Undelivered", f"Message-ID: <{number}@mx.example>",
        "MIME-Version: 1.0", 'Content-Type: multipart/report; report-type=delivery-status; boundary="b"', "",
        "--b", "Content-Type: text/plain", "", "Failed.", "--b", "Content-Type: message/delivery-status", "",
        "Reporting-MTA: dns; mx.example", "", "Final-Recipient: rfc822; x@y.example", "Action: failed", "Status: 5.1.1",
        "--b--", "",
    )).encode()  # fmt: skip


def read(raw: bytes) -> Understanding:
    understander = Understander(chosen(), SECRET, StaticResolver({}))
    return understander.understand(RawMessage(raw, Envelope(Source.LMTP, "x@y.example", (HELPDESK,)), START))


@cache
def understood() -> tuple[Understanding, ...]:
    """The pool as it is understood; mails of case B come with each way their files may be judged."""
    found = []
    for raw in pool():
        u = read(raw)
        found.append(u)
        if u.request.phrase is Phrase.B:
            found += [replace(u, checked=checked, request=replace(u.request, defects=())) for checked in APPLICATIONS]
            assert found[-1].message.damage == ()
    return tuple(found)


_SIGNED = ApplicationCheck(
    ApplicationState.QUALIFIED, old_login=JAN.login, applicant=Applicant("JAN", "KOWALSKI", 1980, None),
    payload_sha256="p" * 64, signature_sha256="s" * 64, body=Match.OK,
)  # fmt: skip
APPLICATIONS = (
    _SIGNED,
    replace(_SIGNED, signature_sha256="t" * 64, payload_sha256="q" * 64),
    replace(_SIGNED, state=ApplicationState.DOUBT),
    ApplicationCheck(ApplicationState.MALWARE),
)

answered = st.lists(st.sampled_from(FREE), min_size=1, max_size=3, unique=True).map(
    lambda kinds: tuple(sorted(kinds, key=lambda kind: kind != "T1"))
)
any_answer = st.tuples(
    st.sampled_from(
        [o for o in Outcome if o not in (Outcome.OK_A, Outcome.OK_B, Outcome.NO_REPLY, Outcome.QUARANTINE)]
    ),
    answered,
)
places = st.sampled_from(
    [
        {"thread": ("own",)},
        {"thread": ("own",), "complaint": ("in-time",)},
        {"thread": ("own",), "complaint": ("late",)},
        {"duplicate": ("same-request",)},
        {"duplicate": ("no",)},
        {"faq": ("sure",)},
        {"subject": ("EXACT",)},
        {},
    ]
)
joining = st.builds(
    lambda when, place, answer: Rule(
        "r",
        None,
        "r",
        {**when, **ANSWER_DEMANDS, **place},
        answer[0],
        None,
        State.W_TOKU,
        Desk.NOBODY,
        answer[1],
        False,
    ),
    st.one_of(st.just({}), conditions),
    places,
    any_answer,
)
mixed = st.lists(st.one_of(joining, rules), min_size=1, max_size=6)
histories = st.lists(
    st.tuples(
        st.lists(st.integers(0, 10_000), min_size=1, max_size=4),
        st.sampled_from([0, 0, 5, 60 * 24, 60 * 24 * 5]),
        st.booleans(),
    ),
    min_size=2,
    max_size=6,
)
"""Batches of mails, minutes until the next one, and whether what is due is sent before."""


@settings(max_examples=examples(40), deadline=None, derandomize=True)
@given(mixed, st.booleans(), histories)
def test_every_mail_is_recorded(own: list[Rule], shipped: bool, history: list[tuple[list[int], int, bool]]) -> None:
    taken, errors = loaded(written(safest(own)))
    assert {error.code for error in errors} <= {"unreachable-rule"}
    with office((*taken[:-1], *base()[0].rules) if shipped else taken) as (engine, flow):
        now = START
        for picked, minutes, delivered in history:
            with engine.begin() as connection:
                record(connection, flow, map(drawn, picked), now)
                if delivered:
                    deliver(connection, now)
                hold_true(connection, now)
            now += timedelta(minutes=minutes)


def drawn(choice: int) -> Understanding:
    """A mail of the pool: in an even round the same message again, in an odd one a new one that says the same."""
    again, which = divmod(choice, len(understood()))
    u = understood()[which]
    return replace(u, identity=replace(u.identity, message_key=f"<{choice}@again.example>")) if again % 2 else u


@contextmanager
def office(rules: Sequence[Rule]) -> Iterator[tuple[Engine, Pipeline]]:
    """A mailbot with ``rules`` and an empty database that knows JAN, EWA and ZOFIA."""
    ruleset, writer = base()
    ruleset = replace(ruleset, rules=tuple(rules))
    engine = create_engine("sqlite://", poolclass=StaticPool)
    metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(insert(account), [column_values(a) for a in (JAN, EWA, ZOFIA)])
    yield engine, Pipeline(chosen(), ruleset, writer, SqlDirectory(), SECRET, StaticResolver({}), random.Random(1))
    engine.dispose()


def record(connection: Connection, flow: Pipeline, mails: Iterable[Understanding], now: datetime) -> None:
    """Take and decide a batch of mails."""
    batch = []
    for u in mails:
        number = connection.execute(select(func.count()).select_from(inbox)).scalar_one()
        values = {"source": "lmtp", "delivery_key": str(number), "sha256": "0" * 64, "size": 1, "envelope": {}}
        state = {"state": jobs.LEASED, "leased_by": "w", "leased_until": now, "due_at": now, "received_at": now}
        row = connection.execute(insert(inbox).returning(inbox.c.id), {**values, **state}).scalar_one()
        batch.append((row, replace(u, received_at=now)))
    decisions = flow.record(connection, "w", batch, now)
    assert [decided.floor for decided in decisions.values()] == [()] * len(batch)


def deliver(connection: Connection, now: datetime) -> None:
    """All mails are accepted by their servers."""
    connection.execute(update(outbox).values(state=jobs.DONE, sent_at=now))
    connection.execute(update(ticket).where(ticket.c.answered_at.is_(None)).values(answered_at=now))


def hold_true(connection: Connection, at: datetime) -> None:
    """What holds whatever was decided."""
    rows = connection.execute(select(inbox)).all()
    assert {row.state for row in rows} == {jobs.DONE}
    assert set(connection.execute(select(decision.c.inbox_id)).scalars()) == {row.id for row in rows}
    tickets = connection.execute(select(ticket.c.id).order_by(ticket.c.id)).scalars().all()
    assert tickets == list(range(1, len(tickets) + 1)), "numbers are gapless"
    belongs = Counter(row.ticket_id for row in rows)
    assert set(tickets) <= set(belongs), "somebody wrote for each ticket"
    alone = {row.outcome for row in rows if row.ticket_id is None}
    assert alone <= {Outcome.NO_REPLY, Outcome.DUPLICATE}, "a mail that a person wrote belongs to a ticket"
    told = connection.execute(select(ticket_event.c.ticket_id, ticket_event.c.detail)).all()
    assert all(any(e.ticket_id == row.ticket_id and e.detail.get("inbox") == row.id for e in told)
               for row in rows if row.ticket_id)  # fmt: skip
    mails = connection.execute(select(outbox)).all()
    assert len({mail.message_id for mail in mails}) == len(mails), "no two mails bear one Message-ID"
    ahead = {(mail.ticket_id, mail.ordinal) for mail in mails}
    assert all((m.ticket_id, m.ordinal - 1) in ahead for m in mails if m.state == jobs.WAITING), "none waits for ever"
    granted = {row.ticket_id for row in rows if row.outcome in (Outcome.OK_A, Outcome.OK_B)}
    links = connection.execute(select(activation)).all()
    assert {link.ticket_id for link in links} == granted == {m.ticket_id for m in mails if m.kind == MailKind.T3}
    assert {link.login for link in links} <= {JAN.login, EWA.login}
    assert (
        max(Counter(link.login for link in links if link.used_at is None and link.expires_at > at).values(), default=0)
        < 2
    )


OWN = {**ANSWER_DEMANDS, "thread": ("own",)}
SECOND_REPLIES: dict[str, tuple[Outcome, State | None, list[MailKind], list[MailKind]]] = {
    # what a rule does with a mail to one's own ticket: mails of two replies a day for two days
    "a mail of the office": (Outcome.TICKET_UPDATE, None, [T.W1], [T.W1, T.W1]),
    "registered again": (Outcome.TICKET_UPDATE, State.W_TOKU, [T.T1, T.T8], [T.T1, T.T8, T.T1, T.T8]),
    "a daily mail first": (Outcome.TICKET_UPDATE, None, [T.T15, T.T8], [T.T15, T.T8, T.T15, T.T8]),
    "a question": (Outcome.TICKET_UPDATE, State.OCZEKUJE_NA_KLIENTA, [T.T6], [T.T6, T.T6]),
    "later": (Outcome.TICKET_UPDATE, None, [T.T5], [T.T5, T.T5]),
}


def a_rule(
    when: Mapping[str, tuple[str, ...]], outcome: Outcome, state: State | None, mails: Sequence[MailKind]
) -> Rule:
    return Rule("own", None, "own", when, outcome, None, state, Desk.NOBODY, tuple(mails), shadow=False)


def reply(n: int) -> Understanding:
    return read(mail(JAN.login, f"Pytanie {n}", subject="Re: ZGL0000001", name=f"reply {n}"))


@pytest.mark.parametrize("case", SECOND_REPLIES)
def test_what_a_rule_sends_for_a_reply_leaves_once_a_day(case: str) -> None:
    outcome, state, mails, expected = SECOND_REPLIES[case]
    with office((a_rule(OWN, outcome, state, mails), *base()[0].rules)) as (engine, flow), engine.begin() as connection:
        record(connection, flow, [read(mail())], START)
        for day, replies in enumerate(([1], [2], [3, 4])):
            now = START + timedelta(days=day // 2, minutes=day)
            record(connection, flow, map(reply, replies), now)
            hold_true(connection, now)
        sent = connection.execute(select(outbox).where(outbox.c.ordinal == 0).order_by(outbox.c.id)).all()
        first = connection.execute(select(outbox.c.message_id).where(outbox.c.kind == T.T1)).scalars().first()
    assert [row.kind for row in sent] == expected
    assert {row.state for row in sent} == {jobs.QUEUED}
    later = [row.raw.decode() for row in sent if row.kind == T.T5]
    assert all(str(first) in re.sub(r"\s", "", raw) for raw in later), "it refers to the registration that was sent"


def test_a_question_asked_again_gives_the_citizen_new_time() -> None:
    rule = a_rule(OWN, Outcome.TICKET_UPDATE, State.OCZEKUJE_NA_KLIENTA, [T.T6])
    until = []
    with office((rule, *base()[0].rules)) as (engine, flow), engine.begin() as connection:
        record(connection, flow, [read(mail())], START)
        for day in (0, 3):
            record(connection, flow, [reply(day)], START + timedelta(days=day))
            until.append(connection.execute(select(ticket.c.reply_by)).scalar_one())
    assert until[1] > until[0]


def test_the_mails_of_a_new_ticket_leave_in_their_order_whatever_they_are() -> None:
    rule = a_rule(ANSWER_DEMANDS, Outcome.GENERAL, State.W_TOKU, [T.T15, T.T8])
    with office((rule, *base()[0].rules)) as (engine, flow), engine.begin() as connection:
        record(connection, flow, [read(mail())], START)
        sent = connection.execute(select(outbox.c.kind, outbox.c.ordinal, outbox.c.state).order_by(outbox.c.id)).all()
    assert [tuple(row) for row in sent] == [("T15", 1, jobs.QUEUED), ("T8", 2, jobs.WAITING)]


def test_what_a_rule_calls_a_repeat_is_not_lost_when_nothing_came_before() -> None:
    rule = a_rule({}, Outcome.DUPLICATE, None, ())
    with office((rule, *base()[0].rules)) as (engine, flow), engine.begin() as connection:
        record(connection, flow, [read(mail()), read(mail()), read(mail(name="second"))], START)
        assert connection.execute(select(inbox.c.ticket_id)).scalars().all() == [1, 1, 1]


def test_a_category_that_is_no_longer_in_the_rules_stops_no_mail() -> None:
    rule = a_rule(OWN, Outcome.TICKET_UPDATE, None, [T.W1])
    with office((rule, *base()[0].rules)) as (engine, flow), engine.begin() as connection:
        record(connection, flow, [read(mail())], START)
        connection.execute(update(ticket).values(category="DAWNA"))
        record(connection, flow, [reply(1)], START)
        sent = connection.execute(select(outbox.c.kind).where(outbox.c.ordinal == 0)).scalars().all()
    assert sent == [T.W1]
