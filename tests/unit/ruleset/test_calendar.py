"""rules/calendar.yaml: the shipped values, and every way to get one wrong."""

from __future__ import annotations

from datetime import date, time
from pathlib import Path

import pytest

from mailbot.ruleset import calendar
from mailbot.ruleset.model import Calendar
from tests.support import ROOT
from tests.unit.ruleset.readings import reading

SHIPPED = ROOT / "rules" / "calendar.yaml"
TEXT = SHIPPED.read_text(encoding="utf-8")


def test_shipped() -> None:
    found, findings = reading(calendar.read, SHIPPED)
    assert findings == []
    assert found == Calendar(time(7, 30), time(15, 30), frozenset(), 3, True, 7, 2)


def test_days_off_and_the_strict_reading_of_the_complaint(tmp_path: Path) -> None:
    text = TEXT.replace("extra_days_off: []", "extra_days_off:\n  - {day: 2026-08-14, reason: za 15 sierpnia}")
    found, findings = reading(calendar.read, tmp_path / "calendar.yaml", text.replace("value: yes", "value: no"))
    assert findings == []
    assert found is not None
    assert found.extra_days_off == {date(2026, 8, 14)}
    assert found.complaint_moves is False


@pytest.mark.parametrize(
    ("old", "new", "finding"),
    [
        ('"07:30"', '"7.30"', 'opens: "7.30" is no hour from 0:00 to 23:59; mend: write it as "07:30"'),
        ('"15:30"', '"24:00"', 'closes: "24:00" is no hour from 0:00 to 23:59; mend: write it as "07:30"'),
        ('"15:30"', '"07:30"', "closes: 07:30 is not after 07:30; mend: correct one of them"),
        ("value: 3", "value: 0", 'complaint_days: "0" is not a whole number from 1 to 30; mend: write one in digits'),
        ("value: 3", "value: 03", 'complaint_days: "03" is not a whole number from 1 to 30; mend: write one in digits'),
        ("value: yes", "value: maybe", 'complaint_moves: "maybe" is not yes or no; mend: one of yes, no'),
        (
            "reply_days: 7",
            "reply_days: 61",
            'reply_days: "61" is not a whole number from 1 to 60; mend: write one in digits',
        ),
        (
            "warn_hours: 2",
            "warn_hours: 24",
            'warn_hours: "24" is not a whole number from 1 to 23; mend: write one in digits',
        ),
        (
            "off: []",
            "off: [{day: 2026-02-30, reason: x}]",
            'extra_days_off.day: "2026-02-30" is no date; mend: write it as 2016-02-24, year first',
        ),
        (
            "off: []",
            "off: [{day: 14.08.2026, reason: x}]",
            'extra_days_off.day: "14.08.2026" is no date; mend: write it as 2016-02-24, year first',
        ),
        (
            "off: []",
            "off: [{day: 0206-08-14, reason: x}]",
            "extra_days_off.day: the year 206 cannot be meant; mend: 2000 to 2099",
        ),
        (
            "off: []",
            "off: [{day: 2026-08-14, reason: x}, {day: 2026-08-14, reason: y}]",
            "extra_days_off.day: 2026-08-14 stands twice; mend: keep one",
        ),
        (
            "off: []",
            "off: [{day: 2026-08-14}]",
            'extra_days_off.reason: is missing; mend: write "reason:" here',
        ),
        (
            "reply_days: 7",
            "reply_day: 7",
            'reply_day: "reply_day" is no known key; mend: did you mean "reply_days"?',
        ),
    ],
)
def test_mistakes(old: str, new: str, finding: str, tmp_path: Path) -> None:
    assert old in TEXT
    found, findings = reading(calendar.read, tmp_path / "calendar.yaml", TEXT.replace(old, new))
    assert finding in [line.split(": ", 1)[1] for line in findings]
    if "extra_days_off" not in finding:
        assert found is None


def test_a_value_from_a_seed_says_so(tmp_path: Path) -> None:
    lines = [line for line in TEXT.splitlines() if "source:" not in line]
    text = "\n".join(lines).replace('opens:\n  value: "07:30"', 'opens: "07:30"')
    found, findings = reading(calendar.read, tmp_path / "calendar.yaml", text)
    assert found is None
    assert [line.split(": ", 1)[1] for line in findings] == [
        'opens: does not say where it is from; mend: write "opens: {value: …, source: …}"',
        'closes.source: is missing; mend: write "source:" here',
        'complaint_days.source: is missing; mend: write "source:" here',
        'complaint_moves.source: is missing; mend: write "source:" here',
    ]


def test_a_day_off_on_a_weekend_is_usable_and_warned_of(tmp_path: Path) -> None:
    text = TEXT.replace("off: []", "off: [{day: 2026-08-15, reason: Saturday}]")
    found, findings = reading(calendar.read, tmp_path / "calendar.yaml", text)
    assert found is not None
    (finding,) = findings
    assert "warning: extra_days_off.day: 2026-08-15 falls on a weekend, so it is off anyway; mend: " in finding
