"""``mailbot notices`` as an admin uses it: one word of a file changes, and people are told once."""

from __future__ import annotations

import json
import shutil
import stat
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine, select, update

from mailbot.cli import cli
from mailbot.ruleset.loader import load
from mailbot.service import compose
from mailbot.storage.engine import connect
from mailbot.storage.schema import outbox, ticket, ticket_event
from tests.links import open_ticket
from tests.support import ROOT

TOMORROW = (datetime.now(UTC) + timedelta(days=1)).date()

NOTICES = f"""\
# Przerwy w działaniu
- name: jutro
  state:   draft   # szkic
  published: 2026-01-02
  system: Help Desk SISC
  title: "Niedostępność usługi HELP DESK SISC"
  windows:
    - {{day: {TOMORROW}, from: "07:30", to: "09:30"}}
    - {{day: {TOMORROW}, from: "12:00", to: "13:00"}}
  source: "test"
- name: dawno
  state: published
  published: 2016-02-24
  system: Help Desk SISC
  title: "Niedostępność"
  windows: [{{day: 2016-02-24, from: "22:00", until_day: 2016-02-25, to: "02:00"}}]
  source: "test"
"""


@pytest.fixture
def rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The shipped rules with two notices of their own, in the folder that ./mailbot.toml names."""
    monkeypatch.chdir(tmp_path)
    folder = Path(shutil.copytree(ROOT / "rules", tmp_path / "rules"))
    (folder / "notices.yaml").write_text(NOTICES, encoding="utf-8")
    (tmp_path / "mailbot.toml").write_text('[rules]\ndirectory = "rules"\n', encoding="utf-8")
    return folder


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["notices", *arguments], catch_exceptions=False)


def text(rules: Path) -> str:
    return (rules / "notices.yaml").read_text(encoding="utf-8")


def test_list(rules: Path) -> None:
    found = invoke("list", "--at", "2016-02-25T01:59:59+01:00")
    assert found.exit_code == 0
    assert found.stdout.splitlines() == [
        f"jutro                 draft           {TOMORROW} 07:30–09:30; {TOMORROW} 12:00–13:00",
        "dawno                 published  now  2016-02-24 22:00–2016-02-25 02:00",
    ]


def test_list_as_json(rules: Path) -> None:
    found = invoke("list", "--json", "--at", "2016-02-25T02:00:00+01:00")
    lines = [json.loads(line) for line in found.stdout.splitlines()]
    assert [(line["name"], line["state"], line["in_force"]) for line in lines] == [
        ("jutro", "draft", False),
        ("dawno", "published", False),  # half-open
    ]
    assert lines[1]["windows"] == [{"start": "2016-02-24T22:00:00+01:00", "end": "2016-02-25T02:00:00+01:00"}]


def test_publish_and_withdraw_change_one_word(rules: Path) -> None:
    file = rules / "notices.yaml"
    file.chmod(0o640)
    before = load(rules).hash
    found = invoke("publish", "jutro")
    assert (found.exit_code, found.stdout) == (0, "jutro: published\n")
    assert text(rules) == NOTICES.replace("state:   draft   #", "state:   published   #")
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert [p.name for p in rules.iterdir() if p.name.startswith(".")] == []
    ruleset = load(rules)
    assert ruleset.hash != before, "a running mailbot sees that the rules are others"
    window = ruleset.notices[0].windows[0]
    assert [n.name for n in ruleset.breaks_at(window.start)] == ["jutro"]
    assert window in ruleset.windows()
    found = invoke("withdraw", "jutro")
    assert (found.exit_code, found.stdout) == (0, "jutro: withdrawn\n")
    assert text(rules) == NOTICES.replace("state:   draft   #", "state:   withdrawn   #")
    assert load(rules).breaks_at(window.start) == ()
    assert window not in load(rules).windows()


def test_what_is_so_already_is_not_written(rules: Path) -> None:
    (rules / "notices.yaml").chmod(0o400)
    before = (rules / "notices.yaml").stat()
    found = invoke("publish", "dawno")
    assert (found.exit_code, found.stdout) == (0, "dawno: is published already\n")
    assert (rules / "notices.yaml").stat().st_ino == before.st_ino


@pytest.mark.parametrize("command", ["publish", "withdraw"])
def test_a_name_that_is_none(command: str, rules: Path) -> None:
    found = invoke(command, "jutr")
    assert found.exit_code == 1
    assert found.stderr.endswith('notices.yaml; mend: did you mean "jutro"?\n')
    assert text(rules) == NOTICES


def test_with_rules_that_would_not_be_taken_nothing_is_written(rules: Path) -> None:
    spoiled = NOTICES.replace('to: "13:00"', 'to: "11:00"')
    (rules / "notices.yaml").write_text(spoiled, encoding="utf-8")
    found = invoke("publish", "jutro")
    assert found.exit_code == 1
    assert "rules/notices.yaml:9:44: jutro.windows.to: the window ends before it begins; mend: " in found.stderr
    assert "/tmp" not in found.stderr.replace(str(rules.parent), "")
    assert text(rules) == spoiled


def test_a_link_stays_a_link(rules: Path, tmp_path: Path) -> None:
    real = (rules / "notices.yaml").rename(tmp_path / "elsewhere.yaml")
    (rules / "notices.yaml").symlink_to(real)
    assert invoke("publish", "jutro").exit_code == 0
    assert (rules / "notices.yaml").is_symlink()
    assert "state:   published" in real.read_text(encoding="utf-8")


# Telling people.


def tickets(database: str, **states: str) -> Engine:
    engine = connect(database)
    compose.migrate(engine)
    with engine.begin() as connection:
        for number, state in states.items():
            row = open_ticket(connection, number)
            values = {"state": state, "correspondent": f"{number.lower()}@wp.example", "category": "OGOLNE"}
            connection.execute(update(ticket).where(ticket.c.id == row).values(values))
    return engine


def told(engine: Engine) -> list[tuple[str, str, str]]:
    with engine.connect() as connection:
        rows = connection.execute(select(outbox).order_by(outbox.c.ticket_id)).all()
    subjects = [str(message_from_bytes(row.raw, policy=policy.default)["Subject"]) for row in rows]
    return [(row.recipient, row.slot, subject[:10]) for row, subject in zip(rows, subjects, strict=True)]


def test_everybody_with_an_open_ticket_is_told_once(rules: Path) -> None:
    engine = tickets(
        "sqlite:///mailbot.db",
        ZGL0000001="W_TOKU",
        ZGL0000002="ZAMKNIETE_ROZWIAZANE",
        ZGL0000003="KWARANTANNA",
        ZGL0000004="ODRZUCONE_AUTOMAT",
        ZGL0000005="OCZEKUJE_NA_KLIENTA",
        ZGL0000006="WSTRZYMANE",
    )
    with engine.begin() as connection:
        connection.execute(update(ticket).where(ticket.c.number == "ZGL0000006").values(correspondent=None))
    found = invoke("publish", "jutro", "--tell")
    assert (found.exit_code, found.stdout) == (0, "jutro: published\njutro: 2 mails written\n")
    expected = [(f"zgl000000{n}@wp.example", "T12 jutro", f"ZGL000000{n}") for n in (1, 5)]
    assert told(engine) == expected
    with engine.connect() as connection:
        raw = connection.execute(select(outbox.c.raw)).scalars().first()
    body = message_from_bytes(raw or b"", policy=policy.default).get_body(("plain",))
    assert body is not None
    windows = [line for line in body.get_content().splitlines() if line.startswith("–")]
    assert windows == ["– od 07:30 do 09:30", "– od 12:00 do 13:00"], "beforehand, with every window"
    found = invoke("publish", "jutro", "--tell")
    assert (found.exit_code, found.stdout) == (0, "jutro: is published already\njutro: 0 mails written\n")
    assert told(engine) == expected
    with engine.connect() as connection:
        events = connection.execute(select(ticket_event.c.kind, ticket_event.c.detail)).all()
    assert [tuple(event) for event in events] == [("break-told", {"notice": "jutro"})] * 2


def test_of_a_break_that_is_over_nobody_is_told(rules: Path) -> None:
    engine = tickets("sqlite:///mailbot.db", ZGL0000001="W_TOKU")
    found = invoke("publish", "dawno", "--tell")
    assert found.exit_code == 1
    assert "dawno: every window is over" in found.stderr
    assert told(engine) == []
