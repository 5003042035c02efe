"""The clocks of a ticket and what a look at them finds, on moments of procedure §6."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from mailbot.clocks import WARSAW
from mailbot.config import TicketSettings
from mailbot.model import State
from mailbot.tickets.sla import ClockFacts, ClockStatus, clock_status, clocks_of
from tests.rulesets import notice, ruleset, warsaw

PLAIN = ruleset()
SETTINGS = TicketSettings()
HOUR = timedelta(hours=1)

OPENED = warsaw("2026-06-09 10:00")
DUE = OPENED + 24 * HOUR
STANDARD = OPENED + 4 * HOUR
DONE = State.ZAMKNIETE_ROZWIAZANE
OPEN = State.DO_WERYFIKACJI


@pytest.mark.parametrize(
    ("category", "opened", "standard", "promised"),
    [
        # the nights when the clocks change: 24 hours stay 24 hours
        ("HASLO_AWARYJNE_A", "2026-03-28 12:00", "2026-03-28 16:00", "2026-03-29 13:00"),
        ("HASLO_AWARYJNE_B", "2026-10-24 12:00", "2026-10-24 16:00", "2026-10-25 11:00"),
        ("HASLO_AWARYJNE_A", "2025-12-23 16:00", "2025-12-23 20:00", "2025-12-24 16:00"),
        # working days, each to the hour at which the office closes
        ("OGOLNE", "2026-03-28 12:00", "2026-03-28 16:00", "2026-04-13 15:30"),
        ("OGOLNE", "2025-12-24 10:00", "2025-12-24 14:00", "2026-01-13 15:30"),
        ("USUNIECIE_KONTA", "2026-04-03 14:00", "2026-04-03 18:00", "2026-05-05 15:30"),
        ("ZMIANA_EMAILA", "2026-06-03 09:00", "2026-06-03 13:00", "2026-06-18 15:30"),
        ("TEMAT_NIEPOPRAWNY", "2026-01-05 08:00", "2026-01-05 12:00", "2026-01-20 15:30"),
    ],
)
def test_clocks_of_a_new_ticket(category: str, opened: str, standard: str, promised: str) -> None:
    found = clocks_of(category, OPEN, warsaw(opened), SETTINGS, PLAIN)
    assert (found.standard_at, found.promised_at) == (warsaw(standard), warsaw(promised))
    assert found.reply_by is None
    assert found.alarm_at == warsaw(promised) - 2 * HOUR


def test_what_is_over_a_limit_waits_for_a_specialist() -> None:
    found = clocks_of("HASLO_AWARYJNE_A", State.WSTRZYMANE, warsaw("2026-01-05 08:00"), SETTINGS, PLAIN)
    assert found.promised_at == warsaw("2026-01-20 15:30")


@pytest.mark.parametrize(
    ("asked", "until"),
    [
        ("2025-12-23 16:00", "2025-12-30 23:59:59"),
        ("2026-04-24 09:00", "2026-05-04 23:59:59"),  # 1 May, then a weekend
        ("2026-03-24 09:00", "2026-03-31 23:59:59"),  # over the night of the clock change
    ],
)
def test_an_answer_of_the_citizen_is_waited_for_to_the_end_of_a_day(asked: str, until: str) -> None:
    found = clocks_of("OGOLNE", State.OCZEKUJE_NA_KLIENTA, warsaw(asked), SETTINGS, PLAIN)
    assert found.reply_by == found.alarm_at == warsaw(until)


@pytest.mark.parametrize("state", [State.KWARANTANNA, State.ODRZUCONE_AUTOMAT])
def test_what_gets_no_answer_has_no_alarm(state: State) -> None:
    assert clocks_of("OGOLNE", state, OPENED, SETTINGS, PLAIN).alarm_at is None


def test_a_closed_ticket_is_looked_at_when_its_mails_should_have_gone() -> None:
    assert clocks_of("HASLO_AWARYJNE_A", DONE, OPENED, SETTINGS, PLAIN).alarm_at == STANDARD


def test_a_break_pauses_a_wniosek_but_never_the_24_hours() -> None:
    broken = ruleset(notice(("2026-06-09 11:00", "2026-06-09 13:00")))
    found = clocks_of("HASLO_AWARYJNE_A", OPEN, OPENED, SETTINGS, broken)
    assert (found.standard_at, found.promised_at) == (STANDARD + 2 * HOUR, DUE)
    other = clocks_of("OGOLNE", OPEN, OPENED, SETTINGS, broken)
    assert other == clocks_of("OGOLNE", OPEN, OPENED, SETTINGS, PLAIN)


def test_a_break_that_is_not_published_pauses_nothing() -> None:
    draft = ruleset(notice(("2026-06-09 11:00", "2026-06-09 13:00"), state="draft"))
    assert clocks_of("HASLO_AWARYJNE_A", OPEN, OPENED, SETTINGS, draft).standard_at == STANDARD


def test_a_known_break_up_to_the_promise_is_warned_of_when_it_begins() -> None:
    broken = ruleset(notice(("2026-06-10 03:00", "2026-06-10 07:00"), ("2026-06-10 07:00", "2026-06-10 12:00")))
    assert clocks_of("HASLO_AWARYJNE_A", OPEN, OPENED, SETTINGS, broken).alarm_at == warsaw("2026-06-10 03:00")
    gap = ruleset(notice(("2026-06-10 03:00", "2026-06-10 06:59"), ("2026-06-10 07:00", "2026-06-10 12:00")))
    assert clocks_of("HASLO_AWARYJNE_A", OPEN, OPENED, SETTINGS, gap).alarm_at == warsaw("2026-06-10 07:00")


PERSON = ClockFacts(OPEN, DUE, STANDARD)
MACHINE = ClockFacts(DONE, DUE, STANDARD, unsent=True)
ASKED = ClockFacts(State.OCZEKUJE_NA_KLIENTA, DUE, STANDARD, reply_by=DUE + 48 * HOUR)


@pytest.mark.parametrize(
    ("matter", "hours", "found"),
    [
        (PERSON, 0, ClockStatus("", DUE - 2 * HOUR)),
        (PERSON, 5, ClockStatus("", DUE - 2 * HOUR)),
        (PERSON, 22, ClockStatus("warning", DUE, ("promised", DUE))),
        (PERSON, 23.9, ClockStatus("warning", DUE, ("promised", DUE))),
        (replace(PERSON, alarm="warning"), 22.5, ClockStatus("warning", DUE)),
        (replace(PERSON, alarm="warning"), 24, ClockStatus("breach", None, ("promised", DUE))),
        (PERSON, 400, ClockStatus("breach", None, ("promised", DUE))),
        (replace(PERSON, alarm="breach"), 25, ClockStatus("breach", None)),
        (MACHINE, 3, ClockStatus("", STANDARD)),
        (MACHINE, 4, ClockStatus("warning", DUE, ("standard", STANDARD))),
        (replace(MACHINE, held=4 * HOUR), 4, ClockStatus("", STANDARD + 4 * HOUR)),
        (replace(MACHINE, held=30 * HOUR), 4, ClockStatus("", DUE - 2 * HOUR)),
        (MACHINE, 24, ClockStatus("breach", None, ("promised", DUE))),
        (replace(MACHINE, unsent=False), 3, ClockStatus("", None)),
        (replace(MACHINE, unsent=False, alarm="warning"), 30, ClockStatus("warning", None)),
        (replace(PERSON, state=State.KWARANTANNA), 30, ClockStatus("", None)),
        (ASKED, 30, ClockStatus("", DUE + 48 * HOUR)),
        (ASKED, 71.9, ClockStatus("", DUE + 48 * HOUR)),
        (ASKED, 72, ClockStatus("", None, unanswered=True)),
        (replace(ASKED, unsent=True), 72, ClockStatus("", OPENED + 73 * HOUR)),
        (replace(PERSON, state=State.WSTRZYMANE), 22, ClockStatus("warning", DUE, ("promised", DUE))),
    ],
)
def test_a_look(matter: ClockFacts, hours: float, found: ClockStatus) -> None:
    assert clock_status(matter, OPENED + timedelta(hours=hours), PLAIN) == found


def test_a_break_over_the_rest_of_the_time_is_warned_of_at_once() -> None:
    """The 24 hours cannot be kept: nobody works until they are over (seed 001, KOMUNIKATY)."""
    broken = ruleset(notice(("2026-06-09 12:00", "2026-06-10 10:00")))
    assert clock_status(PERSON, OPENED + 3 * HOUR, broken) == ClockStatus("warning", DUE, ("promised", DUE))
    shorter = ruleset(notice(("2026-06-09 12:00", "2026-06-10 09:59")))
    assert clock_status(PERSON, OPENED + 3 * HOUR, shorter) == ClockStatus("", DUE - 2 * HOUR)


def test_every_look_moves_on() -> None:
    """A look that asked for one at the same moment would be repeated for ever."""
    for matter in (PERSON, MACHINE, ASKED, replace(ASKED, unsent=True), replace(PERSON, alarm="warning")):
        for hours in range(80):
            now = OPENED + hours * HOUR
            found = clock_status(matter, now, PLAIN)
            assert found.next_at is None or found.next_at > now


def test_a_moment_in_any_zone_is_the_same_moment() -> None:
    opened = warsaw("2026-03-28 12:00")
    for category in ("HASLO_AWARYJNE_A", "OGOLNE"):
        for state in (OPEN, DONE, State.OCZEKUJE_NA_KLIENTA):
            local = clocks_of(category, state, opened.astimezone(WARSAW), SETTINGS, PLAIN)
            assert local == clocks_of(category, state, opened, SETTINGS, PLAIN)
