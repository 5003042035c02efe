"""What an operator and an admin see of alarms and of rules that hold."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine, insert, update

from mailbot.cli import cli
from mailbot.config import DatabaseSettings, Settings
from mailbot.observe import utc_now
from mailbot.service import compose
from mailbot.service.doctor import examine
from mailbot.storage.engine import connect
from mailbot.storage.schema import decision, ruleset_load, ticket
from tests.links import open_ticket


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments, catch_exceptions=False)


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """The database that the commands take when no settings are given."""
    monkeypatch.chdir(tmp_path)
    made = connect("sqlite:///mailbot.db")
    compose.migrate(made)
    return made


def test_rules_hits(engine: Engine) -> None:
    told = {"ruleset": "0", "facts": {}, "notes": {}, "trace": [], "outcome": "REVIEW"}
    now = utc_now()
    with engine.begin() as connection:
        for number, (rule, days) in enumerate([("malware", 1), ("malware", 40), ("old-rule", 2)], 1):
            open_ticket(connection, f"ZGL{number:07}")
            at = now - timedelta(days=days)
            connection.execute(insert(decision).values(inbox_id=number, decided_at=at, rule=rule, **told))
    rows = {row["rule"]: row for row in map(json.loads, invoke("rules", "hits", "--json").stdout.splitlines())}
    assert (rows["malware"]["hits"], rows["malware"]["never"], rows["malware"]["current"]) == (1, False, True)
    assert (rows["old-rule"]["hits"], rows["old-rule"]["current"]) == (1, False)
    assert rows["automatic-mail"] | {"last": None} == rows["automatic-mail"]
    assert rows["automatic-mail"]["never"]
    text = invoke("rules", "hits", "--since", "12h").stdout
    assert "old-rule" not in text
    longer = invoke("rules", "hits", "--since", "60d").stdout
    assert "no longer in the set" in longer
    assert "malware                                 2" in longer
    wrong = invoke("rules", "hits", "--since", "soon")
    assert wrong.exit_code == 2
    assert "mend: write 30d or 12h" in wrong.stderr


def test_tickets_with_an_alarm(engine: Engine) -> None:
    with engine.begin() as connection:
        for number in (1, 2, 3):
            open_ticket(connection, f"ZGL{number:07}")
        connection.execute(update(ticket).where(ticket.c.id == 1).values(alarm="warning", state="W_TOKU"))
        connection.execute(update(ticket).where(ticket.c.id == 2).values(alarm="breach", closed_at=utc_now()))
    (line,) = invoke("tickets", "list", "--alarm").stdout.splitlines()
    assert line.split()[0] == "ZGL0000001", "what is done with is no longer an alarm"
    assert "due " in line
    assert "warning" in line
    assert "promised_at" in invoke("tickets", "show", "ZGL0000001").stdout


def test_a_ticket_in_quarantine_is_due_never(engine: Engine) -> None:
    with engine.begin() as connection:
        open_ticket(connection, "ZGL0000001")
        connection.execute(update(ticket).values(state="KWARANTANNA"))
    (line,) = invoke("tickets", "list").stdout.splitlines()
    assert "due" not in line
    assert line.split()[-2] == "KWARANTANNA"


async def test_doctor_names_the_rule_set_that_decides(engine: Engine) -> None:
    settings = Settings(database=DatabaseSettings("sqlite:///mailbot.db"))

    async def said() -> tuple[bool, str]:
        found = next(f for f in await examine(settings) if f.what == "active rules")
        return found.works, found.detail

    assert await said() == (True, "no worker has run yet")
    for values, works in (({"hash": "a" * 64}, True), ({"mistakes": "x.yaml:1:1: is wrong"}, False)):
        with engine.begin() as connection:
            connection.execute(insert(ruleset_load).values(at=utc_now(), process="test", **values))
        found, detail = await said()
        assert found is works
        assert "a" * 12 in detail
    assert detail.startswith("a" * 12), "no name of a Python class before it"
    assert "x.yaml:1:1: is wrong" in detail
