"""The desk from the command line: every action, refusals, two people at once, what programs are told."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select, update

from mailbot.cli import cli, ticket_numbers
from mailbot.cli.ticket_verbs import TYPED
from mailbot.config import Settings
from mailbot.desk import requests as r
from mailbot.desk.requests import Action
from mailbot.mails.write import Writer
from mailbot.ruleset.model import Ruleset
from mailbot.service import compose
from mailbot.storage.desk import audit, operator
from mailbot.storage.engine import connect
from mailbot.storage.schema import ticket_event
from tests.bench_desk import ANNA, BASIA, SECRET, SIGNED, Bench
from tests.citizens import AUTHSERV_ID
from tests.flow import EWA, JAN
from tests.support import ROOT

PESEL = "44051401359"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with its people and accounts, and nothing else."""
    folder = tmp_path_factory.mktemp("office")
    engine = connect(f"sqlite:///{folder}/mailbot.db")
    compose.migrate(engine)
    Bench(engine, fill=True)
    engine.dispose()
    return folder


@pytest.fixture(scope="module")
def rules() -> tuple[Ruleset, Writer]:
    return compose.rules(Settings())


@pytest.fixture
def bench(
    made: Path, rules: tuple[Ruleset, Writer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Bench]:
    """An office in the working folder, whose clock is the bench's. Rules and schema are made once for all tests."""
    monkeypatch.setattr(compose, "rules", lambda chosen: rules)
    monkeypatch.setattr(compose, "opened", lambda chosen, engine: SECRET)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mailbot.db").write_bytes((made / "mailbot.db").read_bytes())
    (tmp_path / "key").write_bytes(bytes(range(32)))
    (tmp_path / "latin2.txt").write_bytes("Pozdrawiam, Łukasz".encode("iso-8859-2"))
    (tmp_path / "mailbot.toml").write_text(
        '[database]\nurl = "sqlite:///mailbot.db"\n[secret]\nkey_file = "key"\n'
        f'[authentication]\nauthserv_id = "{AUTHSERV_ID}"\nmax_age_days = 36500\n',
        encoding="utf-8",
    )
    engine = connect("sqlite:///mailbot.db")
    found = Bench(engine)
    for module in ("ticket_former", "ticket_acts", "ticket_lists", "ticket_application"):
        monkeypatch.setattr(f"mailbot.cli.{module}.utc_now", found.clock)
    yield found
    engine.dispose()


def invoke(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(cli, ["tickets", *arguments], input=stdin, catch_exceptions=False)


def told(*arguments: str, exit_code: int = 0, stdin: str | None = None) -> dict[str, Any]:
    """The JSON object that a command prints."""
    result = invoke(*arguments, "--json", stdin=stdin)
    assert result.exit_code == exit_code, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def question(bench: Bench) -> None:
    bench.question()


def two_questions(bench: Bench) -> None:
    bench.question()
    bench.letter(EWA.login, "Drugie pytanie o ten formularz.", subject="Drugie pytanie o formularz")


def answered_again(bench: Bench) -> None:
    bench.question()
    bench.letter(EWA.login, "A to inna sprawa.", subject="Re: ZGL0000001")


def granted_b(bench: Bench) -> None:
    bench.review_b(SIGNED)


def stopped_b(bench: Bench) -> None:
    bench.review_b(SIGNED)
    bench.done(ANNA, r.Stop)


def seen_b(bench: Bench) -> None:
    bench.review_b()
    bench.look(ANNA, BASIA)


def half_b(bench: Bench) -> None:
    seen_b(bench)
    bench.done(ANNA, r.AcceptB, old_login=JAN.login, waived=frozenset({"application"}))


def quarantined(bench: Bench) -> None:
    bench.letter(auth="fail")


def closed(bench: Bench) -> None:
    bench.question()
    bench.done(ANNA, r.ReplyAndClose, text="Działa.")
    bench.clock.advance(hours=1)
    bench.send()


def complained(bench: Bench) -> None:
    closed(bench)
    bench.done(ANNA, r.Reopen)


def replied(bench: Bench) -> None:
    bench.question()
    bench.done(ANNA, r.Reply, text="Zaraz to cofnę.")


def taken(bench: Bench) -> None:
    bench.question()
    bench.done(ANNA, r.Take)


def buried(bench: Bench) -> None:
    bench.question()
    bench.bury("T8")


def over_limit(bench: Bench) -> None:
    for _ in range(40):
        bench.letter(EWA.login, "Pytanie o formularz?", subject="Pytanie")
        if bench.last().state == "WSTRZYMANE":
            return


SITUATIONS: Sequence[tuple[Action, Callable[[Bench], None], str, str, str]] = (
    (Action.TAKE, question, "anna", "1", "taken"),
    (Action.GIVE, taken, "anna", "1 cela", "given"),
    (Action.PUT_BACK, taken, "anna", "1", "put-back"),
    (Action.ASSIGN, question, "anna", "1 II_LINIA", "assigned"),
    (Action.NOTE, question, "anna", "1 --text tylko-dla-nas", "note"),
    (Action.REPLY, question, "anna", "1 --text Tak.", "replied"),
    (Action.REPLY_AND_CLOSE, question, "anna", "1 --text Tak. --how unchanged", "replied-and-closed"),
    (Action.ASK, question, "anna", "1 --text Który?", "asked"),
    (Action.REFUSE_NAMED, Bench.review_a, "anna", "1 --defect NAME_MISSING --defect YEAR_MISSING", "refused"),
    (Action.REFUSE_GENERIC, Bench.review_a, "anna", "1 --reason inna-osoba", "refused"),
    (Action.ACCEPT_A, Bench.review_a, "anna", "1 --waive name --reason literówka", "accepted"),
    (Action.ACCEPT_B, seen_b, "anna", f"1 {JAN.login} --waive application --reason zgadza", "accept-b-first"),
    (Action.CONFIRM_B, half_b, "basia", f"1 {JAN.login} --waive application --reason zgadza", "accepted"),
    (Action.WITHDRAW_B, half_b, "anna", "1 --reason pomyłka", "accept-b-withdrawn"),
    (Action.STOP, granted_b, "anna", "1 --reason dzwonił", "stopped"),
    (Action.RELEASE, stopped_b, "basia", "1 --reason oddzwoniono", "released"),
    (Action.OUT_OF_QUARANTINE, quarantined, "basia", "1 --reason pewny", "out-of-quarantine"),
    (Action.OUT_OF_LIMIT, over_limit, "basia", "LAST", "out-of-limit"),
    (Action.CLOSE, stopped_b, "basia", "1 --how refused --silence noise --reason kradzież", "closed"),
    (Action.REOPEN, closed, "anna", "1 --reason skarga", "reopened"),
    (Action.ANSWER_COMPLAINT, complained, "anna", "1 --text Sprawdziliśmy.", "complaint-answered"),
    (Action.MERGE, two_questions, "anna", "2 zgl-1 --reason to-samo", "merged"),
    (Action.SPLIT, answered_again, "anna", "1 2 --reason inna-sprawa", "split"),
    (Action.LINK, two_questions, "anna", "2 1", "linked"),
    (Action.MAIL_RETRY, buried, "anna", "1 1", "mail-retry"),
    (Action.MAIL_HOLD, question, "anna", "1 1 --reason poczekaj", "mail-hold"),
    (Action.MAIL_CANCEL, buried, "anna", "1 1 --reason zły-adres", "mail-cancel"),
    (Action.TAKE_BACK, replied, "anna", "1", "taken-back"),
    (Action.CALL, question, "anna", "1 --outcome told --text pytał", "call"),
)
"""Action, what was before it, who, the arguments, the event."""


def test_every_action_has_its_situation() -> None:
    assert [row[0] for row in SITUATIONS] == list(Action)


@pytest.mark.parametrize(
    ("action", "before", "who", "arguments", "event"), SITUATIONS, ids=[row[0].value for row in SITUATIONS]
)
def test_an_action_is_done_in_the_name_of_an_operator(
    bench: Bench, action: Action, before: Callable[[Bench], None], who: str, arguments: str, event: str
) -> None:
    before(bench)
    words = [bench.last().number if word == "LAST" else word for word in arguments.split()]
    seen = bench.version(words[0])
    done = told(*TYPED[action].split(), *words, "--as", who, "--yes")
    assert set(done) == documented("an action")
    assert (done["action"], done["event"], done["before"]) == (action.value, event, seen)
    with bench.engine.connect() as connection:
        wanted = select(ticket_event.c.detail).where(ticket_event.c.id == done["version"])
        detail = connection.execute(wanted).scalar_one()
        (row,) = connection.execute(select(audit).where(audit.c.after == done["version"])).mappings()
    assert detail["by"] == who
    assert detail["uid"] >= 0
    assert row["actor"] == f"operator:{who}"
    assert " shell:" in row["reason"], "nobody has shown at a shell that they are the operator"
    again = told("show", words[0], "--as", who)
    assert again["version"] == done["version"]


@dataclass(frozen=True)
class Wrong:
    before: Callable[[Bench], None]
    arguments: str
    exit_code: int
    says: str


WRONG = [
    Wrong(question, "take 1", 2, "mend: --as OPERATOR"),
    Wrong(question, "take 1 --as nikt", 1, "nikt: no such operator who works here; mend: mailbot operators list"),
    Wrong(question, "take 99 --as anna", 1, "99: nie ma takiego zgłoszenia"),
    Wrong(question, "take abc --as anna", 1, "nie ma takiego zgłoszenia"),
    Wrong(taken, "take 1 --as anna", 1, "już je masz"),
    Wrong(question, "take 1 --as adam", 1, "roli konsultanta"),
    Wrong(question, "take 1 --as ola", 1, "roli konsultanta"),
    Wrong(question, "give 1 --as anna", 2, "Missing argument"),
    Wrong(question, "give 1 nikt --as basia", 1, "nie ma takiej osoby"),
    Wrong(question, "assign 1 NIGDZIE --as anna", 2, "is not one of"),
    Wrong(question, "note 1 --as anna", 1, "napisz treść"),
    Wrong(question, "note 1 --as anna --text x --file mailbot.toml", 2, "two texts"),
    Wrong(question, "note 1 --as anna --text \udcff", 2, "is not UTF-8"),
    Wrong(question, "note 1 --as anna --file latin2.txt", 2, "is not UTF-8"),
    Wrong(question, "reply 1 --as anna --text Tak. --json", 2, "then say --yes"),
    Wrong(question, "reply 1 --as anna --text Tak.", 2, "look at them with --preview, then say --yes"),
    Wrong(question, f"reply 1 --as anna --yes --text {PESEL}", 1, "PESEL"),
    Wrong(question, "reply 1 --as anna --yes --template T3", 1, "nie ma wzoru T3"),
    Wrong(question, "reply 1 --as anna --yes --template T99", 2, "is not one of"),
    Wrong(question, "reply 1 --as anna --yes --text Tak. --attach mailbot.toml", 1, "tylko PDF, PNG i JPEG"),
    Wrong(question, "reply 1 --as anna --yes --text Tak. --attach nowhere.pdf", 2, "does not exist"),
    Wrong(question, "close 1 --as anna --how done", 2, "--silence is missing"),
    Wrong(question, "close 1 --as anna --how done --silence noise", 1, "napisz powód"),
    Wrong(question, "close 1 --as anna --reason x", 1, "is not stopped"),
    Wrong(question, "refuse 1 --as anna --defect NAME_MISSING", 1, "odpowiedz i zamknij"),
    Wrong(question, "accept-a 1 --as anna --reason x --yes", 1, "zaznacz i wyjaśnij"),
    Wrong(question, "mail retry 1 1 --as anna", 1, "czeka na swoją kolej"),
    Wrong(question, "mail retry 1 77 --as anna", 1, "wiadomość 77 nie należy"),
    Wrong(question, "merge 1 9 --as anna --reason x", 1, "9: nie ma takiego zgłoszenia"),
    Wrong(question, "application 1 --as anna --out .", 1, "nothing was seen"),
    Wrong(quarantined, "out-of-quarantine 1 --as anna --reason x", 1, "przełożony"),
    Wrong(quarantined, "list --mine", 2, "mend: --as OPERATOR"),
    Wrong(quarantined, "list --open --state KWARANTANNA", 2, "mend: --why"),
    Wrong(quarantined, "find nikogo.takiego@nie.ma", 1, "no such ticket"),
    Wrong(granted_b, "release 1 --preview", 2, "mend: --as OPERATOR"),
]


@pytest.mark.parametrize("wrong", WRONG, ids=[one.arguments for one in WRONG])
def test_a_refusal_names_the_way_and_nothing_is_written(bench: Bench, wrong: Wrong) -> None:
    wrong.before(bench)
    before = bench.events(), bench.kinds()
    result = invoke(*wrong.arguments.split())
    assert result.exit_code == wrong.exit_code, result.output
    assert wrong.says in result.stderr
    assert (bench.events(), bench.kinds()) == before


def test_two_people_at_once(bench: Bench) -> None:
    bench.question()
    seen = str(told("show", "1")["version"])
    assert invoke("reply", "1", "--as", "basia", "--version", seen, "--yes", "--text", "Pierwsza.").exit_code == 0
    late = ("reply", "1", "--as", "anna", "--version", seen, "--yes", "--text", "Druga.")
    result = invoke(*late)
    assert result.exit_code == 1
    assert "zmieniło się w tym czasie (basia)" in result.stderr
    assert re.search(r"replied  basia: Pierwsza\.", result.stderr)
    refused = told(*late, exit_code=1)
    assert set(refused) == documented("a refusal")
    assert (refused["refused"], refused["since"][0]["text"]) == ("changed", "Pierwsza.")
    assert bench.kinds() == ["T8", "T21"]


def test_a_mail_is_seen_before_it_leaves(bench: Bench, tmp_path: Path) -> None:
    bench.question()
    (tmp_path / "plik.pdf").write_bytes(b"%PDF-1.7 x")
    (tmp_path / "tekst.txt").write_text("Pierwszy akapit.\n\nDrugi: ąęśż.\n", encoding="utf-8")
    mail = ("reply", "1", "--as", "anna", "--file", "tekst.txt", "--attach", "plik.pdf")
    shown = invoke(*mail, "--preview")
    assert shown.exit_code == 0
    for words in ("T21 to ewa@mejl.example", "Subject: ZGL0000001", "Drugi: ąęśż.", "File: plik.pdf", "Help Desk SISC"):
        assert words in shown.stdout
    assert set(told(*mail, "--preview")) == documented("a mail")
    assert bench.kinds() == ["T8"]
    assert invoke(*mail, "--yes").exit_code == 0
    assert bench.kinds() == ["T8", "T21"]
    assert b"application/pdf" in bench.mails()[-1].raw


@pytest.mark.parametrize(("answer", "kinds"), [("y\n", ["T8", "T21"]), ("n\n", ["T8"])])
def test_who_sits_at_a_terminal_is_asked(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, answer: str, kinds: list[str]
) -> None:
    bench.question()
    monkeypatch.setattr("click.testing._NamedTextIOWrapper.isatty", lambda self: True, raising=False)
    result = invoke("reply", "1", "--as", "anna", "--text", "Tak.", stdin=answer)
    assert "Help Desk SISC" in result.stdout
    assert "Wyślij odpowiedź klientowi?" in result.output
    assert (result.exit_code, bench.kinds()) == (int(answer == "n\n"), kinds)


def test_a_text_comes_from_standard_input_and_a_note_is_no_mail(bench: Bench) -> None:
    bench.question()
    assert invoke("note", "1", "--as", "anna", stdin=f"dzwonił {PESEL}\n\x1b[2J").exit_code == 0
    assert invoke("note", "1", "--as", "anna", "--file", "-", stdin="drugi raz").exit_code == 0
    text = invoke("show", "1", "--as", "anna").stdout
    assert "note> dzwonił [PESEL]" in text
    assert "note> drugi raz" in text
    assert "\x1b" not in text
    assert bench.kinds() == ["T8"]


def test_the_environment_names_the_operator(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.question()
    monkeypatch.setenv("MAILBOT_OPERATOR", "ANNA")
    assert told("take", "1")["owner"] == "anna"
    assert invoke("list", "--mine").stdout.split()[2] == "ZGL0000001"
    with bench.engine.begin() as connection:
        connection.execute(update(operator).where(operator.c.name == "anna").values(state="disabled"))
    assert "no such operator who works here" in invoke("put-back", "1").stderr


def test_one_user_of_the_machine_is_one_person(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two names at one shell are no two people: the second half is done elsewhere."""
    seen_b(bench)
    half = (JAN.login, "--waive", "application", "--reason", "zgadza się")
    assert invoke("accept-b", "1", *half, "--as", "anna").exit_code == 0
    both = invoke("confirm-b", "1", *half, "--as", "basia", "--yes")
    assert both.exit_code == 1
    assert "to robi druga osoba" in both.stderr
    monkeypatch.setattr("mailbot.cli.ticket_acts.os.getuid", lambda: 4242)
    assert invoke("confirm-b", "1", *half, "--as", "basia", "--yes").exit_code == 0
    assert bench.kinds() == ["T1", "T14", "T2B", "T3"]


def test_the_application_is_looked_at_by_name(bench: Bench, tmp_path: Path) -> None:
    bench.review_b()
    (tmp_path / "out").mkdir()
    result = invoke("application", "1", "--as", "anna", "--out", "out")
    assert result.exit_code == 0, result.output
    (file,) = (tmp_path / "out").iterdir()
    assert file.stat().st_mode & 0o077 == 0
    assert bench.case().looked == {"anna"}
    assert "empty folder" in invoke("application", "1", "--as", "basia", "--out", "out").stderr


def test_show_puts_side_by_side_what_differs(bench: Bench) -> None:
    bench.review_a()
    bench.send()
    found = told("show", "zgl 1", "--as", "anna")
    assert documented("a ticket") <= set(found)
    person = next(line for line in found["compare"] if line["name"] == "person")
    assert person["letter"] == {"text": "Jan Kowalsky", "mark": "doubt"}
    assert person["differs"]
    assert found["deviations"] == ["name"]
    assert "accept-a" in found["can"]
    assert found["cannot"]["accept-b"].startswith("to nie jest zmiana loginu")
    assert set(found["can"]) | set(found["cannot"]) == set(Action)
    assert found["mails"][0]["proof"] == "250 ok"
    text = invoke("show", "1", "--as", "anna").stdout
    assert re.search(r"^≠ imię i nazwisko +Jan Kowalsky \(\? niepewne\)", text, re.MULTILINE)
    assert "2026-11-20 10:00" in text, "the clock of the office"
    assert re.search(r"mail 1 T1: done 2026-11-20 10:00:00 250 ok", text)
    assert "can: take" in text
    assert "cannot mail retry, mail hold, mail cancel: " in text, "a line a reason"
    assert "can" not in told("show", "1"), "nobody asked in whose name"


def test_show_without_the_key_says_so_and_shows_the_rest(bench: Bench, tmp_path: Path) -> None:
    bench.question()
    (tmp_path / "key").unlink()
    result = invoke("show", "1", "--json")
    assert result.exit_code == 0
    assert "what is sealed is not shown" in result.stderr
    assert json.loads(result.stdout)["number"] == "ZGL0000001"


def test_what_is_to_be_done_is_listed_by_deadline(bench: Bench) -> None:
    bench.question()
    bench.review_b()
    bench.letter(auth="fail", name="forged")
    bench.clock.advance(hours=30)
    bench.done(ANNA, r.Take)

    def numbers(*arguments: str) -> list[str]:
        result = invoke("list", *arguments, "--json")
        assert result.exit_code == 0, result.output
        rows = [json.loads(line) for line in result.stdout.splitlines()]
        assert all(set(row) == documented("a line of a list") for row in rows)
        return [row["number"].removeprefix("ZGL000000") for row in rows]

    assert numbers("--open")[0] == "2"
    assert set(numbers("--by-deadline")) == {"1", "2", "3"}
    assert numbers("--open", "--limit", "1") == ["2"]
    assert numbers("--desk", "II_LINIA") == ["2"]
    assert numbers("--mine", "--as", "anna") == ["1"]
    assert numbers("--late") == ["2"]
    assert numbers("--why", "quarantine") == ["3"]
    assert numbers("--why", "review") == ["2"]
    late, mine = (invoke("list", *args).stdout for args in (("--late",), ("--mine", "--as", "anna")))
    assert late.startswith("! 2026-11-21 10:00  ZGL0000002  DO_WERYFIKACJI")
    assert mine.startswith("  2026-12-04")


def test_more_than_a_page_is_listed(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("todo", "search"):
        monkeypatch.setattr(f"mailbot.desk.{module}.PAGE", 2)
    monkeypatch.setattr("mailbot.cli.ticket_lists.PAGE", 2)
    for n in range(5):
        bench.letter(EWA.login, f"Pytanie numer {n} o formularz.", subject=f"Pytanie {n}")
    assert len(invoke("list", "--open").stdout.splitlines()) == 5
    assert len(invoke("list", "--open", "--limit", "3").stdout.splitlines()) == 3
    assert len(invoke("find", EWA.login).stdout.splitlines()) == 5


@pytest.mark.parametrize(
    ("said", "found"),
    [
        *(("ZGL 0000002", ["2"]), ("zgl-2", ["2"]), ("2", ["2"]), ("EWA@mejl.example", ["1"])),
        *(("Nowak", ["1"]), ("ewa nowak", ["1"]), ("20.11.2026", ["2", "1"]), ("2026-11-20", ["2", "1"])),
    ],
)
def test_a_ticket_is_found_by_whatever_a_caller_says(bench: Bench, said: str, found: list[str]) -> None:
    bench.question()
    bench.review_b()
    result = invoke("find", *said.split())
    assert result.exit_code == 0, result.output
    assert re.findall(r"ZGL000000(\d)", result.stdout) == found


def test_nobody_says_at_a_shell_who_a_caller_was(bench: Bench) -> None:
    """What he answered is compared by the machine: a call that is written down here proves nobody."""
    bench.question()
    assert invoke("call", "1", "--outcome", "told", "--as", "anna", "--text", "to na pewno on").exit_code == 0
    assert (bench.case().called, bench.case().identified) == (True, False)
    assert invoke("call", "1", "--outcome", "told", "--as", "anna", "--heard", "name", "right").exit_code == 2


def test_another_desk_is_not_listed_for_who_has_desks(bench: Bench) -> None:
    bench.question()
    bench.review_b()
    with bench.engine.begin() as connection:
        connection.execute(update(operator).where(operator.c.name == "cela").values(desks=["I_LINIA"]))
    assert re.findall(r"ZGL\d+", invoke("list", "--open", "--as", "cela").stdout) == ["ZGL0000001"]
    assert invoke("find", "2", "--as", "cela").exit_code == 1
    assert "no such ticket" in invoke("show", "2", "--as", "cela").stderr
    assert "II_LINIA" in invoke("note", "2", "--as", "cela", "--text", "x").stderr


def test_a_user_of_the_machine_does_what_was_done_before(bench: Bench) -> None:
    """freeze, release and close in nobody's name who is an operator, as scripts of before do."""
    granted_b(bench)
    assert invoke("freeze", "zgl-1", "--as", "Anna N.").exit_code == 0
    assert "goes on; mails leave from" in invoke("release", "1", "--as", "Anna N.", "--reason", "oddzwoniono").stdout
    assert invoke("freeze", "1").exit_code == 0
    assert "closed; its link stays dead" in invoke("close", "1", "--reason", "kradzież").stdout
    assert bench.ticket().state == "ZAMKNIETE_NEGATYWNIE"


def documented(what: str) -> set[str]:
    """Fields of the table of docs/operator.md."""
    page = (ROOT / "docs" / "operator.md").read_text(encoding="utf-8")
    (row,) = re.findall(rf"^\| {what} \|.*\| (.*) \|$", page, re.MULTILINE)
    return set(re.findall(r"`([a-z_]+)`", re.sub(r"\([^()]*\)", "", row)))


def test_help_is_light(tmp_path: Path) -> None:
    heavy = ("mailbot.console", "aiohttp", "pypdf", "pypdfium2", "PIL", "pyhanko", "tesserocr")
    code = (
        "import sys\nfrom click.testing import CliRunner\nfrom mailbot.cli import cli\n"
        "import mailbot.cli.tickets\nassert 'sqlalchemy' not in sys.modules\n"
        "assert CliRunner().invoke(cli, ['tickets', '--help']).exit_code == 0\n"
        f"sys.exit(', '.join(m for m in {heavy!r} if m in sys.modules))"
    )
    result = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True, cwd=ROOT)
    assert result.stderr.strip() == ""


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_is_told_how_to_complete(shell: str) -> None:
    result = CliRunner().invoke(cli, ["completion", shell])
    assert result.exit_code == 0
    assert "_MAILBOT_COMPLETE" in result.stdout


def completed(folder: Path, *words: str) -> tuple[str, str]:
    """What bash is offered for the last of the words, and what goes wrong beside it."""
    environment = {
        "_MAILBOT_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(["mailbot", *words]),
        "COMP_CWORD": str(len(words)),
        "PYTHONPATH": str(ROOT),
        "PATH": "",
    }
    command = [sys.executable, "-c", "import sys; sys.argv = ['mailbot']; from mailbot.cli import main; main()"]
    found = subprocess.run(command, check=False, capture_output=True, text=True, cwd=folder, env=environment)
    return found.stdout.strip(), found.stderr


def test_open_numbers_are_completed_without_noise(bench: Bench, tmp_path: Path) -> None:
    two_questions(bench)
    bench.done(ANNA, r.Close, how=r.How.DONE, silence=r.Silence.NOISE)
    assert completed(tmp_path, "tickets", "take", "zgl") == ("plain,ZGL0000002", "")
    assert "plain,take-back" in completed(tmp_path, "tickets", "take")[0]
    (tmp_path / "mailbot.toml").write_text("[no such thing", encoding="utf-8")
    assert completed(tmp_path, "tickets", "take", "") == ("", "")


@pytest.mark.parametrize("url", ["sqlite:///nowhere.db", "sqlite:///empty.db", "nothing://x"])
def test_nothing_is_completed_without_a_database(bench: Bench, tmp_path: Path, url: str) -> None:
    (tmp_path / "empty.db").touch()
    (tmp_path / "mailbot.toml").write_text(f'[database]\nurl = "{url}"\n', encoding="utf-8")
    argument = ticket_numbers.argument()
    assert ticket_numbers.complete(click.Context(click.Command("take")), argument, "") == []
    assert not (tmp_path / "nowhere.db").exists()
