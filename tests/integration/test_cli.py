"""The command line as an admin and an operator use it."""

from __future__ import annotations

import json
import os
import re
import signal
import smtplib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import insert

from mailbot import secret
from mailbot.cli import cli, main
from mailbot.model import View
from mailbot.service import compose
from mailbot.storage import schema
from mailbot.storage.engine import connect
from mailbot.text import pesel
from mailbot.tickets import view
from tests.integration.servers import free_port, mailbot
from tests.support import ROOT

MAIL = (ROOT / "fixtures" / "mail" / "001-wp-webmail.eml").read_bytes()
ACCOUNTS = "login,given,surname,birth_year,sex\n"


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a mailbot.toml, as an admin would have it; the working folder of the test."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mailbot.toml").write_text(
        '[authentication]\nauthserv_id = "mx.helpdesk.example"\n[lmtp]\nlisten = "127.0.0.1:0"\n[web]\nlisten = ""\n'
        '[console]\nlisten = ""\n'
        f"[delivery]\nport = {free_port()}\n",
        encoding="utf-8",
    )
    return tmp_path


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments, catch_exceptions=False)


def objects(result: Result) -> list[dict[str, object]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_a_mistake_in_the_settings_names_file_key_and_mend(
    office: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (office / "mailbot.toml").write_text('[lmtp]\nlissten = "x"\n', encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["mailbot", "doctor"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 78
    assert "mailbot.toml: [lmtp] lissten: no such setting; mend: did you mean listen?" in capsys.readouterr().err


def test_rules_check(office: Path) -> None:
    good = invoke("rules", "check")
    assert good.exit_code == 0
    assert "in order" in good.stdout
    bad = office / "rules"
    subprocess.run(["cp", "-r", str(ROOT / "rules"), str(bad)], check=True)
    file = bad / "procedures.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("subject: EXACT", "subject: EXAKT", 1), encoding="utf-8")
    result = invoke("rules", "check", str(bad), "--json")
    assert result.exit_code == 1
    assert re.search(r"procedures\.yaml:\d+:\d+: .*EXAKT.*did you mean", str(objects(result)[0]["mistake"]))


def test_accounts_are_imported_and_shown(office: Path) -> None:
    file = office / "a.csv"
    file.write_text(f"{ACCOUNTS}jan@żółw.example,Jan,Nowy,1980,m\nbad,Jan,Nowy,1980,m\n", encoding="utf-8")
    result = invoke("accounts", "import", str(file), "--json")
    assert result.exit_code == 1  # one line was left out
    told = objects(result)
    assert told[0]["line"] == 3
    assert told[1] == {"written": 1, "bad": 1}
    shown = objects(invoke("accounts", "show", "JAN@ŻÓŁW.example", "--json"))[0]
    assert (shown["surname"], shown["birth_year"], shown["pesel_hash"]) == ("Nowy", 1980, None)
    refused = CliRunner().invoke(cli, ["accounts", "import", str(file), "--bad-lines", "refuse"])
    assert "line 3" in str(refused.exception)
    missing = invoke("accounts", "show", "ktos@inny.example")
    assert missing.exit_code == 1
    assert "no such account" in missing.output


def test_an_account_is_taken_away_and_the_chain_does_not_say_whose(office: Path) -> None:
    file = office / "a.csv"
    file.write_text(f"{ACCOUNTS}jan@żółw.example,Jan,Przedziwny,1980,m\n", encoding="utf-8")
    assert invoke("accounts", "import", str(file)).exit_code == 0
    assert invoke("accounts", "remove", "JAN@ŻÓŁW.example").output == "removed\n"
    assert "no such account" in invoke("accounts", "remove", "jan@żółw.example").output
    written = invoke("audit", "export").output
    assert "account-removed" in written
    assert "w.example" not in written
    left = b"".join(one.read_bytes() for one in office.glob("*.db*"))
    assert b"Przedziwny" not in left
    assert b"przedziwny" not in left


def test_pesel_hashes_for_a_registry_elsewhere(office: Path) -> None:
    """Those that the embedded registry keeps; a number stands in no output and is taken from no command line."""
    (office / "a.csv").write_text(ACCOUNTS, encoding="utf-8")
    assert invoke("accounts", "import", str(office / "a.csv")).exit_code == 0
    lines = b"44051401359\n44051401358\n\n \xff\x00\n02070803628\r\n"
    result = CliRunner().invoke(cli, ["accounts", "pesel-hash"], input=lines)
    assert result.exit_code == 1
    made = result.stdout.splitlines()
    assert [len(one) for one in made] == [64, 0, 0, 0, 64]
    assert result.stderr.splitlines()[0] == "line 2: has a wrong check digit; mend: correct the number"
    assert [one.split(":")[0] for one in result.stderr.splitlines()] == ["line 2", "line 3", "line 4"]
    key = secret.read(Path(compose.settings(None).secret.key_file))
    assert made[0] == pesel.keyed_hash(key, "44051401359")
    told = CliRunner().invoke(cli, ["accounts", "pesel-hash", "--json"], input=b"44051401359")
    assert objects(told) == [{"line": 1, "peselHash": made[0]}]
    assert "4405" not in result.output + told.output
    assert CliRunner().invoke(cli, ["accounts", "pesel-hash", "44051401359"]).exit_code == 2


def test_doctor_tells_what_does_not_work_and_changes_nothing(office: Path) -> None:
    before = sorted(p.name for p in office.iterdir())
    result = invoke("doctor", "--json")
    found = {str(o["what"]): o for o in objects(result)}
    assert result.exit_code == 1
    assert not found["delivery"]["works"]
    assert "[delivery]" in str(found["delivery"]["mend"])
    assert "accounts import" in str(found["accounts"]["mend"])
    assert {name for name, o in found.items() if o["works"]} == {
        "database", "key", "keys", "rules", "active rules", "machines", "disk", "lmtp", "authentication", "breaker",
        "reader of applications", "work", "way in", "contacts", "trust", "clock", "addresses",
    }  # fmt: skip
    assert sorted(p.name for p in office.iterdir()) == before


def test_doctor_tries_the_ports_of_every_page(office: Path) -> None:
    file = office / "mailbot.toml"
    file.write_text(file.read_text("utf-8") + '[health]\nlisten = "192.0.2.1:8082"\n[api]\nlisten = "127.0.0.1:0"\n')
    found = {str(o["what"]): o for o in objects(invoke("doctor", "--json"))}
    assert not found["port of health"]["works"], "an address of no machine"
    assert "[health] listen" in str(found["port of health"]["mend"])
    assert found["port of api"]["works"]


def test_doctor_finds_an_imap_server_that_does_not_answer(office: Path) -> None:
    (office / "secret").write_text("x", encoding="utf-8")
    with (office / "mailbot.toml").open("a", encoding="utf-8") as file:
        file.write(
            f'[imap]\nhost = "127.0.0.1"\nport = {free_port()}\ntls = "plain"\nuser = "u"\npassword_file = "secret"\n'
        )
    found = {str(o["what"]): o for o in objects(invoke("doctor", "--json"))}
    assert not found["imap"]["works"]


def test_inject_queue_and_its_rows(office: Path) -> None:
    (office / "m.eml").write_bytes(MAIL)
    assert "stored as 1" in invoke("inject", "m.eml").stdout
    assert "was there already as 1" in invoke("inject", "m.eml").stdout
    row = objects(invoke("queue", "ls", "--json"))[0]
    assert (row["id"], row["state"], row["size"]) == (1, "queued", len(MAIL))
    shown = objects(invoke("queue", "show", "1"))[0]
    assert shown["decision"] is None
    raw = subprocess.run(
        [sys.executable, "-m", "mailbot", "queue", "show", "1", "--raw"],
        capture_output=True, check=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert raw.stdout == MAIL
    retry = invoke("queue", "retry", "1")
    assert retry.exit_code == 1
    assert "only buried rows" in retry.output


def test_what_was_seen_of_an_application_is_written_out(office: Path) -> None:
    (office / "m.eml").write_bytes(MAIL)
    invoke("inject", "m.eml")
    (office / "seen").mkdir()
    assert "nothing was seen" in invoke("queue", "show", "1", "--pictures", "seen").output
    parts = compose.settings(Path("mailbot.toml"))
    seen = View("Adam", "Adam", (b"\x89PNG",))
    with connect(parts.database.url).begin() as connection:
        rows = list(view.rows(secret.read(Path(parts.secret.key_file)), 1, seen))
        connection.execute(insert(schema.application_view), rows)
    assert invoke("queue", "show", "1", "--pictures", "seen").exit_code == 0
    assert (office / "seen" / "1-page-1.png").read_bytes() == b"\x89PNG"
    assert (office / "seen" / "1-page-1.png").stat().st_mode & 0o077 == 0
    assert "empty folder" in invoke("queue", "show", "1", "--pictures", "seen").output


@pytest.fixture
def running(office: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """The process and its LMTP port."""
    with mailbot(office, "ingress", "worker") as found:
        yield found


def test_run_takes_a_mail_decides_it_and_stops_on_sigterm(
    office: Path, running: tuple[subprocess.Popen[str], int]
) -> None:
    process, port = running
    with smtplib.LMTP("127.0.0.1", port, timeout=60) as client:
        client.sendmail("a@b.example", ["helpdesk-eclo@mf.gov.pl"], MAIL)
    assert process.stderr is not None
    for line in process.stderr:
        if '"decided"' in line:
            break
    assert '"outcome": "REJ_GENERIC"' in line  # the office has no accounts
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    ticket = objects(invoke("tickets", "list", "--json"))[0]
    assert ticket["number"] == "ZGL0000001"
    shown = objects(invoke("tickets", "show", "zgl0000001", "--json"))[0]
    assert [m["kind"] for m in shown["mails"]] == ["T1", "T5"]  # type: ignore[attr-defined, index]
    assert [d["rule"] for d in shown["decisions"]] == ["no-login"]  # type: ignore[attr-defined, index]
    assert "no-login" in invoke("tickets", "show", "ZGL0000001").stdout
    assert objects(invoke("outbox", "ls", "--json"))[0]["state"] == "waiting"
    assert invoke("tickets", "show", "ZGL0000009").exit_code == 1
    assert "no such ticket that changes a login" in invoke("tickets", "freeze", "ZGL0000001").stderr
    assert "is not stopped" in invoke("tickets", "release", "ZGL0000001").stderr


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="this machine has one core")
def test_threads_of_a_running_mailbot_share_a_core_and_who_reads_mails_has_all(
    running: tuple[subprocess.Popen[str], int],
) -> None:
    tasks = list(Path(f"/proc/{running[0].pid}/task").iterdir())
    threads = {frozenset(os.sched_getaffinity(int(task.name))) for task in tasks}
    assert len(tasks) > 1
    assert [len(cores) for cores in threads] == [1]
    readers = [int(pid) for task in tasks for pid in (task / "children").read_text().split()]
    assert readers
    assert all(os.sched_getaffinity(pid) == os.sched_getaffinity(0) for pid in readers)


def test_explain_shows_the_mails_that_would_go_out(office: Path) -> None:
    (office / "m.eml").write_bytes(MAIL)
    accounts = ROOT / "fixtures" / "accounts.yaml"
    result = invoke("explain", "m.eml", "--accounts", str(accounts), "--mails")
    assert "OK_A" in result.stdout
    assert "✓ case-a" in result.stdout
    assert "Subject: PUESC: Zmiana adresu email" in result.stdout
    stranger = objects(invoke("explain", "m.eml", "--json"))[0]
    assert (stranger["outcome"], stranger["mails"]) == ("REJ_GENERIC", ["T1", "T5"])


NEEDS = [
    *(["key", "seal"], ["key", "rotate"], ["retention", "run"], ["retention", "sweep"], ["retention", "finish"]),
    *(["retention", "erase", "a@b.example", "--reason", "1"], ["accounts", "remove", "a@b.example"]),
    *(
        ["rules", "adopt"],
        ["breaker", "lift", "--reason", "1"],
        ["tickets", "restored"],
        ["tickets", "freeze", "ZGL0000001"],
    ),
    *(["queue", "retry", "1"], ["queue", "unspam", "1"], ["outbox", "retry", "1"], ["csd", "retry", "1"]),
]


@pytest.mark.parametrize("words", NEEDS, ids=" ".join)
def test_what_needs_a_database_makes_none(
    office: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    """As where --config was forgotten: an empty one would be told to be sealed, rotated, erased."""
    before = sorted(office.iterdir())
    monkeypatch.setattr(sys, "argv", ["mailbot", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code in (1, 78)
    assert "no such file; mend: name the database of mailbot run" in capsys.readouterr().err
    assert sorted(office.iterdir()) == before
