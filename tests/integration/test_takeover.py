"""What an administrator and an operator do against a takeover: stop and release by the command line, restore, keys."""

from __future__ import annotations

import json
import shutil
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import insert, select

from mailbot.cli import cli, main
from mailbot.model import SENTENCES, Phrase
from mailbot.storage.desk import approval
from mailbot.storage.registry import registry_change as asked
from mailbot.storage.schema import activation
from tests.consoles import hire
from tests.flow import EWA, JAN, mail, running
from tests.integration.test_case_b import answers, case_b
from tests.integration.test_flow import link

EWAS = f"{SENTENCES[Phrase.A]} Ewa Nowak, 1975"


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Settings for the database and the key of ``tests.flow.running``."""
    monkeypatch.chdir(tmp_path)
    text = f'[database]\nurl = "sqlite:///{tmp_path}/mailbot.db"\n[secret]\nkey_file = "{tmp_path}/key"\n'
    (tmp_path / "mailbot.toml").write_text(text, encoding="utf-8")
    return tmp_path


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments, catch_exceptions=False)


def shown(number: str = "ZGL0000001") -> dict[str, Any]:
    found: dict[str, Any] = json.loads(invoke("tickets", "show", number, "--json").stdout)
    return found


async def test_case_a_is_stopped_and_released_by_an_operator(office: Path) -> None:
    async with running(office) as flow:
        assert await flow.answer(mail()) == "OK_A"
        path = link(flow.sink.accepted[-1])
        stopped = invoke("tickets", "freeze", "zgl0000001", "--as", "Anna N.", "--reason", "PESEL 44051401359 nie jego")
        assert stopped.exit_code == 0
        assert await answers(flow, path) == 404
        assert "no such ticket" in invoke("tickets", "freeze", "ZGL0000009").stderr
        silent = invoke("tickets", "release", "ZGL0000001")
        assert silent.exit_code == 2
        assert "mend: --reason" in silent.stderr
        assert shown()["state"] == "WSTRZYMANE"
        released = invoke("tickets", "release", "ZGL0000001", "--as", "Jan K.", "--reason", "oddzwoniono: jego prośba")
        assert released.exit_code == 0, released.output
        assert "ZGL0000001: goes on; mails leave from" in released.stdout
        events = {event["kind"]: event["detail"] for event in shown()["events"]}
        assert (events["frozen"]["by"], events["frozen"]["reason"]) == ("Anna N.", "PESEL [PESEL] nie jego")
        assert (events["released"]["by"], events["released"]["reason"]) == ("Jan K.", "oddzwoniono: jego prośba")
        text = invoke("tickets", "show", "ZGL0000001").stdout
        assert "frozen  by: Anna N., uid: " in text
        assert "by: Jan K." in text
        assert "is not stopped" in invoke("tickets", "release", "ZGL0000001").stderr
        assert "is not stopped" in invoke("tickets", "close", "ZGL0000001", "--reason", "x").stderr
        invoke("tickets", "freeze", "ZGL0000001")
        assert "mend: --reason" in invoke("tickets", "close", "ZGL0000001").stderr
        assert shown()["state"] == "WSTRZYMANE"
        assert invoke("tickets", "close", "ZGL0000001", "--reason", "konto zablokowane").exit_code == 0
        found = shown()
        assert (found["state"], found["events"][-1]["detail"]["reason"]) == (
            "ZAMKNIETE_NEGATYWNIE",
            "konto zablokowane",
        )


async def test_case_b_is_stopped_and_released_and_keeps_its_hold(office: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with case_b(office) as flow:
        monkeypatch.setattr("mailbot.cli.ticket_former.utc_now", flow.clock)
        assert await flow.ask() == "OK_B"
        flow.clock.advance(hours=1)
        assert invoke("tickets", "freeze", "ZGL0000001").exit_code == 0
        assert "by" in shown()["events"][-1]["detail"]
        flow.clock.advance(hours=1)
        told = invoke("tickets", "release", "ZGL0000001", "--reason", "oddzwoniono")
        assert told.stdout == (
            "ZGL0000001: goes on; mails leave from 2026-11-20 14:00, the link works until 2026-11-21 14:00\n"
        )
        flow.clock.advance(hours=1, minutes=59)
        await flow.deliver()
        assert flow.sink.kinds() == ["T1", "T14"]
        flow.clock.advance(minutes=1)
        await flow.deliver()
        assert flow.sink.kinds() == ["T1", "T14", "T2B", "T3"]


async def test_after_a_restore_every_change_of_login_waits_for_a_person(
    office: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The word that stopped it, or a telephone call, may have come after the backup."""
    async with case_b(office) as flow:
        monkeypatch.setattr("mailbot.cli.ticket_former.utc_now", flow.clock)
        assert await flow.ask() == "OK_B"
        back_up(office)
        assert await flow.stop() == "TICKET_UPDATE"
    put_back(office)
    told = invoke("tickets", "restored", "--as", "Anna N.")
    assert told.stdout == "the next ticket is ZGL0010002; changes of login stopped: ZGL0000001\n"
    found = shown()
    assert (found["state"], found["desk"]) == ("WSTRZYMANE", "BEZPIECZENSTWO")
    assert found["events"][-1]["detail"]["reason"] == "restored from a backup"


async def test_after_a_restore_a_registry_elsewhere_is_asked_what_has_moved(
    office: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with case_b(office) as flow:
        monkeypatch.setattr("mailbot.cli.ticket_former.utc_now", flow.clock)
        assert await flow.ask() == "OK_B"
        scim = '[accounts]\nsource = "scim"\nurl = "https://127.0.0.1:9/v2"\ntoken_file = "token"\n'
        with (office / "mailbot.toml").open("a") as toml:
            toml.write(scim)
        told = [invoke("tickets", "restored").stdout.splitlines()[1:] for _ in range(2)]
        assert told == [["changes of login that the registry will be asked for, since they may have been done: 1"], []]
        ((login, resource),) = [tuple(row) for row in await flow.rows(select(asked.c.login, asked.c.resource_id))]
        assert (login, resource) == (JAN.login.lower(), "")


def back_up(office: Path) -> None:
    """As docs/operating.md says."""
    with closing(sqlite3.connect(office / "mailbot.db")) as there, closing(sqlite3.connect(office / "copy")) as copy:
        there.backup(copy)


def put_back(office: Path) -> None:
    for file in office.glob("mailbot.db*"):
        file.unlink()
    shutil.copy(office / "copy", office / "mailbot.db")


def start_anew(office: Path) -> None:
    for file in office.glob("mailbot.db*"):
        file.unlink()


@pytest.mark.parametrize("loss", [put_back, start_anew])
async def test_an_old_link_does_not_open_the_form_of_a_new_citizen(office: Path, loss: Callable[[Path], None]) -> None:
    """A number is given out again, and the administrator forgot to jump ahead."""
    async with running(office) as flow:
        back_up(office)
        assert await flow.answer(mail()) == "OK_A"
        old = link(flow.sink.accepted[-1])
        assert await answers(flow, old) == 200
    loss(office)
    async with running(office, accounts=loss is start_anew) as flow:
        assert await flow.answer(mail(EWA.login, EWAS, name="ewa"), EWA.login) == "OK_A"
        assert flow.sink.accepted[-1].ticket == "ZGL0000001", "the number of the first citizen"
        new = link(flow.sink.accepted[-1])
        assert await answers(flow, old) == 404
        assert await answers(flow, new) == 200


async def test_a_link_that_left_before_the_backup_still_works(office: Path) -> None:
    async with running(office) as flow:
        assert await flow.answer(mail()) == "OK_A"
        old = link(flow.sink.accepted[-1])
        back_up(office)
    put_back(office)
    async with running(office, accounts=False) as flow:
        assert await answers(flow, old) == 200


async def test_after_a_restore_the_first_of_two_people_says_it_again(office: Path) -> None:
    """They may have taken it back after the backup."""
    async with running(office) as flow:
        assert await flow.answer(mail()) == "OK_A"
        hire(flow.parts)
        half = {"ticket_id": 1, "action": "accept-b", "version": 1, "digest": "0" * 64, "operator_id": 1}
        at = flow.clock.now
        await flow.parts.database.write(lambda c: c.execute(insert(approval).values(at=at, **half)))
        assert invoke("tickets", "restored").exit_code == 0
        ((ended,),) = [tuple(row) for row in await flow.rows(select(approval.c.ended))]
        assert ended == "stale"


async def test_after_a_restore_numbers_jump_ahead(office: Path) -> None:
    async with running(office) as flow:
        assert await flow.answer(mail()) == "OK_A"
        told = invoke("tickets", "restored", "--jump", "500")
        assert told.stdout == "the next ticket is ZGL0000502; changes of login stopped: none\n"
        assert await flow.answer(mail(EWA.login, EWAS, name="ewa"), EWA.login) == "OK_A"
        assert flow.sink.accepted[-1].ticket == "ZGL0000502"
        ((_, other),) = [tuple(await flow.rows(select(activation.c.expires_at)))]
        assert other[0] > flow.clock.now, "links of case A go on"


def ended(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[object, str]:
    monkeypatch.setattr(sys, "argv", ["mailbot", *arguments])
    with pytest.raises(SystemExit) as end:
        main()
    return end.value.code, capsys.readouterr().err


ROLES = [["run", "--role", role] for role in ("ingress", "worker", "delivery", "web")]
COMMANDS = [
    *ROLES,
    ["run"],
    ["inject", "m.eml"],
    ["accounts", "import", "a.csv"],
    ["explain", "--queue", "1"],
    ["rules", "replay"],
    ["tickets", "show", "ZGL0000001", "--text"],
    ["queue", "show", "1", "--raw"],
    ["tickets", "release", "ZGL0000001", "--reason", "x"],
    ["tickets", "restored"],
]


@pytest.fixture
async def used(office: Path) -> Path:
    """An office that has decided a mail."""
    async with running(office) as flow:
        await flow.answer(mail())
    (office / "m.eml").write_bytes(mail(name="second"))
    (office / "a.csv").write_text("login,given,surname,birth_year\nx@y.example,Jan,Nowy,1980\n", encoding="utf-8")
    return office


@pytest.mark.parametrize("key", [None, b"f" * 32], ids=["missing", "foreign"])
def test_every_command_that_needs_the_key_ends(
    used: Path, key: bytes | None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (used / "key").unlink()
    if key:
        (used / "key").write_bytes(key)
    monkeypatch.setenv("MAILBOT_LMTP_LISTEN", "127.0.0.1:0")
    for command in COMMANDS:
        code, told = ended(monkeypatch, capsys, *command)
        assert code == (2 if command[0] == "rules" else 78), command
        assert "mailbot: [secret] key_file: " in told
        assert "; mend: put back the key file" in told
        assert (used / "key").exists() == bool(key), command
    found = {line["what"]: line for line in map(json.loads, invoke("doctor", "--json").stdout.splitlines())}
    assert not found["key"]["works"]
    assert found["key"]["detail"].startswith("[secret] key_file: ")
    assert found["key"]["mend"].startswith("put back the key file")
