"""``mailbot operators`` and ``mailbot audit`` as an admin and an auditor use them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine, RowMapping, insert, select, update

from mailbot.cli import cli
from mailbot.model import Role
from mailbot.operators import people
from mailbot.operators.people import of_row
from mailbot.service import compose
from mailbot.storage.desk import audit
from mailbot.storage.engine import connect
from mailbot.storage.schema import ticket_event
from tests.links import NOW, open_ticket


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    monkeypatch.chdir(tmp_path)
    oidc = '[oidc]\nissuer = "https://sso.example"\nclient_id = "c"\n'
    (tmp_path / "mailbot.toml").write_text(f'[audit]\nhead_file = "heads"\n{oidc}')
    made = connect(f"sqlite:///{tmp_path}/mailbot.db")
    compose.migrate(made)
    return made


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments, catch_exceptions=False)


def row(engine: Engine, name: str = "anna") -> RowMapping:
    with engine.connect() as c:
        found = people.named(c, name)
    assert found is not None
    return found


def test_operators_come_and_go(engine: Engine) -> None:
    added = invoke("operators", "add", "Anna", "--display", "Anna Nowak", "--role", "consultant", "--desk", "II_LINIA")
    assert added.exit_code == 0, added.output
    temporary = re.findall(r"^  ([a-z2-9-]{24})$", added.output, re.MULTILINE)[0]
    made = row(engine)
    assert of_row(made).roles == {Role.CONSULTANT}
    assert of_row(made).desks == {"II_LINIA"}
    assert temporary not in repr(dict(made))
    assert made["password_hash"].startswith("$argon2id$")
    assert invoke("operators", "add", "ANNA", "--role", "auditor").exit_code == 1
    assert invoke("operators", "add", "an na", "--role", "auditor").exit_code == 1

    changed = invoke("operators", "set", "anna", "--role", "supervisor", "--role", "auditor", "--all-desks")
    assert changed.output == "anna: auditor, supervisor; all desks\n"
    assert invoke("operators", "set", "anna", "--subject", "17").exit_code == 0
    assert row(engine)["subject"] == "https://sso.example 17"
    again = invoke("operators", "reset", "anna")
    assert temporary not in again.output
    assert row(engine)["password_hash"] != made["password_hash"]
    assert invoke("operators", "disable", "anna").exit_code == 0
    assert row(engine)["password_hash"] is None
    listed = json.loads(invoke("operators", "list", "--json").output)
    assert (listed["name"], listed["state"], listed["roles"]) == ("anna", "disabled", ["auditor", "supervisor"])
    assert "hash" not in " ".join(listed)
    assert "disabled" in invoke("operators", "list").output
    for verb in ("reset", "disable", "set"):
        refused = invoke("operators", verb, "nobody")
        assert refused.exit_code == 1
        assert "mend: mailbot operators list" in refused.output

    sso = invoke("operators", "add", "olek", "--role", "admin", "--subject", "4711")
    assert sso.output == "olek: logs in with https://sso.example\n"
    assert row(engine, "olek")["subject"] == "https://sso.example 4711"
    assert invoke("operators", "add", "eve", "--role", "admin", "--subject", "4711").exit_code == 1
    with engine.connect() as c:
        found = c.execute(select(audit.c.actor, audit.c.action, audit.c.object, audit.c.reason)).all()
    assert {actor.partition(":")[0] for actor, *_ in found} == {"shell"}
    assert [(f.action, f.reason) for f in found] == [
        ("operator-added", "consultant"),
        ("operator-changed", "auditor, supervisor"),
        ("operator-changed", "auditor, supervisor"),
        ("operator-tied", "auditor, supervisor"),
        ("operator-reset", "auditor, supervisor"),
        ("operator-disabled", "auditor, supervisor"),
        ("operator-added", "admin"),
    ]
    assert "Nowak" not in repr(found)


def test_the_chain_is_verified_exported_and_compared(engine: Engine, tmp_path: Path) -> None:
    with engine.begin() as c:
        open_ticket(c, "ZGL0000001")
        c.execute(insert(ticket_event), [{"ticket_id": 1, "at": NOW, "kind": "opened", "detail": {}}] * 3)
    assert invoke("audit", "verify").output == "0 rows; 3 events wait to be taken over; nothing wrong\n"
    written = invoke("audit", "head", "--take-over")
    (tmp_path / "heads").write_text(written.output)
    assert json.loads(written.output)["seq"] == 3
    told = json.loads(invoke("audit", "verify", "--json").output)
    assert (told["rows"], told["heads"], told["findings"], told["waiting"]) == (3, 1, 0, 0)
    rows = [json.loads(line) for line in invoke("audit", "export", "--after", "1").output.splitlines()]
    assert [r["seq"] for r in rows] == [2, 3]
    with engine.begin() as c:
        c.execute(update(audit).where(audit.c.seq == 2).values(action="closed"))
        c.execute(update(ticket_event).where(ticket_event.c.id == 3).values(kind="closed"))
    bad = invoke("audit", "verify")
    assert bad.exit_code == 1
    assert "row 2  ZGL0000001  was changed" in bad.output
    assert "row 3  ZGL0000001  its event 3 was changed behind the chain" in bad.output
    (tmp_path / "heads").write_text('{"seq": "x"}\n')
    assert "heads: line 1: is no head; mend:" in invoke("audit", "verify").output
