"""rules/notices.yaml: windows in Warsaw, their mistakes, and what the title says about them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from mailbot.ruleset import notices
from mailbot.ruleset.document import YamlDocument
from mailbot.ruleset.findings import Mistakes
from mailbot.ruleset.model import Notice, Window
from tests.support import ROOT
from tests.unit.ruleset.readings import reading

SHIPPED = ROOT / "rules" / "notices.yaml"
SEED_TITLE = "Nieodstępność usługi HELP DESK SISC w dniu 24-02-2016 r. w godz. 12:00 – 13:00"

NOTICE = """\
- name: przerwa
  state: published
  published: 2016-02-24
  system: Help Desk SISC
  title: Niedostępność usługi HELP DESK SISC
  windows:
    - {day: 2016-02-24, from: "07:30", to: "09:30"}
  source: KOMUNIKATY
"""


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def read(tmp_path: Path, text: str) -> tuple[tuple[Notice, ...], list[str]]:
    return reading(notices.read, tmp_path / "notices.yaml", text)


def with_window(window: str) -> str:
    return NOTICE.replace('{day: 2016-02-24, from: "07:30", to: "09:30"}', window)


def test_the_shipped_notice_is_the_seed_s_with_both_windows() -> None:
    (notice,), findings = reading(notices.read, SHIPPED)
    assert findings == []
    assert notice.state == "published"
    assert notice.published == date(2016, 2, 24)
    assert notice.title.startswith("Niedostępność usługi HELP DESK SISC w dniu 24-02-2016 r.")
    assert notice.windows == (
        Window(utc("2016-02-24 06:30"), utc("2016-02-24 08:30")),
        Window(utc("2016-02-24 11:00"), utc("2016-02-24 12:00")),
    )


def test_the_seed_s_own_title_lacks_a_window(tmp_path: Path) -> None:
    lines = SHIPPED.read_text(encoding="utf-8").splitlines(keepends=True)
    place = next(n for n, line in enumerate(lines) if "title: >-" in line)
    lines[place : place + 2] = [f'  title: "{SEED_TITLE}"\n']
    found, findings = read(tmp_path, "".join(lines))
    assert len(found) == 1, "a warning: the notice counts all the same"
    (finding,) = findings
    window = next(n for n, line in enumerate(lines, 1) if "07:30" in line and "day:" in line and "#" not in line)
    assert finding == (
        f"notices.yaml:{window}:7: warning: przerwa-2016-02-24.windows: 24.02.2016 07:30–09:30 is not in the title; "
        "mend: name it in the title too"
    )


def test_no_notice_is_no_mistake(tmp_path: Path) -> None:
    assert read(tmp_path, "[]\n") == ((), [])


@pytest.mark.parametrize(
    ("window", "start", "end"),
    [
        ('{day: 2026-07-01, from: "22:00", until_day: 2026-07-02, to: "2:00"}', "2026-07-01 20:00", "2026-07-02 00:00"),
        ('{day: 2026-11-28, from: "22:00", until_day: 2026-11-29, to: "0:00"}', "2026-11-28 21:00", "2026-11-28 23:00"),
        # the clocks are put forward: two hours of the wall are one
        ('{day: 2026-03-29, from: "01:30", to: "03:30"}', "2026-03-29 00:30", "2026-03-29 01:30"),
        # the clocks are put back: an hour that is shown twice is in the window both times
        ('{day: 2026-10-25, from: "02:00", to: "02:30"}', "2026-10-25 00:00", "2026-10-25 01:30"),
        ('{day: 2026-10-25, from: "02:30", to: "02:30"}', "2026-10-25 00:30", "2026-10-25 01:30"),
        ('{day: 2026-10-25, from: "01:00", to: "03:00"}', "2026-10-24 23:00", "2026-10-25 02:00"),
    ],
)
def test_windows_are_hours_of_warsaw(window: str, start: str, end: str, tmp_path: Path) -> None:
    (notice,), findings = read(tmp_path, with_window(window))
    assert findings == []
    assert notice.windows == (Window(utc(start), utc(end)),)


@pytest.mark.parametrize(
    ("window", "finding"),
    [
        (
            '{day: 2016-02-24, from: "09:30", to: "07:30"}',
            "windows.to: the window ends before it begins; mend: correct",
        ),
        (
            '{day: 2016-02-24, from: "09:30", to: "09:30"}',
            "windows.to: the window ends before it begins; mend: correct",
        ),
        (
            '{day: 2016-02-24, from: "09:30", until_day: 2016-02-23, to: "10:00"}',
            'windows.to: the window ends before it begins; mend: correct it; when it ends on another day, write "un',
        ),
        (
            '{day: 2016-02-24, from: "09:30", until_day: 2017-02-24, to: "10:00"}',
            "windows: the window is longer than 31 days; mend: correct the days",
        ),
        (
            '{day: 2026-03-29, from: "02:30", to: "04:00"}',
            "windows.from: the clocks are put forward over 02:30 on 2026-03-29; "
            'mend: write an hour before "02:00" or from "03:00" on',
        ),
        (
            '{day: 2026-03-29, from: "01:00", to: "02:00"}',
            "windows.to: the clocks are put forward over 02:00 on 2026-03-29",
        ),
        ('{day: 2016-02-24, from: "7:30"}', 'windows.to: is missing; mend: write "to:" here'),
        ('{day: 2016-02-24, from: "7:30", to: "9:3"}', 'windows.to: "9:3" is no hour from 0:00 to 23:59'),
        ('{day: 2016-02-24, from: "7:30", till: "9:30"}', 'windows.till: "till" is no known key; mend: one of day'),
        ('{day: 1916-02-24, from: "7:30", to: "9:30"}', "windows.day: the year 1916 cannot be meant"),
    ],
)
def test_mistakes_in_a_window(window: str, finding: str, tmp_path: Path) -> None:
    found, findings = read(tmp_path, with_window(window))
    assert found == ()
    assert any(f": przerwa.{finding}" in line for line in findings), findings


@pytest.mark.parametrize(
    ("old", "new", "finding"),
    [
        ("name: przerwa", "name: Przerwa", 'name: "Przerwa" cannot be a name; mend: write small letters'),
        ("name: przerwa", f"name: {'a' * 21}", "cannot be a name; mend: write small letters"),
        (
            "state: published",
            "state: publish",
            'przerwa.state: "publish" is not a state of a notice; mend: did you mean',
        ),
        ("  state: published\n", "", 'state: is missing; mend: write "state:" here'),
        ("published: 2016-02-24", "published: 24.02.2016", 'przerwa.published: "24.02.2016" is no date'),
        ("source: KOMUNIKATY", "source:", "przerwa.source: is empty"),
        ("windows:", "windows: []\n  window:", 'przerwa.windows: names no window; mend: write "- {day'),
        (NOTICE, NOTICE + NOTICE, 'name: "przerwa" stands twice; mend: keep one'),
        (NOTICE, "przerwa: x\n", 'must be a list; mend: begin every item with "- ", or write [item, item]'),
    ],
)
def test_mistakes_in_a_notice(old: str, new: str, finding: str, tmp_path: Path) -> None:
    assert old in NOTICE
    _, findings = read(tmp_path, NOTICE.replace(old, new, 1))
    assert any(finding in line for line in findings), findings
    assert not any("warning" in line for line in findings)


@pytest.mark.parametrize("second", [("09:00", "10:00"), ("07:30", "09:30"), ("08:00", "08:30"), ("07:00", "10:00")])
def test_windows_that_overlap_are_warned_of(second: tuple[str, str], tmp_path: Path) -> None:
    text = NOTICE.replace("  source:", '    - {{day: 2016-02-24, from: "{}", to: "{}"}}\n  source:'.format(*second))
    found, (finding,) = read(tmp_path, text)
    assert len(found) == 1
    assert finding.startswith("notices.yaml:8:7: warning: przerwa.windows: overlaps an earlier window; mend: ")


def test_windows_that_touch_do_not_overlap(tmp_path: Path) -> None:
    text = NOTICE.replace("  source:", '    - {day: 2016-02-24, from: "09:30", to: "10:00"}\n  source:')
    assert read(tmp_path, text)[1] == []


def test_a_time_of_the_title_that_is_no_window(tmp_path: Path) -> None:
    text = NOTICE.replace("HELP DESK SISC\n", "24 lutego 2016 r. od 7:30 do 9:30 i od 12:00 do 13:00\n", 1)
    found, (finding,) = read(tmp_path, text)
    assert len(found) == 1
    assert finding == (
        "notices.yaml:5:10: warning: przerwa.title: 24.02.2016 12:00–13:00 is no window of this notice; "
        "mend: add the window, or correct the title"
    )


# The word behind "state:".

PAIR = '# zażółć 😀\n- name: a\n  state:   "draft"   # szkic\n- {name: b, state: published, title: "state: draft"}\n'


@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["", "bom"])
@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["lf", "crlf"])
def test_a_state_is_changed_and_nothing_else(mark: str, end: str, tmp_path: Path) -> None:
    text = mark + PAIR.replace("\n", end)
    path = tmp_path / "notices.yaml"
    path.write_bytes(text.encode())
    document = YamlDocument(path, Mistakes())
    assert notices.with_state(document, "a", "published") == text.replace('"draft"   #', "published   #")
    assert notices.with_state(document, "b", "withdrawn") == text.replace("b, state: published", "b, state: withdrawn")
    assert notices.with_state(document, "b", "published") == text
    assert notices.with_state(document, "c", "published") is None


@pytest.mark.parametrize("text", ["", "a: b\n", "- a\n", "- {name: a}\n", "- {name: [a], state: x}\n", "- [", "[]\n"])
def test_a_file_without_the_notice(text: str, tmp_path: Path) -> None:
    path = tmp_path / "notices.yaml"
    path.write_text(text, encoding="utf-8")
    assert notices.with_state(YamlDocument(path, Mistakes()), "a", "published") is None
